package runs

import (
	"context"
	"errors"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo/journal"
	"lifecycle-sync/services/mirror"
)

// An API write holds the mirror for moments; a run waits for it.
const (
	writePatience = 5 * time.Second
	writePause    = 50 * time.Millisecond
)

// active is a run of this process. began is closed when run is known, ended when it is over. Somebody who
// waits for it to begin is told at once when it cannot; once it has begun, everything is tried again.
type active struct {
	run          models.Run
	waiting      bool
	cancel       context.CancelCauseFunc
	began, ended chan struct{}
}

// UnderWayError is the error that another run is under way; it wraps one of class busy.
type UnderWayError struct {
	Run   models.Run
	cause error
}

// Error says which run it is.
func (e *UnderWayError) Error() string { return e.cause.Error() }

// Unwrap returns the error of class busy.
func (e *UnderWayError) Unwrap() error { return e.cause }

func underWay(run models.Run) *UnderWayError {
	return &UnderWayError{Run: run, cause: models.NewError(models.Busy, "run.active", models.Params{"run": run.ID}).WithRemedy("run.active_remedy", nil)}
}

// Request is what is asked of a run.
type Request struct {
	Mode         string // full or incremental
	DryRun       bool   // compares every row, whatever the mode
	AllowDeletes *int64 // as in mirror.Request
	Digest       string // likewise
}

func (r Request) forEngine() mirror.Request {
	return mirror.Request{Mode: r.Mode, AllowDeletes: r.AllowDeletes, Digest: r.Digest}
}

// Trigger starts a run and returns as soon as it has begun; a dry run, when it has ended. Errors:
// UnderWayError, unavailable, and those with which a run can fail before it begins: connection, timeout,
// schema, permission.
func (s *Service) Trigger(ctx context.Context, r Request) (models.Run, error) {
	if r.DryRun {
		return s.dryRun(ctx, r.forEngine())
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
	failed := make(chan error, 1)
	go func() {
		defer end()
		_, err := s.make(runCtx, a, r.forEngine(), mirror.Silent{})
		failed <- err
	}()
	select {
	case <-a.began:
		return a.run, nil
	case err = <-failed:
	case <-ctx.Done():
		a.cancel(ctx.Err())
		err = <-failed
	}
	select {
	case <-a.began: // and has ended already
		return a.run, nil
	default:
		return models.Run{}, err
	}
}

// Run makes a run and returns when it has ended; progress is told of it as well. Errors: UnderWayError,
// unavailable, those of mirror.Engine.Sync.
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
	return s.make(runCtx, a, req, progress)
}

// claim makes a run the process's one. While another is beginning, or has committed and is about to be
// gone, it waits.
func (s *Service) claim(ctx, runCtx context.Context) (context.Context, *active, error) {
	for {
		s.mu.Lock()
		other := s.active
		if other == nil {
			runCtx, cancel := context.WithCancelCause(runCtx)
			s.active = &active{cancel: cancel, began: make(chan struct{}), ended: make(chan struct{})}
			defer s.mu.Unlock()
			return runCtx, s.active, nil
		}
		s.mu.Unlock()
		select {
		case <-other.began:
			run, err := journal.New(s.o.Store.Session).Run(ctx, other.run.ID)
			if err != nil {
				return nil, nil, err
			}
			if run != nil && run.State == models.Running {
				return nil, nil, underWay(*run)
			}
		case <-other.ended: // before it had begun
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		}
		select {
		case <-other.ended:
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		}
	}
}

func (s *Service) make(ctx context.Context, a *active, req mirror.Request, also mirror.Progress) (mirror.Result, error) {
	ctx, cancel := mirror.WithTimeout(ctx, s.o.Timeout)
	defer cancel()
	p := &broadcast{also: also, events: s.events, now: s.o.Now}
	req.OnBegin = func(run models.Run) {
		a.run, p.run = run, run.ID
		a.waiting = false
		close(a.began)
		s.lookNow()
	}
	req.RetryTime, req.OnRetry = s.o.RetryTime, s.retrying(a, req.OnRetry)
	started := s.o.Now()
	result, err := s.synchronise(ctx, req, p)
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
	if _, waits := errors.AsType[*UnderWayError](err); err != nil && !waits { // who is told of another run tries again, or not
		e := models.AsError(err)
		s.o.Log.Warn("sync failed", "class", e.Class, "error", err, "cause", e.Cause)
	}
	return result, err
}

// retrying logs a retry and passes it on.
func (s *Service) retrying(a *active, also func(int, time.Duration, error)) func(int, time.Duration, error) {
	return func(attempt int, pause time.Duration, err error) {
		if a.waiting {
			a.cancel(err)
			return
		}
		s.o.Log.Warn("sync retry", "run", a.run.ID, "attempt", attempt, "pause", pause, "error", err, "cause", models.AsError(err).Cause)
		if also != nil {
			also(attempt, pause, err)
		}
	}
}

// synchronise makes the run once the mirror has no other writer.
func (s *Service) synchronise(ctx context.Context, req mirror.Request, p mirror.Progress) (mirror.Result, error) {
	patience := s.o.Now().Add(writePatience)
	for {
		result, err := s.o.Engine.Sync(ctx, req, p)
		if err == nil || result.Run != nil || models.AsError(err).Class != models.Busy {
			return result, err
		}
		if err = s.busy(ctx, err); models.AsError(err).Class == models.Busy || s.o.Now().After(patience) {
			return result, err
		}
		select {
		case <-ctx.Done():
			return result, ctx.Err()
		case <-time.After(writePause):
		}
	}
}

// busy turns the error that pmo_db has another writer into UnderWayError, or into unavailable when that is an
// API write, which is over in a moment.
func (s *Service) busy(ctx context.Context, cause error) error {
	run, err := journal.New(s.o.Store.Session).Running(ctx)
	switch {
	case err != nil:
		return err
	case run != nil:
		return underWay(*run)
	default:
		return models.NewError(models.Unavailable, "run.mirror_locked", nil).WithRemedy("run.mirror_locked_remedy", nil).WithCause(cause)
	}
}
