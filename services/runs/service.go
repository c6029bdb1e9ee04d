// Package runs starts, watches and cancels runs, lists past ones, and reports the sync status. The engine's lock in
// pmo_db allows one run at a time across processes; this package tracks the runs of its own process.
package runs

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo"
	"lifecycle-sync/services/mirror"
	"lifecycle-sync/services/realtime"
)

// engine executes runs, dry runs and verifications. Errors: those of mirror.Engine.
type engine interface {
	Sync(ctx context.Context, req mirror.Request, progress mirror.Progress) (mirror.Result, error)
	Preview(ctx context.Context, req mirror.Request, progress mirror.Progress, emit func(mirror.Change) error) (mirror.Preview, error)
	Verify(ctx context.Context, progress mirror.Progress, emit func(mirror.Change, mirror.Cause) error) (mirror.Verification, error)
}

// Outcome is how a run ended.
type Outcome struct {
	Run    models.Run
	Tables []models.TableCount
	Took   time.Duration
}

// Wrote reports whether the run made the changes in Tables, unlike a dry run, a verification or a failed run.
func (o Outcome) Wrote() bool {
	return o.Run.State == models.Succeeded && o.Run.Mode != models.DryRun && o.Run.Mode != models.VerifyRun
}

// Options are what the service needs.
type Options struct {
	Engine     engine
	Store      *pmo.Store // not the pool that runs use, so that neither waits for the other
	Timeout    time.Duration
	RetryTime  time.Duration // as in mirror.Request
	StaleAfter time.Duration // an older success is stale
	Now        func() time.Time
	Log        *slog.Logger
	Realtime   func() realtime.Status   // what the follower does; nil without one
	NextRun    func() (time.Time, bool) // when the schedule makes the next run, if it ever does; may be nil
	Ended      func(Outcome)            // is told of every run of this process, from any goroutine; may be nil
	NotBegun   func(error)              // is told why a run of this process could not begin, from any goroutine; may be nil
	Committed  func(version int64)      // is told the mirror's version that a run of this process made; may be nil
}

// Service controls the runs of this process. Close it when done.
type Service struct {
	o      Options
	events *events
	look   chan struct{} // makes the watch look at the runs at once

	mu        sync.Mutex
	active    *active                          // this process's one run
	comparing bool                             // a dry run or a verification is under way here
	watching  bool                             // the runs of other processes are looked at, for those who listen
	tasks     map[*context.CancelFunc]struct{} // how to end what is under way
	closed    bool
	wg        sync.WaitGroup
}

// New returns the service.
func New(o Options) *Service {
	return &Service{o: o, events: newEvents(), look: make(chan struct{}, 1), tasks: map[*context.CancelFunc]struct{}{}}
}

// Close cancels running tasks, waits for them, and then ends the event streams.
func (s *Service) Close() {
	s.mu.Lock()
	s.closed = true
	for cancel := range s.tasks {
		(*cancel)()
	}
	s.mu.Unlock()
	s.wg.Wait()
	s.events.end()
}

// task returns a context that also ends with the service. end must be called. Errors: unavailable when
// the service has ended.
func (s *Service) task(ctx context.Context) (task context.Context, end func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, nil, models.NewError(models.Unavailable, "run.shutdown", nil).WithRemedy("run.shutdown_remedy", nil)
	}
	task, cancel := context.WithCancel(ctx)
	s.tasks[&cancel] = struct{}{}
	s.wg.Add(1)
	return task, func() {
		cancel()
		s.mu.Lock()
		delete(s.tasks, &cancel)
		s.mu.Unlock()
		s.wg.Done()
	}, nil
}

// lookNow publishes a changed status at once.
func (s *Service) lookNow() {
	select {
	case s.look <- struct{}{}:
	default:
	}
}

// ended publishes the end of a run.
func (s *Service) ended(o Outcome) {
	if o.Tables == nil {
		o.Tables = []models.TableCount{}
	}
	s.events.publish(Finished, o)
	s.lookNow()
	if s.o.Ended != nil {
		s.o.Ended(o)
	}
}
