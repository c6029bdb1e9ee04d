package schedule

import (
	"context"
	"log/slog"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/services/mirror"
	"lifecycle-sync/services/runs"
)

// look is for how long at most the clock is not looked at: it may be set meanwhile, or the machine sleep.
const look = time.Minute

// Plan is when runs are due.
type Plan struct {
	Incremental Cron
	Full        Cron // a full run, and then a verification
}

// Next is the first time after an instant, in that instant's time zone, at which a run is due; false when
// none ever is.
func (p Plan) Next(after time.Time) (next time.Time, is bool) {
	for _, c := range []Cron{p.Incremental, p.Full} {
		if t := c.Next(after); !t.IsZero() && (!is || t.Before(next)) {
			next, is = t, true
		}
	}
	return next, is
}

// runner makes runs and verifications. Errors: those of runs.Service.
type runner interface {
	Run(ctx context.Context, req mirror.Request, progress mirror.Progress) (mirror.Result, error)
	Verify(ctx context.Context) (runs.Verdict, error)
}

// history knows the runs of every process. Errors: connection, timeout, schema.
type history interface {
	LastMade(ctx context.Context, mode string) (*models.Run, error)
}

// Options are what a schedule needs.
type Options struct {
	Plan    Plan
	Runs    runner
	History history
	Now     func() time.Time // in the time zone of the plan
	Log     *slog.Logger
}

// Schedule makes the runs that are due, one after the other.
type Schedule struct{ o Options }

// New returns a schedule.
func New(o Options) *Schedule { return &Schedule{o} }

// Run makes what is due from now on, until ctx ends or nothing is due ever again. What fails is logged, and
// has its next turn when it is next due. One run makes up for all that were due while another went on.
func (s *Schedule) Run(ctx context.Context) {
	for seen := s.o.Now(); s.wait(ctx, seen); {
		now := s.o.Now()
		s.turnIfDue(ctx, models.FullRun, s.o.Plan.Full.last(seen, now)) // first: it makes up for an incremental one
		s.turnIfDue(ctx, models.IncrementalRun, s.o.Plan.Incremental.last(seen, now))
		seen = now // also when the clock was set back
	}
}

// wait returns when something may be due that was not at the given time. It is false when nothing ever will
// be, or ctx ends.
func (s *Schedule) wait(ctx context.Context, seen time.Time) bool {
	next, is := s.o.Plan.Next(seen)
	return is && pause(ctx, min(next.Sub(s.o.Now()), look))
}

// pause is false when ctx ends first.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

func (s *Schedule) turnIfDue(ctx context.Context, mode string, due time.Time) {
	if due.IsZero() || ctx.Err() != nil {
		return
	}
	if err := s.turn(ctx, mode, due); err != nil && ctx.Err() == nil {
		e := models.AsError(err)
		s.o.Log.Error("what was due has failed; it is tried again when it is next due", "mode", mode, "due", due, "class", e.Class, "error", err, "cause", e.Cause)
	}
}
