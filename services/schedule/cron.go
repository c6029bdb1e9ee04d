package schedule

import (
	"time"

	"github.com/robfig/cron/v3"

	"lifecycle-sync/models"
)

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
