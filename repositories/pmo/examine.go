package pmo

import (
	"context"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/migrations"
)

// Examiner looks at the server and the tables.
func (s *Store) Examiner() *database.Examiner { return s.db.Examiner() }

// SchemaVersion is the version of the tables in pmo_db, 0 when they were never migrated, and the one that
// this binary makes. Errors: permission, connection.
func (s *Store) SchemaVersion(ctx context.Context) (current, latest int64, err error) {
	return migrations.Version(ctx, s.db)
}

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
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return lackingRights(ctx, conn, needs())
}

// MissingKeys lists the statements that add the foreign keys which the mirror lacks, between the tables
// that the source has. PostgreSQL only. Errors: connection.
func (s *Store) MissingKeys(ctx context.Context, present []*models.Table) ([]string, error) {
	conn, err := s.db.Conn(ctx)
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
			statements = append(statements, addKey(t, c, find(present, c.References)))
		}
	}
	return statements, nil
}

// Foreign lists, as "trigger x on y" and "rule x on y", what others have put on the mirror's tables.
// PostgreSQL only. Errors: connection.
func (s *Store) Foreign(ctx context.Context) ([]string, error) {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	names := make([]string, len(s.tables))
	for i, t := range s.tables {
		names[i] = t.Mirror
	}
	var all []string
	for cells, err := range conn.Rows(ctx, `SELECT format('%s %I on %s', f.kind, f.name, f.relation) FROM (
			SELECT 'trigger' AS kind, tgname AS name, tgrelid::regclass AS relation FROM pg_trigger WHERE NOT tgisinternal
			UNION ALL SELECT 'rule', rulename, ev_class::regclass FROM pg_rewrite) f
		JOIN pg_class c ON c.oid = f.relation AND c.relkind IN ('r', 'p')
		WHERE c.oid IN (SELECT to_regclass(quote_ident(n)) FROM unnest($1::text[]) AS n) ORDER BY 1`, names) {
		if err != nil {
			return nil, err
		}
		all = append(all, string(cells[0]))
	}
	return all, nil
}

// LeftRunning is the run that is said to be under way, nil when there is none, and whether its process
// lives, which on SQLite is not known and taken for granted. Errors: connection, timeout, schema.
func (s *Store) LeftRunning(ctx context.Context) (run *models.Run, alive bool, err error) {
	run, err = s.Running(ctx)
	if err != nil || run == nil || s.Kind() == database.SQLite {
		return run, true, err
	}
	err = s.db.Translate(s.gorm(ctx).Raw("SELECT " + runLockHeld()).Scan(&alive).Error)
	return run, alive, err
}

// IsMirrored reports whether a table has rows in the mirror, or had in an earlier run: then lifecycle_db
// must have it. Errors: connection, timeout, schema.
func (s *Store) IsMirrored(ctx context.Context, t *models.Table) (known bool, err error) {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return false, err
	}
	defer conn.Close()
	err = conn.QueryRow(ctx, mirroredBefore(t), nil, &known)
	return known, err
}

// Hears reports whether what one connection notifies another one is told within a time, as the API's
// processes need it of each other. PostgreSQL only. Errors: connection.
func (s *Store) Hears(ctx context.Context, token string, within time.Duration) (bool, error) {
	const channel = "lifecycle_doctor"
	listener, err := s.db.Dial(ctx, "doctor")
	if err != nil {
		return false, err
	}
	defer listener.Close()
	if err := listener.Listen(ctx, channel); err != nil {
		return false, err
	}
	if err := s.gorm(ctx).Exec("SELECT pg_notify(?, ?)", channel, token).Error; err != nil {
		return false, s.db.Translate(err)
	}
	for until := time.Now().Add(within); ; {
		heard, sent, err := listener.Next(ctx, until)
		if err != nil || !sent || heard == token { // others may be examining, too
			return sent, err
		}
	}
}
