package mirror

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/lifecycle"
	mirrordb "lifecycle-sync/repositories/pmo/mirror"
	"lifecycle-sync/services/failpoint"
)

// syncByDiff is Diff + Apply of a run. It applies nothing but the Diff with the requested digest, if there is one.
func (e *Engine) syncByDiff(ctx context.Context, tx *mirrordb.Tx, d *differ, req Request) ([]models.TableCount, error) {
	if tx.Run.Mode == models.IncrementalRun && d.since != nil {
		d.horizon = d.since.Horizon
	}
	var found *summary
	if req.Digest != "" {
		found = newSummary()
		d.observe = found.add
	}
	err := e.diffAndApply(ctx, tx, d, func() error {
		if found != nil { // first: with another Diff the allowed number of deletes means nothing
			if p := found.dryRun(d); p.Digest != req.Digest {
				return digestMismatch(p)
			}
		}
		return guard(d, req.AllowDeletes)
	})
	if err != nil {
		return nil, err
	}
	tx.Run.Differences, err = json.Marshal(d.causes)
	return d.counts(), err
}

// diffAndApply applies the Diff of all tables, unless check refuses it, and proves the result. Inserts and updates
// are written while the Diff is still being computed; deletes wait for the check.
func (e *Engine) diffAndApply(ctx context.Context, tx *mirrordb.Tx, d *differ, check func() error) error {
	before, err := e.mirror.Read(ctx)
	if err != nil {
		return err
	}
	defer before.Close()
	before.Probe = tx.Probe
	alignHashing(d.snap, before)
	d.mirror = before
	var unreported []*tableStats // tables whose changes the check may still refuse
	for _, t := range d.snap.Tables {
		d.progress.Begin(t, d.snap.Infos[t.Source].Rows)
		s, err := e.applyTable(ctx, tx, d, t)
		if err != nil {
			return err
		}
		if d.observe != nil || s.trips() {
			unreported = append(unreported, s)
		} else {
			d.progress.End(t, s.count)
		}
	}
	if err := check(); err != nil {
		return err
	}
	for _, s := range unreported {
		d.progress.End(s.table, s.count)
	}
	before.Close() // its locks would block deletes and new foreign keys
	for i, t := range slices.Backward(d.snap.Tables) {
		if err := tx.Delete(ctx, t, d.stats[i].deletes); err != nil {
			return err
		}
	}
	failpoint.Reach("mid-apply")
	if err := d.reconcileAttachments(ctx, tx); err != nil {
		return err
	}
	return d.prove(ctx, tx)
}

// reconcileAttachments gives the files of the compared products to the products that are now in the mirror.
func (d *differ) reconcileAttachments(ctx context.Context, tx *mirrordb.Tx) error {
	if d.scope == nil {
		return tx.Attachments.Reconcile(ctx, nil)
	}
	if err := tx.Attachments.Close(ctx, d.deleted); err != nil {
		return err
	}
	d.changed.Add(d.deleted...)
	products := append([]int64{}, d.deleted...)
	for _, s := range d.stats {
		if s.table.Source == lifecycle.ProductTable {
			products = append(products, s.changed...)
		}
	}
	return tx.Attachments.Reconcile(ctx, products)
}

// applyTable writes the inserts, updates and quarantine entries of one table.
func (e *Engine) applyTable(ctx context.Context, tx *mirrordb.Tx, d *differ, t *models.Table) (*tableStats, error) {
	w := &writer{tx: tx, table: t, now: e.now, logInserts: !d.first}
	s, err := d.diffTable(ctx, t, func(ctx context.Context, c Change) error {
		count(&d.causes, d.cause(c))
		if d.observe != nil {
			d.observe(c)
		}
		return w.add(ctx, c)
	})
	if err != nil {
		return nil, errors.Join(err, w.wait())
	}
	return s, w.finish(ctx)
}

// A writer buffers at most this much before it writes.
const (
	writeRows  = 5000
	writeBytes = 8 << 20
)

// writer applies the changes of one table except deletes, which wait for the guard and for the rows' children to be
// gone. It collects the next batch while one is being written, so that both databases work.
type writer struct {
	tx         *mirrordb.Tx
	table      *models.Table
	now        func() time.Time
	logInserts bool
	batch      writeBatch
	writing    chan error // the batch being written; nil if there is none
}

type writeBatch struct {
	upserts     []models.Row
	logged      []models.LoggedChange
	quarantined []models.Quarantined
	released    []int64
	changes     int
	bytes       int
}

// add takes over a change and its rows.
func (w *writer) add(ctx context.Context, c Change) error {
	b := &w.batch
	switch c.Action {
	case Insert, Update, Release:
		b.upserts = append(b.upserts, c.After)
	case Quarantine:
		b.quarantined = append(b.quarantined, models.Quarantined{
			Table: w.table.Name, RowID: c.ID, Reason: c.Reason, Payload: w.table.Object(c.After), SourceHash: c.Hash,
			RunID: w.tx.Run.ID, Since: w.now(),
		})
	case Delete, Forget:
	}
	if c.Action == Release || c.Action == Forget {
		b.released = append(b.released, c.ID)
	}
	if c.Action == Update || c.RemovesRow() || w.logInserts && (c.Action == Insert || c.Action == Release) {
		b.logged = append(b.logged, logEntry(c, w.tx.Run.ID))
	}
	b.changes++
	b.bytes += c.After.Size() + c.Before.Size()
	if b.changes >= writeRows || b.bytes >= writeBytes {
		return w.flush(ctx)
	}
	return nil
}

// flush starts to write the batch once the previous one is written.
func (w *writer) flush(ctx context.Context) error {
	if err := w.wait(); err != nil || w.batch.changes == 0 {
		return err
	}
	full, writing := w.batch, make(chan error, 1)
	w.batch, w.writing = writeBatch{}, writing
	go func() { writing <- full.write(ctx, w.tx, w.table) }()
	return nil
}

// wait returns the result of the batch being written. Call it before using the transaction for anything else, also
// after an error.
func (w *writer) wait() error {
	if w.writing == nil {
		return nil
	}
	err := <-w.writing
	w.writing = nil
	return err
}

// finish writes the rest and waits for it.
func (w *writer) finish(ctx context.Context) error {
	if err := w.flush(ctx); err != nil {
		return err
	}
	return w.wait()
}

func (b writeBatch) write(ctx context.Context, tx *mirrordb.Tx, t *models.Table) error {
	if err := tx.Upsert(ctx, t, b.upserts); err != nil {
		return err
	}
	if err := tx.LogChanges(ctx, b.logged); err != nil {
		return err
	}
	if err := tx.Journal.Quarantine(ctx, b.quarantined); err != nil {
		return err
	}
	return tx.Journal.Release(ctx, t, b.released)
}
