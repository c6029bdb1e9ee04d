package pmo

import (
	"context"
	"slices"

	"lifecycle-sync/repositories/database"
)

// versionChannel is the NOTIFY channel on which PostgreSQL announces the mirror's new version.
const versionChannel = "lifecycle_mirror"

// View runs fn in one read-only snapshot of pmo_db and returns the mirror's version in it. Errors: fn's,
// connection, timeout, schema.
func (s *Store) View(ctx context.Context, fn func(s *Session) error) (version int64, err error) {
	err = s.within(ctx, database.ReadOnly, func(s *Session) error {
		if err := s.Conn.QueryRow(ctx, versionQuery, nil, &version); err != nil {
			return err
		}
		return fn(s)
	})
	return version, err
}

// InTx runs fn in one write transaction, which commits when fn returns nil. On SQLite it waits for the
// write lock. Errors: fn's, busy, connection, timeout.
func (s *Store) InTx(ctx context.Context, fn func(s *Session) error) error {
	return s.within(ctx, database.Write, func(s *Session) error {
		if err := fn(s); err != nil {
			return err
		}
		return s.Conn.Commit(ctx)
	})
}

func (s *Store) within(ctx context.Context, mode database.TxMode, fn func(*Session) error) error {
	conn, err := s.DB.BeginConn(ctx, mode)
	if err != nil {
		return err
	}
	defer conn.Close()
	return fn(&Session{DB: s.DB, Tables: s.Tables, Conn: conn})
}

// BumpVersion increments the mirror's version; every process is notified when the transaction commits.
// Transactions that change what the API answers call it last: the row stays locked until they end.
func (s *Session) BumpVersion(ctx context.Context) (version int64, err error) {
	const update = "UPDATE lifecycle_mirror_version SET version = version + 1 RETURNING version"
	if !s.DB.Features().Notifications {
		return version, s.Conn.QueryRow(ctx, update, nil, &version)
	}
	var sent *string
	err = s.Conn.QueryRow(ctx, "WITH v AS ("+update+") SELECT version, pg_notify('"+versionChannel+"', version::text)::text FROM v", nil, &version, &sent)
	return version, err
}

// DeleteIDs deletes, in the transaction, the rows whose last named column is one of the ids: target is
// "table WHERE id".
func (s *Session) DeleteIDs(ctx context.Context, target string, ids []int64) error {
	const chunk = 10_000
	for part := range slices.Chunk(ids, chunk) {
		condition, args := s.DB.AnyOf("", part)
		if _, err := s.Conn.Exec(ctx, "DELETE FROM "+target+condition, args...); err != nil {
			return err
		}
	}
	return nil
}
