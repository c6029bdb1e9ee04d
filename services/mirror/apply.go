package mirror

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/lifecycle"
	"lifecycle-sync/repositories/pmo"
	"lifecycle-sync/services/failpoint"
)

func (e *Engine) diffAndApply(
	ctx context.Context, tx *pmo.Tx, snap *lifecycle.Snapshot, last *models.Watermark, missingKeys map[string][]models.Column, req Request, progress Progress,
) ([]models.TableCount, error) {
	before, err := e.store.Read(ctx)
	if err != nil {
		return nil, err
	}
	defer before.Close()
	before.Probe = tx.Probe
	agree(snap, before)
	d := newDiffer(snap, before, missingKeys, progress)
	d.since = last
	if tx.Run.Mode == models.IncrementalRun && last != nil {
		d.horizon = last.Horizon
	}
	var seen *summary
	if req.Digest != "" {
		seen = newSummary()
		d.noted = seen.note
	}
	waits := func(s *tableStats) bool { return seen != nil || s.trips() != "" } // whether it may be done is known at the end
	for _, t := range snap.Tables {
		progress.Begin(t, snap.Infos[t.Source].Rows)
		if err := e.applyTable(ctx, tx, d, t); err != nil {
			return nil, err
		}
		if !waits(d.last()) {
			progress.End(t, d.last().count)
		}
	}
	if err := judge(d, req, seen); err != nil {
		return nil, err
	}
	for _, s := range d.stats {
		if waits(s) {
			progress.End(s.table, s.count)
		}
	}
	before.Close() // its locks would be in the way of new foreign keys
	for i, t := range slices.Backward(snap.Tables) {
		if err := tx.Delete(ctx, t, d.stats[i].leaving); err != nil {
			return nil, err
		}
	}
	failpoint.Reach("mid-apply")
	if err := d.prove(ctx, tx); err != nil {
		return nil, err
	}
	tx.Run.Differences, err = json.Marshal(d.causes)
	return d.counts(), err
}

// judge refuses what was not asked for: another difference than the one that was seen before, which makes any
// number of rows that may leave meaningless, and then a silent mass delete.
func judge(d *differ, req Request, seen *summary) error {
	if seen != nil {
		if p := seen.preview(d); p.Digest != req.Digest {
			return changed(p)
		}
	}
	return guard(d, req.AllowDeletes)
}

// applyTable brings one table up to date, as far as that takes no deletions.
func (e *Engine) applyTable(ctx context.Context, tx *pmo.Tx, d *differ, t *models.Table) error {
	w := &writer{tx: tx, table: t, now: e.now}
	if err := d.table(ctx, t, func(ctx context.Context, c Change) error {
		d.causes[d.cause(c)]++
		if d.noted != nil {
			d.noted(c)
		}
		return w.change(ctx, c)
	}); err != nil {
		return errors.Join(err, w.wait())
	}
	return w.finish(ctx)
}

// A writer keeps at most this much before it writes.
const (
	writeRows  = 5000
	writeBytes = 8 << 20
)

// writer applies the changes of one table, except for deletions from the mirror, which wait until
// the guard has seen all of them and their children are gone. While it writes one portion it takes
// over the next, so that both databases have something to do.
type writer struct {
	tx      *pmo.Tx
	table   *models.Table
	now     func() time.Time
	portion portion
	writing chan error // the portion under way; nil when there is none
}

// portion is what is written at once.
type portion struct {
	upserts     []models.Row
	logged      []models.LoggedChange
	quarantined []models.Quarantined
	forgotten   []int64
	changes     int
	bytes       int
}

// change takes one change over; it may keep its rows.
func (w *writer) change(ctx context.Context, c Change) error {
	p := &w.portion
	switch c.Action {
	case Insert, Update, Release:
		p.upserts = append(p.upserts, c.After)
	case Quarantine:
		p.quarantined = append(p.quarantined, models.Quarantined{
			Table: w.table.Name, RowID: c.ID, Reason: c.Reason, Payload: w.table.Object(c.After), SourceHash: c.Hash,
			RunID: w.tx.Run.ID, Since: w.now(),
		})
	case Delete, Forget:
	}
	if c.Action == Release || c.Action == Forget {
		p.forgotten = append(p.forgotten, c.ID)
	}
	w.log(c)
	p.changes++
	p.bytes += c.After.Size() + c.Before.Size()
	if p.changes >= writeRows || p.bytes >= writeBytes {
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
	w.portion.logged = append(w.portion.logged, entry)
}

// flush begins to write the portion, once the one before is written.
func (w *writer) flush(ctx context.Context) error {
	if err := w.wait(); err != nil || w.portion.changes == 0 {
		return err
	}
	full, writing := w.portion, make(chan error, 1)
	w.portion, w.writing = portion{}, writing
	go func() { writing <- full.write(ctx, w.tx, w.table) }()
	return nil
}

// wait returns how the portion under way ended. It must be called before the transaction is used for
// anything else, also after an error.
func (w *writer) wait() error {
	if w.writing == nil {
		return nil
	}
	err := <-w.writing
	w.writing = nil
	return err
}

// finish writes what is left and waits for it.
func (w *writer) finish(ctx context.Context) error {
	if err := w.flush(ctx); err != nil {
		return err
	}
	return w.wait()
}

func (p portion) write(ctx context.Context, tx *pmo.Tx, t *models.Table) error {
	if err := tx.Upsert(ctx, t, p.upserts); err != nil {
		return err
	}
	if err := tx.LogChanges(ctx, p.logged); err != nil {
		return err
	}
	if err := tx.Quarantine(ctx, p.quarantined); err != nil {
		return err
	}
	return tx.Unquarantine(ctx, t, p.forgotten)
}
