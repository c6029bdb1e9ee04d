package runs

import (
	"context"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo"
	"lifecycle-sync/repositories/pmo/journal"
	"lifecycle-sync/services/realtime"
)

// State is how the mirror stands, in a word.
type State string

// The states, of which the first that holds is meant.
const (
	Running State = "running" // a run is under way
	Never   State = "never"   // no run has succeeded yet
	Failed  State = "failed"  // the last run did not end well; one that was canceled or refused says nothing
	Stale   State = "stale"   // the last success is too long ago
	Healthy State = "healthy"
)

// Standing is what the runs tell of the mirror.
type Standing = journal.Standing

// Status is how the mirror stands.
type Status struct {
	State   State
	NextRun *time.Time // on this process's schedule; nil without one
	// Realtime is what this process's follower does; nil without one. Then Lag says nothing of now.
	Realtime *realtime.Status
	Standing
}

// stateOf says in a word how the mirror stands.
func stateOf(st Standing, staleAfter time.Duration) State {
	switch {
	case st.Running != nil:
		return Running
	case st.LastSuccess == nil:
		return Never
	case st.LastVerdict != nil && st.LastVerdict.State != models.Succeeded:
		return Failed
	case st.Age != nil && *st.Age > staleAfter:
		return Stale
	default:
		return Healthy
	}
}

// Status returns how the mirror stands. A run whose process has died is told from one under way first.
// Errors: connection, timeout, schema.
func (s *Service) Status(ctx context.Context) (Status, error) {
	status, err := s.read(ctx)
	if err == nil && status.Running != nil && !s.ours(status.Running.ID) {
		if err = journal.New(s.o.Store.Session).MarkInterrupted(ctx); err == nil {
			status, err = s.read(ctx)
		}
	}
	return status, err
}

func (s *Service) read(ctx context.Context) (status Status, err error) {
	_, err = s.o.Store.View(ctx, func(v *pmo.Session) error {
		status.Standing, err = journal.New(v).Standing(ctx)
		return err
	})
	status.State = stateOf(status.Standing, s.o.StaleAfter)
	if s.o.NextRun != nil {
		if next, is := s.o.NextRun(); is {
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

// ours reports whether this process makes the run.
func (s *Service) ours(run int64) bool { return s.mine(run) != nil }

// mine is the run of this process with a number, nil when it is not under way.
func (s *Service) mine(run int64) *active {
	s.mu.Lock()
	a := s.active
	s.mu.Unlock()
	if a == nil {
		return nil
	}
	select {
	case <-a.began:
		if a.run.ID == run {
			return a
		}
	default:
	}
	return nil
}
