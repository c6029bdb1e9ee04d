package mirror

import (
	"context"
	"iter"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/pmo"
)

// prove holds the mirror, as the run's transaction has left it, against the snapshot once more. What
// the Diff found equal stays equal, because nobody else can write and no trigger does; what it found
// dirty is hashed again. On SQLite everything is compared again. Errors: constraint when they differ.
func (d *differ) prove(ctx context.Context, tx *pmo.Tx) error {
	if !d.snap.Features().RowHashes {
		return d.proveByRows(ctx, tx)
	}
	for _, s := range d.stats {
		switch {
		case tx.Triggered && d.only == nil: // any statement may have changed any row
			if err := expect(tx.Buckets(ctx, s.table, database.Everything(), wholeShift), s.table, s.all); err != nil {
				return err
			}
		case s.count.Wrote() || len(s.leaving) > 0 || s.count.Quarantined > 0:
			if err := expect(tx.Buckets(ctx, s.table, s.dirty, wholeShift), s.table, s.expected); err != nil {
				return err
			}
		}
	}
	return nil
}

// wholeShift puts all ids of a sign into one bucket.
const wholeShift = 31

// sum adds up buckets.
func sum(buckets iter.Seq2[database.Bucket, error]) (f fingerprint, err error) {
	for b, err := range buckets {
		if err != nil {
			return f, err
		}
		f.add(b)
	}
	return f, nil
}

func expect(buckets iter.Seq2[database.Bucket, error], t *models.Table, want fingerprint) error {
	got, err := sum(buckets)
	if err == nil && got != want {
		err = notEqual(t)
	}
	return err
}

func notEqual(t *models.Table) error {
	return &models.Error{Class: models.Constraint,
		LegacyMessage: t.Mirror + " does not equal " + t.Source + " after the run. Nothing was changed",
		LegacyRemedy:  "See whether a trigger, rule or generated column on " + t.Mirror + " alters what is written there."}
}

func (d *differ) proveByRows(ctx context.Context, tx *pmo.Tx) error {
	again := newDiffer(d.snap, tx.Mirror, nil, Silent{})
	again.only = d.only
	for _, s := range d.stats {
		if err := again.table(ctx, s.table, func(context.Context, Change) error { return notEqual(s.table) }); err != nil {
			return err
		}
	}
	return nil
}
