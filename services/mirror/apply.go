package mirror

import (
	"context"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo"
)

// A writer keeps at most this much before it writes.
const (
	writeRows  = 5000
	writeBytes = 8 << 20
)

// writer applies the changes of one table, except for deletions from the mirror, which wait until
// the guard has seen all of them and their children are gone.
type writer struct {
	tx    *pmo.Tx
	table *models.Table
	now   func() time.Time

	upserts     []models.Row
	logged      []models.LoggedChange
	quarantined []models.Quarantined
	forgotten   []int64
	pending     int // changes since the last flush
	bytes       int
}

// change takes one change over; it may keep its rows.
func (w *writer) change(ctx context.Context, c Change) error {
	switch c.Action {
	case Insert, Update, Release:
		w.upserts = append(w.upserts, c.After)
	case Quarantine:
		w.quarantined = append(w.quarantined, models.Quarantined{
			Table: w.table.Name, RowID: c.ID, Reason: c.Reason, Payload: w.table.Object(c.After), SourceHash: c.Hash,
			RunID: w.tx.Run.ID, Since: w.now(),
		})
	case Delete, Forget:
	}
	if c.Action == Release || c.Action == Forget {
		w.forgotten = append(w.forgotten, c.ID)
	}
	w.log(c)
	w.pending++
	w.bytes += c.After.Size() + c.Before.Size()
	if w.pending >= writeRows || w.bytes >= writeBytes {
		return w.flush(ctx)
	}
	return nil
}

// log keeps what the change overwrites: an update's changed columns, a leaving row whole.
func (w *writer) log(c Change) {
	entry := models.LoggedChange{RunID: w.tx.Run.ID, Table: w.table.Name, RowID: c.ID, Action: string(c.Action)}
	switch {
	case c.Action == Update:
		entry.Before, entry.After = w.table.Object(c.Before, c.Columns...), w.table.Object(c.After, c.Columns...)
	case c.Leaves():
		entry.Before = w.table.Object(c.Before)
	default:
		return
	}
	w.logged = append(w.logged, entry)
}

func (w *writer) flush(ctx context.Context) error {
	if err := w.tx.Upsert(ctx, w.table, w.upserts); err != nil {
		return err
	}
	if err := w.tx.LogChanges(ctx, w.logged); err != nil {
		return err
	}
	if err := w.tx.Quarantine(ctx, w.quarantined); err != nil {
		return err
	}
	if err := w.tx.Unquarantine(ctx, w.table, w.forgotten); err != nil {
		return err
	}
	*w = writer{tx: w.tx, table: w.table, now: w.now, upserts: w.upserts[:0], logged: w.logged[:0]}
	return nil
}
