package schedule

import (
	"context"
	"errors"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/services/mirror"
	"lifecycle-sync/services/runs"
)

const (
	patience = time.Second // between two looks at whether the run under way has ended
	skew     = time.Minute // by so much the clocks of two machines may differ
)

// turn makes a run that was due at an instant, unless one of its kind has been made since, by whichever
// process. While another is under way it waits, because that one may come to nothing: its process may die.
// Of two processes that look at the same moment each may make one, which does no harm. Errors: those of
// runs.Service, connection, timeout, schema.
func (s *Schedule) turn(ctx context.Context, mode string, due time.Time) error {
	for waiting := false; ; waiting = true {
		last, err := s.o.History.LastMade(ctx, mode)
		if err != nil {
			return err
		}
		if s.makesUp(last, due) {
			s.o.Log.Info("what was due has been done", "mode", mode, "due", due, "run", last.ID)
			return nil
		}
		err = s.make(ctx, mode)
		other, underWay := errors.AsType[*runs.UnderWayError](err)
		if !underWay {
			return err
		}
		if !waiting {
			s.o.Log.Info("what is due waits until the run under way has ended", "mode", mode, "due", due, "run", other.Run.ID)
		}
		if !pause(ctx, patience) {
			return ctx.Err()
		}
	}
}

// makesUp reports whether a run is the one that was due at an instant. One that the clock of another machine
// has put into the future says nothing.
func (s *Schedule) makesUp(run *models.Run, due time.Time) bool {
	return run != nil && !run.StartedAt.Before(due) && run.StartedAt.Before(s.o.Now().Add(skew))
}

// make makes a run. A full one is followed by a verification, by the process that made it.
func (s *Schedule) make(ctx context.Context, mode string) error {
	_, err := s.o.Runs.Run(ctx, mirror.Request{Mode: mode}, mirror.Silent{})
	if err == nil && mode == models.FullRun {
		_, err = s.o.Runs.Verify(ctx)
	}
	return err
}
