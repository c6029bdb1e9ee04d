// Package mirror is the sync engine. One idea: Sync = Diff + Apply. A Diff says, row by row, how the
// mirror in pmo_db differs from one snapshot of lifecycle_db; Apply writes it, in one transaction,
// and proves that the mirror then equals the snapshot. A preview prints the Diff, verify counts it.
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

// Request is what is asked of a run.
type Request struct {
	Mode         string           // full unless said
	AllowDeletes *int64           // the exact number of rows that may leave, when the guard would stop the run
	Digest       string           // with it, the run compares every row and applies exactly the difference that a preview gave this digest
	Reason       string           // why the run is made as it is, when that is worth saying
	OnBegin      func(models.Run) // is told once that the run has begun, and under which number; may be nil
	RetryTime    time.Duration    // so long, from the first failure on, what fails transiently is tried again
	// OnRetry is told, before each pause, which attempt follows it and why; may be nil.
	OnRetry func(attempt int, pause time.Duration, err error)

	began time.Time // for how long a run takes, whatever happens to the clock meanwhile
}

// ended is when a run ends that ends now.
func (r Request) ended(run *models.Run) time.Time {
	return run.StartedAt.Add(time.Since(r.began)).Truncate(time.Microsecond)
}

// Result is what a run did. Run is nil when no run began.
type Result struct {
	Run     *models.Run
	Tables  []models.TableCount // in mirroring order; of a run that ended with DigestMismatchError, what it would have done
	Version int64               // of the mirror, when the run succeeded
}

// These bound the record of how a run has ended: pmo_db may be away.
const (
	recordTime = 2 * time.Second
	keepTime   = 10 * time.Second // with the first changes that it would make: they are of 8 MB at most
)

// Sync makes the mirror equal to the source as it is now: a full run by comparing every row, an incremental
// one by comparing what can differ since the last. Where that cannot be told, an incremental run becomes a
// full one, with the reason. What fails transiently is tried again whole, as the same run: with a new
// transaction, new locks and a new snapshot. On an error nothing has changed, except for a run row that says so.
// Errors: busy, mass_delete, schema, permission, data_type, constraint, connection, timeout, canceled; with a
// digest DigestMismatchError, whose preview is then kept as that of a dry run is. Whoever cancels ctx because somebody
// asked for it gives ErrCancelRequested as the cause.
func (e *Engine) Sync(ctx context.Context, req Request, progress Progress) (result Result, err error) {
	req.began = time.Now()
	if req.Digest != "" {
		req.Mode = models.FullRun
	}
	err = Retry(ctx, req.RetryTime, req.OnRetry, func() (err error) {
		result, err = e.attempt(ctx, req, progress, result.Run)
		return err
	})
	if run := result.Run; err != nil && run != nil && run.State != models.Succeeded {
		run.CancelRequested = run.CancelRequested || errors.Is(context.Cause(ctx), ErrCancelRequested)
		now, patience := Preview{}, recordTime
		if changed, is := errors.AsType[*DigestMismatchError](err); is {
			now, patience = changed.Preview, keepTime
			run.Digest, run.Reason, result.Tables = &now.Digest, given(now.Kept()), now.Tables
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		if recordErr := e.store.RecordEnd(ctx, run, err, req.ended(run), now.Tables, now.Changes); recordErr != nil {
			err = fmt.Errorf("%w (and the run's end could not be recorded: %w)", err, recordErr)
		}
	}
	return result, err
}

// given is a text that may have been left out.
func given(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// begin opens the transaction of a run: of a new one, or of the one to be tried again. A run that turned out
// to have succeeded has no transaction.
func (e *Engine) begin(ctx context.Context, req Request, again *models.Run) (tx *pmo.Tx, succeeded bool, err error) {
	asked := models.Run{Mode: cmp.Or(req.Mode, models.FullRun), StartedAt: e.now(), Reason: given(req.Reason), Digest: given(req.Digest)}
	if again == nil {
		tx, err = e.store.BeginRun(ctx, asked)
	} else {
		tx, succeeded, err = e.store.ResumeRun(ctx, again)
	}
	if err != nil || succeeded {
		return nil, succeeded, err
	}
	tx.Run.Mode, tx.Run.Reason = asked.Mode, asked.Reason // the attempt before may have made a full run of it
	if again == nil && req.OnBegin != nil {
		req.OnBegin(*tx.Run)
	}
	return tx, false, nil
}

// attempt makes a run once, the one to be tried again if there is one. The result holds the run, if one has
// begun.
func (e *Engine) attempt(ctx context.Context, req Request, progress Progress, again *models.Run) (Result, error) {
	ctx, stopWatching := e.WatchConnections(ctx)
	defer stopWatching()
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
	if len(snap.Tables) < len(e.tables) && snap.Features().ConstraintDDL {
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
