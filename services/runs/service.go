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
	"lifecycle-sync/repositories/pmo/journal"
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

// Options are what the service needs. Realtime and the functions after it may be nil; they are called from any goroutine.
type Options struct {
	Engine     engine
	Store      *pmo.Store // not the pool that runs use, so that neither waits for the other
	Timeout    time.Duration
	RetryTime  time.Duration // as in mirror.Request
	StaleAfter time.Duration // an older success is stale
	Now        func() time.Time
	Log        *slog.Logger
	Realtime   func() realtime.Status   // the status of the follower
	NextRun    func() (time.Time, bool) // the next scheduled run; false if there is none
	Ended      func(Outcome)            // receives the outcome of every run of this process
	NotBegun   func(error)              // receives why a run of this process could not begin
	Committed  func(version int64)      // receives the version of the mirror that a run of this process committed
}

// Service controls the runs of this process. Close it when done.
type Service struct {
	o         Options
	journal   *journal.Journal
	events    *events
	refresh   chan struct{}   // makes the watcher publish a changed status at once
	ctx       context.Context //nolint:containedctx // ends the tasks when the service closes
	cancel    context.CancelFunc
	wg        sync.WaitGroup
	comparing sync.Mutex // held during a dry run or verification

	mu       sync.Mutex
	active   *active // this process's one run
	watching bool    // publishStates is running
}

// New returns the service.
func New(o Options) *Service {
	s := &Service{o: o, events: newEvents(), refresh: make(chan struct{}, 1)}
	if o.Store != nil {
		s.journal = journal.New(o.Store.Session)
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// Close cancels running tasks, waits for them, and then ends the event streams.
func (s *Service) Close() {
	s.mu.Lock()
	s.cancel()
	s.mu.Unlock()
	s.wg.Wait()
	s.events.end()
}

// task returns a context that also ends when the service closes. end must be called. Errors: unavailable when the
// service is closed.
func (s *Service) task(ctx context.Context) (task context.Context, end func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil {
		return nil, nil, models.NewError(models.Unavailable, "run.shutdown", nil).WithRemedy("run.shutdown_remedy", nil)
	}
	s.wg.Add(1)
	task, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(s.ctx, cancel)
	return task, func() {
		stop()
		cancel()
		s.wg.Done()
	}, nil
}

// ended publishes the end of a run.
func (s *Service) ended(o Outcome) {
	if o.Tables == nil {
		o.Tables = []models.TableCount{}
	}
	s.events.publish(FinishedEvent, o)
	s.publishStatus()
	if s.o.Ended != nil {
		s.o.Ended(o)
	}
}
