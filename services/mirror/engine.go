// Package mirror is the sync engine. One idea: Sync = Diff + Apply. A Diff says, row by row, how the
// mirror in pmo_db differs from one snapshot of lifecycle_db; Apply writes it, in one transaction,
// and proves that the mirror then equals the snapshot. A preview prints the Diff, verify counts it.
package mirror

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/lifecycle"
	"lifecycle-sync/repositories/pmo"
	"lifecycle-sync/services/failpoint"
)

// Engine keeps one mirror. It is safe for concurrent use: the lock in pmo_db lets one run write.
type Engine struct {
	source    *lifecycle.Source
	store     *pmo.Store
	tables    []*models.Table // parents before children
	retention time.Duration   // of the change log
	now       func() time.Time
}

// New returns the engine that mirrors tables, listed parents before children, from source to store.
func New(source *lifecycle.Source, store *pmo.Store, tables []*models.Table, retention time.Duration, now func() time.Time) *Engine {
	return &Engine{source: source, store: store, tables: tables, retention: retention, now: now}
}

// Progress is told how far a run is. Its methods are called from one goroutine at a time.
type Progress interface {
	// Begin says that work on a table begins, which has about so many rows; 0 when that is unknown.
	Begin(t *models.Table, rows int64)
	// Expect says that so many rows more are to be gone through.
	Expect(rows int64)
	// Advance says that so many rows were compared or copied.
	Advance(rows int64)
	// End says what was done to a table.
	End(t *models.Table, count models.TableCount)
}

// Request is what is asked of a run.
type Request struct {
	Mode         string           // full unless said
	AllowDeletes *int64           // the exact number of rows that may leave, when the guard would stop the run
	Digest       string           // with it, the run compares every row and applies exactly the difference that a preview gave this digest
	Reason       string           // why the run is made as it is, when that is worth saying
	Began        func(models.Run) // is told once that the run has begun, and under which number; may be nil
	RetryTime    time.Duration    // so long, from the first failure on, what fails transiently is tried again
	// Retrying is told, before each pause, which attempt follows it and why; may be nil.
	Retrying func(attempt int, pause time.Duration, err error)

	began time.Time // for how long a run takes, whatever happens to the clock meanwhile
}

// ended is when a run ends that ends now.
func (r Request) ended(run *models.Run) time.Time {
	return run.StartedAt.Add(time.Since(r.began)).Truncate(time.Microsecond)
}

// Result is what a run did. Run is nil when no run began.
type Result struct {
	Run     *models.Run
	Tables  []models.TableCount // in mirroring order; of a run that ended with ChangedError, what it would have done
	Version int64               // of the mirror, when the run succeeded
}

// attempt makes a run once, the one to be tried again if there is one. The result holds the run, if one has
// begun.
func (e *Engine) attempt(ctx context.Context, req Request, progress Progress, again *models.Run) (Result, error) {
	ctx, unattend := e.Attend(ctx)
	defer unattend()
	tx, succeeded, err := e.begin(ctx, req, again)
	if err != nil {
		return Result{Run: again}, because(ctx, err)
	}
	if succeeded {
		tables, err := e.store.RunTables(ctx, again.ID)
		return Result{Run: again, Tables: tables}, err
	}
	result := Result{Run: tx.Run}
	ctx, unwatch := e.watch(ctx, tx.Run.ID)
	defer unwatch()
	result.Tables, err = e.run(ctx, tx, req, progress)
	result.Version = tx.Version
	tx.Close()
	tx.Run.CancelRequested = errors.Is(context.Cause(ctx), ErrCancelRequested)
	return result, because(ctx, err)
}

func (e *Engine) run(ctx context.Context, tx *pmo.Tx, req Request, progress Progress) ([]models.TableCount, error) {
	snap, err := e.snapshot(ctx, tx)
	if err != nil {
		return nil, err
	}
	defer snap.Close()
	failpoint.Reach("after-snapshot")
	tx.Run.Horizon = snap.Horizon
	missingKeys, err := tx.Preflight(ctx, snap.Infos, snap.Tables)
	if err != nil {
		return nil, err
	}
	if len(snap.Tables) < len(e.tables) && snap.Kind() == database.Postgres {
		if dropped, err := tx.DropObsoleteKeys(ctx, snap.Tables); err != nil {
			return nil, err
		} else if dropped {
			snap.Close()
			return e.run(ctx, tx, req, progress)
		}
	}
	if err := tx.Lock(ctx); err != nil {
		return nil, err
	}
	last, err := e.plan(ctx, tx, snap, missingKeys)
	if err != nil {
		return nil, err
	}
	agree(snap, tx.Mirror)
	var counts []models.TableCount
	if req.AllowDeletes == nil && req.Digest == "" && !tx.Triggered { // else there is something to compare, and to guard against
		counts, err = e.load(ctx, tx, snap, progress)
	}
	if err == nil && counts == nil {
		counts, err = e.diffAndApply(ctx, tx, snap, last, missingKeys, req, progress)
	}
	if err != nil {
		return nil, err
	}
	if err := tx.AddKeys(ctx, missingKeys, snap.Tables); err != nil {
		return nil, err
	}
	if err := tx.PruneChanges(ctx, e.retention); err != nil {
		return nil, err
	}
	failpoint.Reach("before-commit")
	if err := tx.Finish(ctx, counts, req.ended(tx.Run)); err != nil {
		return nil, err
	}
	failpoint.Reach("after-commit")
	return counts, nil
}

// snapshot opens the source's snapshot, and examines the mirror meanwhile.
func (e *Engine) snapshot(ctx context.Context, tx *pmo.Tx) (snap *lifecycle.Snapshot, err error) {
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() error { return tx.Examine(groupCtx) })
	snap, err = e.source.Snapshot(ctx, e.tables)
	if examineErr := group.Wait(); examineErr != nil && err == nil {
		snap.Close()
		return nil, examineErr
	}
	return snap, err
}

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

// because names the end of the context as the reason of an error that it brought about.
func because(ctx context.Context, err error) error {
	if err == nil || ctx.Err() == nil {
		return err
	}
	e := *models.AsError(ctx.Err())
	if cause, ok := errors.AsType[*models.Error](context.Cause(ctx)); ok {
		e = *cause
	}
	e.LegacyMessage, e.Cause = e.LegacyMessage+"; nothing was changed", err
	return &e
}

// agree makes both sides hash rows alike, in the servers' own way when that is the same.
func agree(snap *lifecycle.Snapshot, m *pmo.Mirror) {
	if snap.Probe != m.Probe {
		snap.Portable()
		m.Portable()
	}
}
