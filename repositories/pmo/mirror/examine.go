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

// LackingRights lists the grants, without "TO role", that the role lacks on our tables beside the mirror and on the
// database. PostgreSQL only. Errors: connection.
func (s *Store) LackingRights(ctx context.Context) ([]string, error) {
	return lackingRights(ctx, s.pool.Session, needs())
}

// MissingKeys lists the statements that add missing foreign keys between the tables that the source has. PostgreSQL
// only. Errors: connection.
func (s *Store) MissingKeys(ctx context.Context, present []*models.Table) (statements []string, err error) {
	keys, err := readKeys(ctx, s.pool.Session)
	if err != nil {
		return nil, err
	}
	missing := keys.missing(present)
	for _, t := range present {
		for _, c := range missing[t.Name] {
			statements = append(statements, addKey(t, c, models.FindTable(present, c.References)))
		}
	}
	return statements, nil
}

// ForeignTriggers lists the triggers and rules on mirrored tables, as "trigger x on y" and "rule x on y". PostgreSQL
// only. Errors: connection.
func (s *Store) ForeignTriggers(ctx context.Context) (found []string, err error) {
	for cells, err := range s.pool.Query(ctx, `SELECT format('%s %I on %s', f.kind, f.name, f.relation) FROM (
			SELECT 'trigger' AS kind, tgname AS name, tgrelid::regclass AS relation FROM pg_trigger WHERE NOT tgisinternal
			UNION ALL SELECT 'rule', rulename, ev_class::regclass FROM pg_rewrite) f
		JOIN pg_class c ON c.oid = f.relation AND c.relkind IN ('r', 'p')
		WHERE c.oid IN (SELECT to_regclass(quote_ident(n)) FROM unnest($1::text[]) AS n) ORDER BY 1`, s.pool.MirrorNames()) {
		if err != nil {
			return nil, err
		}
		found = append(found, string(cells[0]))
	}
	return found, nil
}

// IsMirrored reports whether a table has mirrored rows or was part of a run: then lifecycle_db must have it. Errors:
// connection, timeout, schema.
func (s *Store) IsMirrored(ctx context.Context, t *models.Table) (mirrored bool, err error) {
	return isMirrored(ctx, s.pool.Session, t)
}
