package pmo

import (
	"context"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
)

// versionChannel is where PostgreSQL tells every process the mirror's new version.
const versionChannel = "lifecycle_mirror"

// View runs fn against one state of pmo_db, whatever is written meanwhile, and returns the version of
// the mirror that it saw. Errors: fn's, connection, timeout, schema.
func (s *Store) View(ctx context.Context, fn func(v *Store) error) (version int64, err error) {
	err = s.within(ctx, database.ReadOnly, func(v *Store) error {
		if err := v.conn.QueryRow(ctx, versionQuery, nil, &version); err != nil {
			return err
		}
		return fn(v)
	})
	return version, err
}

// InTx runs fn in one write transaction, which commits when fn returns nil. On SQLite it waits for the
// one write lock. Errors: fn's, busy, connection, timeout.
func (s *Store) InTx(ctx context.Context, fn func(tx *Store) error) error {
	return s.within(ctx, database.Write, func(tx *Store) error {
		if err := fn(tx); err != nil {
			return err
		}
		return tx.conn.Commit(ctx)
	})
}

func (s *Store) within(ctx context.Context, mode database.TxMode, fn func(*Store) error) error {
	conn, err := s.db.BeginConn(ctx, mode)
	if err != nil {
		return err
	}
	defer conn.Close()
	return fn(&Store{db: s.db, tables: s.tables, conn: conn})
}

// Bump gives the mirror its next version, which every process is told of when the transaction commits.
// Whoever changes what the API answers calls it, late in the transaction: others wait for its end.
func (s *Store) Bump(ctx context.Context) (int64, error) { return bump(ctx, s.conn, s.Kind()) }

func bump(ctx context.Context, conn *database.Conn, kind database.Kind) (version int64, err error) {
	const update = "UPDATE lifecycle_mirror_version SET version = version + 1 RETURNING version"
	if kind == database.SQLite {
		return version, conn.QueryRow(ctx, update, nil, &version)
	}
	var sent *string
	err = conn.QueryRow(ctx, "WITH v AS ("+update+") SELECT version, pg_notify('"+versionChannel+"', version::text)::text FROM v", nil, &version, &sent)
	return version, err
}

// ProductRow is the mirrored row of a product, nil when there is none. Only for a view or transaction.
func (s *Store) ProductRow(ctx context.Context, id int64) (*models.Row, error) {
	t := find(s.tables, "tbl_produk")
	return s.conn.OneRow(ctx, t, t.Mirror, id, false)
}

// TransitionRow is ProductRow for a transition.
func (s *Store) TransitionRow(ctx context.Context, id int64) (*models.Row, error) {
	t := find(s.tables, "tbl_stage_histori")
	return s.conn.OneRow(ctx, t, t.Mirror, id, false)
}

// succeeded is the condition that a run has made mirror and source equal.
const succeeded = "state = '" + string(models.Succeeded) + "' AND mode IN ('" + models.FullRun + "', '" + models.IncrementalRun + "')"
