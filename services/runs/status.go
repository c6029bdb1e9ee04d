package runs

import (
	"context"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo"
	"lifecycle-sync/repositories/pmo/journal"
	"lifecycle-sync/services/realtime"
)

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
