package mirror

import (
	"context"

	"lifecycle-sync/models"
)

// OwnTables names our tables beside the mirror.
func OwnTables() (names []string) {
	for _, n := range needs() {
		names = append(names, n.table)
	}
	return names
}

// LackingRights lists the grants, without the role to which, that the role lacks on our tables beside the
// mirror, and on the database. PostgreSQL only. Errors: connection.
func (s *Store) LackingRights(ctx context.Context) ([]string, error) {
	conn, err := s.pool.DB.Conn(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return lackingRights(ctx, conn, needs())
}

// MissingKeys lists the statements that add the foreign keys which the mirror lacks, between the tables
// that the source has. PostgreSQL only. Errors: connection.
func (s *Store) MissingKeys(ctx context.Context, present []*models.Table) ([]string, error) {
	conn, err := s.pool.DB.Conn(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	keys, err := readKeys(ctx, conn)
	if err != nil {
		return nil, err
	}
	var statements []string
	missing := keys.missing(present)
	for _, t := range present {
		for _, c := range missing[t.Name] {
			statements = append(statements, addKey(t, c, models.FindTable(present, c.References)))
		}
	}
	return statements, nil
}

// Foreign lists, as "trigger x on y" and "rule x on y", what others have put on the mirror's tables.
// PostgreSQL only. Errors: connection.
func (s *Store) Foreign(ctx context.Context) ([]string, error) {
	conn, err := s.pool.DB.Conn(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	var all []string
	for cells, err := range conn.Rows(ctx, `SELECT format('%s %I on %s', f.kind, f.name, f.relation) FROM (
			SELECT 'trigger' AS kind, tgname AS name, tgrelid::regclass AS relation FROM pg_trigger WHERE NOT tgisinternal
			UNION ALL SELECT 'rule', rulename, ev_class::regclass FROM pg_rewrite) f
		JOIN pg_class c ON c.oid = f.relation AND c.relkind IN ('r', 'p')
		WHERE c.oid IN (SELECT to_regclass(quote_ident(n)) FROM unnest($1::text[]) AS n) ORDER BY 1`, s.pool.MirrorNames()) {
		if err != nil {
			return nil, err
		}
		all = append(all, string(cells[0]))
	}
	return all, nil
}

// IsMirrored reports whether a table has rows in the mirror, or had in an earlier run: then lifecycle_db
// must have it. Errors: connection, timeout, schema.
func (s *Store) IsMirrored(ctx context.Context, t *models.Table) (known bool, err error) {
	conn, err := s.pool.DB.Conn(ctx)
	if err != nil {
		return false, err
	}
	defer conn.Close()
	err = conn.QueryRow(ctx, mirroredBefore(t), nil, &known)
	return known, err
}
