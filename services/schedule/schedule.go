// Package schedule starts runs at the times of cron expressions. Several processes may share the schedule of one
// mirror: each scheduled run then happens once, started by the first of them.
package schedule

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/robfig/cron/v3"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/services/mirror"
	"lifecycle-sync/services/runs"
)

const (
	maxSleep     = time.Minute // between clock checks: the clock may be set, or the machine suspended
	pollInterval = time.Second // while another run is in progress
	clockSkew    = time.Minute // maximum difference between two machines' clocks
)

// Plan holds the schedules.
type Plan struct {
	Incremental Cron
	Full        Cron // a full run followed by a verification
}

// Next returns the first time after an instant at which a run is due, in that instant's time zone; false if none ever
// is.
func (p Plan) Next(after time.Time) (next time.Time, ok bool) {
	for _, c := range []Cron{p.Incremental, p.Full} {
		if t := c.Next(after); !t.IsZero() && (!ok || t.Before(next)) {
			next, ok = t, true
		}
	}
	return next, ok
}

// runner executes runs and verifications. Errors: those of runs.Service.
type runner interface {
	Run(ctx context.Context, req mirror.Request, progress mirror.Progress) (mirror.Result, error)
	Verify(ctx context.Context) (runs.Verification, error)
}

// history finds the runs of all processes. Errors: connection, timeout, schema.
type history interface {
	LastCompleted(ctx context.Context, mode string) (*models.Run, error)
}

// Schedule starts scheduled runs, one at a time.
type Schedule struct {
	Plan    Plan
	Runs    runner
	History history
	Now     func() time.Time // in the plan's time zone
	Log     *slog.Logger
}

// Run starts runs as they fall due, until ctx ends or nothing is ever due again. Failed runs are logged and repeated at
// the next scheduled time. If several fall due during a run, one run makes up for all.
func (s *Schedule) Run(ctx context.Context) {
	ctx = models.WithAuthor(ctx, models.Author{Actor: models.Actor{ID: models.ScheduleActor}, Channel: models.SyncChannel})
	for seen := s.Now(); ; {
		next, ok := s.Plan.Next(seen)
		if !ok || !database.Pause(ctx, min(next.Sub(s.Now()), maxSleep)) {
			return
		}
		now := s.Now()
		s.runIfDue(ctx, models.FullRun, s.Plan.Full.last(seen, now)) // first: it also makes up for an incremental run
		s.runIfDue(ctx, models.IncrementalRun, s.Plan.Incremental.last(seen, now))
		seen = now // also if the clock was set back
	}
}

func (s *Schedule) runIfDue(ctx context.Context, mode string, due time.Time) {
	if due.IsZero() || ctx.Err() != nil {
		return
	}
	if err := s.runOnce(ctx, mode, due); err != nil && ctx.Err() == nil {
		e := models.AsError(err)
		s.Log.Error("scheduled run failed", "mode", mode, "due", due, "class", e.Class, "error", err, "cause", e.Cause)
	}
}

// runOnce starts the run that was due at an instant, unless another process has run it since. While another run is in
// progress it waits, because that run may fail or its process die. Two processes that check at the same moment may
// both start a run, which does no harm. Errors: those of runs.Service, connection, timeout, schema.
func (s *Schedule) runOnce(ctx context.Context, mode string, due time.Time) error {
	for waiting := false; ; waiting = true {
		last, err := s.History.LastCompleted(ctx, mode)
		if err != nil {
			return err
		}
		// A run from the future, by another machine's clock, does not count.
		if last != nil && !last.StartedAt.Before(due) && last.StartedAt.Before(s.Now().Add(clockSkew)) {
			s.Log.Info("scheduled run already completed", "mode", mode, "due", due, "run", last.ID)
			return nil
		}
		if _, err = s.Runs.Run(ctx, mirror.Request{Mode: mode}, mirror.Silent{}); err == nil && mode == models.FullRun {
			_, err = s.Runs.Verify(ctx)
		}
		other, busy := errors.AsType[*runs.ActiveRunError](err)
		if !busy {
			return err
		}
		if !waiting {
			s.Log.Info("scheduled run waiting", "mode", mode, "due", due, "run", other.Run.ID)
		}
		if !database.Pause(ctx, pollInterval) {
			return ctx.Err()
		}
	}
}

// off is the expression that is never due.
const off = "off"

// Cron is a recurring time. The zero Cron is never due.
type Cron struct{ times *cron.SpecSchedule }

// ParseCron parses a cron expression: minute, hour, day of the month, month and day of the week, optionally preceded
// by the second. Descriptors such as @daily are allowed; off is never due. Errors: configuration.
func ParseCron(text string) (Cron, error) {
	if text == off {
		return Cron{}, nil
	}
	spec, err := parse(text)
	switch {
	case err != nil:
		return Cron{}, err
	case spec.Location != time.Local: //nolint:gosmopolitan // how the library says that none was named
		return Cron{}, models.NewError(models.Config, "schedule.time_zone", nil)
	case spec.Second == 0 || spec.Minute == 0 || spec.Hour == 0 || spec.Dom == 0 || spec.Month == 0 || spec.Dow == 0:
		return Cron{}, models.NewError(models.Config, "schedule.empty_field", nil)
	case spec.Next(time.Date(2024, time.January, 1, 0, 0, 0, 0, time.UTC)).IsZero(): // in five years, one of them a leap year
		return Cron{}, models.NewError(models.Config, "schedule.never", nil)
	}
	return Cron{times: spec}, nil
}

// parse calls the library, which panics on some invalid expressions.
func parse(text string) (spec *cron.SpecSchedule, err error) {
	defer func() {
		if recover() != nil {
			err = models.NewError(models.Config, "schedule.syntax", nil)
		}
	}()
	times, err := cron.NewParser(cron.SecondOptional | cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.Descriptor).Parse(text)
	if err != nil {
		return nil, models.NewError(models.Config, "schedule.syntax", nil).WithCause(err)
	}
	spec, ok := times.(*cron.SpecSchedule)
	if !ok {
		return nil, models.NewError(models.Config, "schedule.every", nil)
	}
	return spec, nil
}

// Next returns the first time after an instant, in that instant's time zone; zero if there is none. A time that the
// switch to daylight saving time skips is replaced by the time that clocks show instead, so that no night misses its run.
func (c Cron) Next(after time.Time) time.Time {
	if c.times == nil {
		return time.Time{}
	}
	next := c.times.Next(after)
	if skipped := onClock(c.times.Next(onClock(after, time.UTC)), after.Location()); skipped.After(after) && skipped.Before(next) {
		return skipped
	}
	return next
}

// last returns the last time after one instant and not after another; zero if there is none.
func (c Cron) last(after, until time.Time) (last time.Time) {
	for next := c.Next(after); !next.IsZero() && !next.After(until); next = c.Next(next) {
		last = next
	}
	return last
}

// onClock returns the instant at which the clocks of a time zone show the same.
func onClock(t time.Time, zone *time.Location) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, zone)
}
