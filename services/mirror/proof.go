package mirror

import (
	"context"
	"iter"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	mirrordb "lifecycle-sync/repositories/pmo/mirror"
)

// prove compares the mirror, as the transaction has left it, with the snapshot again. Rows that the Diff found equal
// stay equal, because only this transaction writes and no trigger does; candidates are hashed again. On SQLite
// everything is compared again. Errors: constraint if they differ.
func (d *differ) prove(ctx context.Context, tx *mirrordb.Tx) error {
	if !d.snap.Features().RowHashes {
		return d.proveByRows(ctx, tx)
	}
	for _, s := range d.stats {
		var err error
		switch {
		case tx.Triggered && d.scope == nil: // any statement may have changed any row
			err = expect(tx.Buckets(ctx, s.table, database.AllIDs(), wholeShift), s.table, s.all)
		case s.count.Wrote() || len(s.deletes) > 0 || s.count.Quarantined > 0:
			err = expect(tx.Buckets(ctx, s.table, s.candidates, wholeShift), s.table, s.expected)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (d *differ) proveByRows(ctx context.Context, tx *mirrordb.Tx) error {
	again := &differ{snap: d.snap, mirror: tx.Reader, scope: d.scope, progress: Silent{}}
	for _, s := range d.stats {
		if _, err := again.diffTable(ctx, s.table, func(context.Context, Change) error { return notEqual(s.table) }); err != nil {
			return err
		}
	}
	return nil
}

// expect fails unless the buckets add up to a fingerprint.
func expect(buckets iter.Seq2[database.Bucket, error], t *models.Table, want fingerprint) error {
	got, err := sum(buckets)
	if err == nil && got != want {
		err = notEqual(t)
	}
	return err
}

func notEqual(t *models.Table) error {
	return models.NewError(models.Constraint, "mirror.not_equal", models.Params{"mirror": t.Mirror, "source": t.Source}).
		WithRemedy("mirror.not_equal_remedy", models.Params{"mirror": t.Mirror})
}
