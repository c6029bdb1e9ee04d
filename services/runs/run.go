package runs

import (
	"context"
	"errors"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/pmo"
	"lifecycle-sync/repositories/pmo/activities"
	"lifecycle-sync/services/mirror"
)

// An API write locks the mirror only briefly, so a run waits for it.
const (
	writeTimeout = 5 * time.Second
	writePoll    = 50 * time.Millisecond
)

// active is a run of this process. Until it has begun, its caller gets transient errors at once; afterwards they are
// retried.
type active struct {
	run     models.Run // once begun is closed
	waiting bool       // the caller of Trigger waits for the beginning
	cancel  context.CancelCauseFunc
	begun   chan struct{}
	ended   chan struct{}
}

// ActiveRunError is the cause of the class busy when another run is in progress.
type ActiveRunError struct{ Run models.Run }

// Error describes the refusal.
func (*ActiveRunError) Error() string { return "another run is in progress" }

func activeRun(run models.Run) error {
	return models.NewError(models.Busy, "run.active", models.Params{"run": run.ID}).WithRemedy("run.active_remedy", nil).WithCause(&ActiveRunError{run})
}

// Request describes a run to trigger.
type Request struct {
	Mode         string // full or incremental
	DryRun       bool   // compares every row, whatever the mode
	AllowDeletes *int64 // as in mirror.Request
	Digest       string // as in mirror.Request
}

// Trigger starts a run and returns as soon as it has begun; a dry run, when it has ended. Errors: ActiveRunError,
// unavailable, and those with which a run can fail before it begins: connection, timeout, schema, permission.
func (s *Service) Trigger(ctx context.Context, r Request) (models.Run, error) {
	req := mirror.Request{Mode: r.Mode, AllowDeletes: r.AllowDeletes, Digest: r.Digest}
	if r.DryRun {
		return s.dryRun(ctx, req)
	}
	runCtx, end, err := s.task(context.WithoutCancel(ctx))
	if err != nil {
		return models.Run{}, err
	}
	runCtx, a, err := s.claim(ctx, runCtx)
	if err != nil {
		end()
		return models.Run{}, err
	}
	a.waiting = true
	ended := make(chan error, 1)
	go func() {
		defer end()
		_, err := s.execute(runCtx, a, req, mirror.Silent{})
		ended <- err
	}()
	select {
	case <-a.begun:
		return a.run, nil
	case err = <-ended:
	case <-ctx.Done():
		a.cancel(ctx.Err())
		err = <-ended
	}
	if a.run.ID != 0 { // it has both begun and ended
		return a.run, nil
	}
	return models.Run{}, err
}

// Run executes a run, reports its progress, and returns when it has ended. Errors: ActiveRunError, unavailable, those of
// mirror.Engine.Sync.
func (s *Service) Run(ctx context.Context, req mirror.Request, progress mirror.Progress) (mirror.Result, error) {
	ctx, end, err := s.task(ctx)
	if err != nil {
		return mirror.Result{}, err
	}
	defer end()
	runCtx, a, err := s.claim(ctx, ctx)
	if err != nil {
		return mirror.Result{}, err
	}
	return s.execute(runCtx, a, req, progress)
}

// claim registers a new run as the process's active one. It waits while another run has not begun yet, or has
// committed and is about to end.
func (s *Service) claim(ctx, runCtx context.Context) (context.Context, *active, error) {
	for {
		s.mu.Lock()
		other := s.active
		if other == nil {
			runCtx, cancel := context.WithCancelCause(runCtx)
			s.active = &active{cancel: cancel, begun: make(chan struct{}), ended: make(chan struct{})}
			defer s.mu.Unlock()
			return runCtx, s.active, nil
		}
		s.mu.Unlock()
		select {
		case <-other.begun:
			if run, err := s.journal.Run(ctx, other.run.ID); err != nil {
				return nil, nil, err
			} else if run != nil && run.State == models.Running {
				return nil, nil, activeRun(*run)
			}
		case <-other.ended: // it never began
		case <-ctx.Done():
		}
		select {
		case <-other.ended:
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		}
	}
}

// execute executes the active run and reports its end.
func (s *Service) execute(ctx context.Context, a *active, req mirror.Request, progress mirror.Progress) (mirror.Result, error) {
	ctx, cancel := mirror.WithTimeout(ctx, s.o.Timeout)
	defer cancel()
	p := &broadcast{next: progress, events: s.events, now: s.o.Now}
	req.OnBegin = func(run models.Run) {
		a.run, p.run = run, run.ID
		a.waiting = false
		close(a.begun)
		s.publishStatus()
	}
	onRetry := req.OnRetry
	req.RetryTime, req.OnRetry = s.o.RetryTime, func(attempt int, pause time.Duration, err error) {
		if a.waiting {
			a.cancel(err)
			return
		}
		s.o.Log.Warn("sync retry", "run", a.run.ID, "attempt", attempt, "pause", pause, "error", err, "cause", models.AsError(err).Cause)
		if onRetry != nil {
			onRetry(attempt, pause, err)
		}
	}
	started := s.o.Now()
	result, err := s.syncWhenUnlocked(ctx, req, p)
	a.cancel(nil)
	s.mu.Lock()
	s.active = nil
	s.mu.Unlock()
	close(a.ended)
	if result.Version > 0 && s.o.Committed != nil {
		s.o.Committed(result.Version)
	}
	if result.Run != nil {
		s.ended(Outcome{Run: *result.Run, Tables: result.Tables, Took: s.o.Now().Sub(started)})
	} else if err != nil && s.o.NotBegun != nil {
		s.o.NotBegun(err)
	}
	if _, refused := errors.AsType[*ActiveRunError](err); err != nil && !refused {
		e := models.AsError(err)
		s.o.Log.Warn("sync failed", "class", e.Class, "error", err, "cause", e.Cause)
	}
	return result, err
}

// syncWhenUnlocked executes the run, and waits for API writes that lock the mirror.
func (s *Service) syncWhenUnlocked(ctx context.Context, req mirror.Request, p mirror.Progress) (mirror.Result, error) {
	deadline := s.o.Now().Add(writeTimeout)
	for {
		result, err := s.o.Engine.Sync(ctx, req, p)
		if err == nil || result.Run != nil || models.AsError(err).Class != models.Busy {
			return result, err
		}
		if err = s.explainBusy(ctx, err); models.AsError(err).Class == models.Busy || s.o.Now().After(deadline) {
			return result, err
		}
		if !database.Pause(ctx, writePoll) {
			return result, ctx.Err()
		}
	}
}

// explainBusy turns the error that the mirror is locked into ActiveRunError, or into unavailable if an API write locks it.
func (s *Service) explainBusy(ctx context.Context, cause error) error {
	run, err := s.journal.Running(ctx)
	switch {
	case err != nil:
		return err
	case run != nil:
		return activeRun(*run)
	default:
		return models.NewError(models.Unavailable, "run.mirror_locked", nil).WithRemedy("run.mirror_locked_remedy", nil).WithCause(cause).AsExpected()
	}
}

// Cancel asks a run of any process to stop and returns it; it stops some time later. On SQLite only runs of this process
// can be canceled. Errors: not_found; conflict if the run has ended or cannot be canceled; connection, timeout.
func (s *Service) Cancel(ctx context.Context, id int64) (models.Run, error) {
	if s.own(id) == nil {
		if err := s.journal.MarkInterrupted(ctx); err != nil {
			return models.Run{}, err
		}
	}
	run, err := existing(ctx, s.journal, id)
	if err != nil {
		return models.Run{}, err
	}
	own, running := s.own(id), run.State == models.Running
	if running && !s.o.Store.Features().SingleWriter {
		if running, err = s.journal.RequestCancel(ctx, id); err != nil {
			return models.Run{}, err
		}
	} else if running && own == nil {
		return models.Run{}, models.NewError(models.Conflict, "run.other_process", models.Params{"run": id}).WithRemedy("run.other_process_remedy", nil)
	}
	if !running {
		return models.Run{}, models.NewError(models.Conflict, "run.ended", models.Params{"run": id})
	}
	if own != nil {
		own.cancel(mirror.ErrCancelRequested)
	}
	run.CancelRequested = true
	author := models.AuthorOf(ctx)
	cancellation := &models.Activity{Actor: author.Actor, Channel: author.Channel, Action: models.CancelAction, RunID: &id}
	err = s.o.Store.InTx(ctx, func(tx *pmo.Session) error { return activities.New(tx).Add(ctx, cancellation, nil) })
	if err != nil { // on SQLite the run holds the write lock until it ends
		s.o.Log.Warn("cancellation not recorded", "run", id, "actor", author.ID, "error", err)
	}
	return run, nil
}

// own returns the run of this process with the given id; nil if it is not in progress.
func (s *Service) own(run int64) *active {
	s.mu.Lock()
	a := s.active
	s.mu.Unlock()
	if a == nil {
		return nil
	}
	select {
	case <-a.begun:
		if a.run.ID == run {
			return a
		}
	default:
	}
	return nil
}
