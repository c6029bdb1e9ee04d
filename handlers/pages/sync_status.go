package pages

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"lifecycle-sync/models"
	"lifecycle-sync/services/realtime"
	"lifecycle-sync/services/runs"
)

const (
	statusMaxAge  = time.Second            // age of the status that a page may show
	statusTimeout = 5 * time.Second        // limit for reading it
	statusWait    = 500 * time.Millisecond // how long a page waits for that before it shows the last one
	statusExpiry  = time.Minute            // after which the last one says nothing
)

// statusReader reads the sync status. Errors: connection, timeout, schema.
type statusReader interface {
	Status(ctx context.Context) (runs.Status, error)
}

// syncStatus is the sync status at the top of every page.
type syncStatus struct {
	status  statusReader
	flights singleflight.Group

	mu   sync.Mutex
	last runs.Status
	err  error
	read time.Time
}

func newSyncStatus(status statusReader) *syncStatus { return &syncStatus{status: status} }

// statusLine is the sync status in one line: the first text is how fresh the data is.
type statusLine struct {
	Texts   models.Texts
	Tone    string // good, warn or bad
	Trouble bool   // an operator should act
}

// line returns the status, at most statusMaxAge old; fresh reads it now.
func (s *syncStatus) line(ctx context.Context, fresh bool) *statusLine {
	last, err := s.known(statusMaxAge)
	if fresh || err != nil || last == nil {
		last, err = s.refresh(ctx)
	}
	switch {
	case err != nil:
		return &statusLine{Texts: one("console_status.unavailable"), Tone: "bad", Trouble: true}
	case last == nil:
		return &statusLine{Texts: one("console_status.unknown"), Tone: "warn"}
	}
	line := lineOf(*last, time.Now())
	return &line
}

// known returns the status that was read within a duration, nil if there is none.
func (s *syncStatus) known(within time.Duration) (*runs.Status, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.read) >= within {
		return nil, nil //nolint:nilnil // as documented
	}
	last := s.last
	return &last, s.err
}

// refresh reads the status once for all who ask, even if a request ends. After statusWait it returns the last one, so
// that no page queues behind a database that hangs.
func (s *syncStatus) refresh(ctx context.Context) (*runs.Status, error) {
	done := s.flights.DoChan("", func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), statusTimeout)
		defer cancel()
		status, err := s.status.Status(ctx)
		s.mu.Lock()
		defer s.mu.Unlock()
		if err == nil {
			s.last = status
		}
		s.err, s.read = err, time.Now()
		return nil, nil
	})
	select {
	case <-done:
	case <-time.After(statusWait):
	}
	return s.known(statusExpiry)
}

func one(code string) models.Texts { return models.Texts{models.NewText(code, nil)} }

func lineOf(s runs.Status, now time.Time) statusLine {
	switch {
	case s.LastSuccess == nil && s.State == runs.Running:
		return statusLine{Texts: one("console_status.first_run"), Tone: "warn"}
	case s.LastSuccess == nil && s.LastConclusive != nil:
		return statusLine{Texts: one("console_status.first_run_failed"), Tone: "bad", Trouble: true}
	case s.LastSuccess == nil:
		return statusLine{Texts: one("console_status.never"), Tone: "bad", Trouble: true}
	}
	fresh := Freshness(s, now)
	if s.Quarantined > 0 {
		fresh = append(fresh, models.NewText("console_status.held_back", models.Params{"count": s.Quarantined}))
	}
	trouble := func(code, tone string) statusLine {
		return statusLine{Texts: append(one(code), fresh...), Tone: tone, Trouble: true}
	}
	switch {
	case s.State == runs.Failed:
		return trouble("console_status.failed", "bad")
	case FollowerState(s) == realtime.Stopped:
		return trouble("console_status.realtime_stopped", "bad")
	case s.State == runs.Stale:
		return trouble("console_status.stale", "warn")
	case s.State == runs.Running:
		return statusLine{Texts: append(fresh, models.NewText("console_status.running", nil)), Tone: "good"}
	case Drifted(s):
		drift := models.Texts{models.NewText("console_status.drift", models.Params{"count": s.Verified.Drift()})}
		return statusLine{Texts: drift, Tone: "warn", Trouble: true}
	case FollowerState(s) == realtime.Unavailable:
		return trouble("console_status.realtime_unavailable", "warn")
	default:
		return statusLine{Texts: fresh, Tone: "good"}
	}
}

// FollowerState is the state of this process's follower, "" without one.
func FollowerState(s runs.Status) realtime.State {
	if s.Realtime == nil {
		return ""
	}
	return s.Realtime.State
}

// Age is the time since t in whole seconds, at least one: clocks differ a little.
func Age(now, t time.Time) time.Duration { return max(now.Sub(t).Truncate(time.Second), time.Second) }

// Freshness says how old the data is and when it was last proved equal, after a run that succeeded.
func Freshness(s runs.Status, now time.Time) models.Texts {
	text := func(code string, t time.Time) models.Text {
		return models.NewText(code, models.Params{"age": Age(now, t)})
	}
	current := s.LastSuccess.StartedAt
	if s.CurrentAt != nil {
		current = *s.CurrentAt
	}
	equal, live := ProvedEqual(s), FollowerState(s) == realtime.Following
	switch {
	case equal == nil:
		return models.Texts{text("console_status.data_age", current)}
	case live && now.Sub(current) > time.Minute:
		return models.Texts{text("console_status.live_age", current), text("console_status.checked", equal.StartedAt)}
	case live:
		return models.Texts{models.NewText("console_status.live", nil), text("console_status.checked", equal.StartedAt)}
	case current.Sub(equal.StartedAt) < time.Minute:
		return models.Texts{models.NewText("console_status.in_sync", nil), text("console_status.checked", equal.StartedAt)}
	default:
		return models.Texts{text("console_status.data_age", current), text("console_status.checked", equal.StartedAt)}
	}
}

// ProvedEqual is the newest run after which the mirror was proved equal: it made it so, or found it so. nil if there
// is none.
func ProvedEqual(s runs.Status) *models.Run {
	if v := s.Verified; v != nil && provesEqual(*v) && (s.ProvedEqual == nil || v.StartedAt.After(s.ProvedEqual.StartedAt)) {
		return v
	}
	return s.ProvedEqual
}

func provesEqual(verification models.Run) bool {
	found := verification.Found()
	return verification.State == models.Succeeded && found != nil && found.Total() == 0
}

// Drifted reports whether the newest verification found rows that were edited in the mirror, and no run has corrected
// them since.
func Drifted(s runs.Status) bool {
	return s.Verified != nil && s.Verified.StartedAt.After(s.LastSuccess.StartedAt) && s.Verified.Drift() > 0
}
