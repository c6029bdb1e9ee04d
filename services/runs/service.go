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
	DryRun(ctx context.Context, req mirror.Request, progress mirror.Progress, emit func(mirror.Change) error) (mirror.DryRun, error)
	Verify(ctx context.Context, progress mirror.Progress, emit func(mirror.Change, mirror.Cause) error) (mirror.Verification, error)
}

// Outcome is the outcome of a run.
type Outcome struct {
	Run    models.Run
	Tables []models.TableCount
	Took   time.Duration
}

// Wrote reports whether the run made the changes in Tables, unlike a dry run, a verification or a failed run.
func (o Outcome) Wrote() bool {
	return o.Run.State == models.Succeeded && o.Run.Mode != models.DryRun && o.Run.Mode != models.VerifyRun
}

// Options configure the service. Realtime and the functions after it may be nil; they are called from any goroutine.
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
		return nil, nil, models.NewError(models.Unavailable, "run.shutdown", nil).WithRemedy("run.shutdown_remedy", nil).AsExpected()
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

// State is the sync status in a word.
type State string

// The states; the first that applies is reported.
const (
	Running State = "running" // a run is in progress
	Never   State = "never"   // no run has succeeded yet
	Failed  State = "failed"  // the last run failed; canceled and refused runs do not count
	Stale   State = "stale"   // the last success is too old
	Healthy State = "healthy"
)

// SyncStatus is the part of the sync status that pmo_db records.
type SyncStatus = journal.SyncStatus

// Status is the sync status.
type Status struct {
	State    State
	NextRun  *time.Time       // on this process's schedule; nil without one
	Realtime *realtime.Status // of this process's follower; nil without one, in which case Lag is nil too
	SyncStatus
}

// stateOf returns the sync status in a word.
func stateOf(st SyncStatus, staleAfter time.Duration) State {
	switch {
	case st.Running != nil:
		return Running
	case st.LastSuccess == nil:
		return Never
	case st.LastConclusive != nil && st.LastConclusive.State != models.Succeeded:
		return Failed
	case st.Age != nil && *st.Age > staleAfter:
		return Stale
	default:
		return Healthy
	}
}

// RemainingDifferences returns the differences that the newest verification found and no later run has corrected, nil without a
// verification. Every run corrects rows that were behind; only a full run corrects the others.
func RemainingDifferences(st SyncStatus) *models.Differences {
	if st.Verified == nil {
		return nil
	}
	found := st.Verified.Found()
	isBefore := func(run *models.Run) bool { return run != nil && st.Verified.StartedAt.Before(run.StartedAt) }
	switch {
	case found == nil:
		return nil
	case isBefore(st.ProvedEqual):
		return &models.Differences{}
	case isBefore(st.LastSuccess):
		found.Behind = 0
	}
	return found
}

// RemainingDrift returns the number of rows edited in the mirror that the newest verification found and no run has corrected since.
func RemainingDrift(st SyncStatus) int64 {
	if remaining := RemainingDifferences(st); remaining != nil {
		return remaining.Drift
	}
	return 0
}

// Status returns the sync status. It marks runs of dead processes as interrupted. Errors: connection, timeout, schema.
func (s *Service) Status(ctx context.Context) (Status, error) {
	status, err := s.readStatus(ctx)
	if err == nil && status.Running != nil && s.own(status.Running.ID) == nil {
		if err = s.journal.MarkInterrupted(ctx); err == nil {
			status, err = s.readStatus(ctx)
		}
	}
	return status, err
}

func (s *Service) readStatus(ctx context.Context) (status Status, err error) {
	_, err = s.o.Store.View(ctx, func(v *pmo.Session) error {
		status.SyncStatus, err = journal.New(v).SyncStatus(ctx)
		return err
	})
	status.State = stateOf(status.SyncStatus, s.o.StaleAfter)
	if s.o.NextRun != nil {
		if next, ok := s.o.NextRun(); ok {
			status.NextRun = &next
		}
	}
	if s.o.Realtime != nil {
		follower := s.o.Realtime()
		status.Realtime = &follower
	} else {
		status.Lag = nil
	}
	return status, err
}
