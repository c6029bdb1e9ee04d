// Package mirror is the sync engine. Sync = Diff + Apply: a Diff describes row by row how the mirror in pmo_db differs
// from one snapshot of lifecycle_db. Apply writes the Diff in one transaction and proves that the mirror then equals
// the snapshot. A dry run shows the Diff, a verification counts it.
package mirror

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/lifecycle"
	"lifecycle-sync/repositories/pmo"
	"lifecycle-sync/repositories/pmo/journal"
	mirrordb "lifecycle-sync/repositories/pmo/mirror"
	"lifecycle-sync/services/failpoint"
)

// Engine keeps one mirror in sync. It is safe for concurrent use: a lock in pmo_db lets one run write at a time.
type Engine struct {
	source    *lifecycle.Source
	store     *pmo.Store
	mirror    *mirrordb.Store
	journal   *journal.Journal // outside of a run's transaction
	tables    []*models.Table  // parents before children
	retention time.Duration    // of the change log
	now       func() time.Time
}

// New returns the engine that mirrors tables, listed parents before children, from source to store.
func New(source *lifecycle.Source, store *pmo.Store, tables []*models.Table, retention time.Duration, now func() time.Time) *Engine {
	return &Engine{source: source, store: store, mirror: mirrordb.New(store), journal: journal.New(store.Session), tables: tables, retention: retention, now: now}
}

// Request describes a run.
type Request struct {
	Mode         string           // full by default
	AllowDeletes *int64           // the exact number of deletes, if the mass-delete guard would stop the run
	Digest       string           // if set, the run compares every row and applies exactly the Diff of the dry run with this digest
	Reason       models.Text      // why the run was started, if worth recording
	OnBegin      func(models.Run) // is called once, when the run has begun; may be nil
	RetryTime    time.Duration    // how long transient failures are retried, from the first failure on
	// OnRetry is called before each pause with the number of the next attempt and the error; may be nil.
	OnRetry func(attempt int, pause time.Duration, err error)

	started time.Time // monotonic: measures the run even if the clock is set
}

// finishedAt returns the end time of a run that ends now.
func (r Request) finishedAt(run *models.Run) time.Time {
	return run.StartedAt.Add(time.Since(r.started)).Truncate(time.Microsecond)
}

// Progress follows a run. Its methods are called from one goroutine at a time.
type Progress interface {
	// Begin starts a table of about the given number of rows; 0 if unknown.
	Begin(t *models.Table, rows int64)
	// Expect adds rows to be processed.
	Expect(rows int64)
	// Advance counts rows that were compared or copied.
	Advance(rows int64)
	// End finishes a table.
	End(t *models.Table, count models.TableCount)
}

// Silent ignores progress.
type Silent struct{}

// Begin does nothing.
func (Silent) Begin(*models.Table, int64) {}

// Expect does nothing.
func (Silent) Expect(int64) {}

// Advance does nothing.
func (Silent) Advance(int64) {}

// End does nothing.
func (Silent) End(*models.Table, models.TableCount) {}

// Result is the outcome of a run. Run is nil if no run began.
type Result struct {
	Run     *models.Run
	Tables  []models.TableCount // in mirroring order; after a DigestMismatchError, what the run would have done
	Version int64               // of the mirror, if the run succeeded
}

// Timeouts for recording how a run ended, because pmo_db may be unreachable.
const (
	recordTimeout       = 2 * time.Second
	recordDryRunTimeout = 10 * time.Second // with up to 8 MB of changes
)

// Sync makes the mirror equal to the source. A full run compares every row, an incremental run those that can differ
// since the last run; if that is unknown, it becomes a full run and records the reason. Transient failures are
// retried as the same run, with a new transaction, new locks and a new snapshot. On an error nothing has changed,
// except that the run is recorded as failed. To cancel a run on request, cancel ctx with the cause ErrCancelRequested.
// Errors: busy, mass_delete, schema, permission, data_type, constraint, connection, timeout, canceled; with a digest
// DigestMismatchError, whose changes are then stored like those of a dry run.
func (e *Engine) Sync(ctx context.Context, req Request, progress Progress) (result Result, err error) {
	req.started = time.Now()
	if req.Digest != "" {
		req.Mode = models.FullRun
	}
	err = Retry(ctx, req.RetryTime, req.OnRetry, func() (err error) {
		result, err = e.attempt(ctx, req, progress, result.Run)
		return err
	})
	if run := result.Run; err != nil && run != nil && run.State != models.Succeeded {
		err = e.recordFailure(ctx, req, &result, err)
	}
	return result, err
}

// attempt makes one attempt at a run, which an earlier attempt may have begun. The result holds the run if one began.
func (e *Engine) attempt(ctx context.Context, req Request, progress Progress, begun *models.Run) (Result, error) {
	ctx, stopWatching := e.WatchConnections(ctx)
	defer stopWatching()
	tx, succeeded, err := e.begin(ctx, req, begun)
	if err != nil {
		return Result{Run: begun}, withContextCause(ctx, err)
	}
	if succeeded {
		tables, err := e.journal.RunTables(ctx, begun.ID)
		return Result{Run: begun, Tables: tables}, err
	}
	result := Result{Run: tx.Run}
	ctx, stopWatchingCancel := e.watchCancelRequests(ctx, tx.Run.ID)
	defer stopWatchingCancel()
	result.Tables, err = e.syncInTx(ctx, tx, req, progress)
	result.Version = tx.Version
	tx.Close()
	tx.Run.CancelRequested = errors.Is(context.Cause(ctx), ErrCancelRequested)
	return result, withContextCause(ctx, err)
}

// begin opens the transaction of a new run, or of the begun run if there is one. succeeded means that the earlier
// attempt had committed after all; there is then no transaction.
func (e *Engine) begin(ctx context.Context, req Request, begun *models.Run) (tx *mirrordb.Tx, succeeded bool, err error) {
	run := models.Run{Mode: cmp.Or(req.Mode, models.FullRun), StartedAt: e.now(), Actor: models.AuthorOf(ctx).Actor, AllowedDeletes: req.AllowDeletes}
	if req.Digest != "" {
		run.Digest = &req.Digest
	}
	if !req.Reason.IsZero() {
		run.Reasons = models.Texts{req.Reason}
	}
	if begun == nil {
		tx, err = e.mirror.BeginRun(ctx, run)
	} else {
		tx, succeeded, err = e.mirror.ResumeRun(ctx, begun)
	}
	if err != nil || succeeded {
		return nil, succeeded, err
	}
	tx.Run.Mode, tx.Run.Reasons = run.Mode, run.Reasons // an earlier attempt may have turned it into a full run
	if begun == nil && req.OnBegin != nil {
		req.OnBegin(*tx.Run)
	}
	return tx, false, nil
}

// syncInTx does a run's work in its transaction and commits it.
func (e *Engine) syncInTx(ctx context.Context, tx *mirrordb.Tx, req Request, progress Progress) ([]models.TableCount, error) {
	snap, missingKeys, err := e.snapshot(ctx, tx)
	if err != nil {
		return nil, err
	}
	defer snap.Close()
	tx.Run.Horizon = snap.Horizon
	if len(snap.Tables) < len(e.tables) && snap.Features().ConstraintDDL {
		if dropped, err := tx.DropObsoleteKeys(ctx, snap.Tables); err != nil {
			return nil, err
		} else if dropped {
			snap.Close()
			return e.syncInTx(ctx, tx, req, progress)
		}
	}
	if err := tx.Lock(ctx); err != nil {
		return nil, err
	}
	last, err := e.plan(ctx, tx, snap, missingKeys)
	if err != nil {
		return nil, err
	}
	var counts []models.TableCount
	changed := models.AllProducts()
	if req.AllowDeletes == nil && req.Digest == "" && !tx.Triggered { // otherwise rows must be compared or guarded
		counts, err = e.load(ctx, tx, snap, progress)
	}
	if err == nil && counts == nil {
		d := &differ{snap: snap, since: last, missingKeys: missingKeys, progress: progress}
		var succeeded bool
		if succeeded, err = tx.Journal.HasSucceeded(ctx); err == nil {
			d.first = !succeeded
			counts, err = e.syncByDiff(ctx, tx, d, req)
		}
		if changed = d.changed; d.first {
			changed.AddAll()
		}
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
	if err := tx.Finish(ctx, counts, changed, req.finishedAt(tx.Run)); err != nil {
		return nil, err
	}
	failpoint.Reach("after-commit")
	return counts, nil
}

// snapshot opens the source's snapshot while the mirror is examined, makes the preflight checks and aligns the hashes.
func (e *Engine) snapshot(ctx context.Context, tx *mirrordb.Tx) (snap *lifecycle.Snapshot, missingKeys map[string][]models.Column, err error) {
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() error { return tx.Examine(groupCtx) })
	snap, err = e.source.Snapshot(ctx, e.tables)
	examineErr := group.Wait()
	if err != nil {
		return nil, nil, err
	}
	failpoint.Reach("after-snapshot")
	if err = examineErr; err == nil {
		missingKeys, err = tx.Preflight(ctx, snap.Infos, snap.Tables)
	}
	if err != nil {
		snap.Close()
		return nil, nil, err
	}
	alignHashing(snap, tx.Reader)
	return snap, missingKeys, nil
}

// alignHashing makes both sides hash rows alike: in the servers' own way if that is the same.
func alignHashing(snap *lifecycle.Snapshot, m *mirrordb.Reader) {
	if snap.Probe != m.Probe {
		snap.Portable()
		m.Portable()
	}
}

// recordFailure records how a run ended and returns the run's error.
func (e *Engine) recordFailure(ctx context.Context, req Request, result *Result, err error) error {
	run := result.Run
	run.CancelRequested = run.CancelRequested || errors.Is(context.Cause(ctx), ErrCancelRequested)
	found, timeout := DryRun{}, recordTimeout
	if mismatch, ok := errors.AsType[*DigestMismatchError](err); ok {
		found, timeout = mismatch.DryRun, recordDryRunTimeout
		run.Digest, result.Tables = &found.Digest, found.Tables
		found.Describe(run)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	defer cancel()
	if recordErr := e.store.InTx(ctx, func(tx *pmo.Session) error {
		return journal.New(tx).RecordEnd(ctx, run, err, req.finishedAt(run), found.Tables, found.Changes)
	}); recordErr != nil {
		return fmt.Errorf("%w (and the run's end could not be recorded: %w)", err, recordErr)
	}
	return err
}

// withContextCause replaces an error that the end of ctx brought about by the cause of that end.
func withContextCause(ctx context.Context, err error) error {
	if err == nil || ctx.Err() == nil {
		return err
	}
	e := *models.AsError(ctx.Err())
	if cause, ok := errors.AsType[*models.Error](context.Cause(ctx)); ok {
		e = *cause
	}
	e.Text, e.Cause = models.NewText("mirror.nothing_changed", models.Params{"cause": e.Text}), err
	return &e
}

// WithTimeout returns a context for a run, a dry run or a verification. Its timeout is reported as SYNC_TIMEOUT.
func WithTimeout(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, timeout, models.NewError(models.Timeout, "mirror.timeout", models.Params{"timeout": timeout}).
		WithRemedy("mirror.timeout_remedy", nil))
}
