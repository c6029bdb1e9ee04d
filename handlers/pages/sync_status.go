package pages

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"lifecycle-sync/models"
	"lifecycle-sync/services/realtime"
	"lifecycle-sync/services/runs"
	"lifecycle-sync/web"
)

const (
	statusMaxAge   = time.Second            // so old may be what every page says of the mirror
	statusTimeout  = 5 * time.Second        // so long it may take to be read
	statusPatience = 500 * time.Millisecond // so long a page waits for that; then it says what was read last
)

// statusReader tells how the mirror stands. Errors: connection, timeout, schema.
type statusReader interface {
	Status(ctx context.Context) (runs.Status, error)
}

// syncStatus is how the mirror stands, for the line above every page.
type syncStatus struct {
	status  statusReader
	flights singleflight.Group

	mu   sync.Mutex
	last runs.Status
	err  error
	read time.Time
}

func newSyncStatus(status statusReader) *syncStatus { return &syncStatus{status: status} }

// statusLine are what the line says, and how it looks.
type statusLine struct {
	Text, Tone string // Tone is good, warn or bad
	Troubled   bool   // somebody should do something
}

// statusLine are about what was read last, at most statusMaxAge ago unless the page is to say what holds now.
func (s *syncStatus) line(ctx context.Context, readNow bool) *statusLine {
	last, err := s.known(statusMaxAge)
	if readNow || err != nil || last == nil {
		last, err = s.look(ctx)
	}
	switch {
	case err != nil:
		return &statusLine{Text: "How the mirror stands cannot be read: pmo_db does not answer", Tone: "bad", Troubled: true}
	case last == nil:
		return &statusLine{Text: "How the mirror stands cannot be read at the moment", Tone: "warn"}
	}
	w := lineOf(*last, time.Now())
	return &w
}

// known is what was read in the last while, nil when nothing was.
func (s *syncStatus) known(while time.Duration) (*runs.Status, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.read) >= while {
		return nil, nil //nolint:nilnil // as documented
	}
	last := s.last
	return &last, s.err
}

// look reads how the mirror stands, once for all who ask, and so for longer than one request may last. Whoever has
// waited for statusPatience goes on with what was read last, and nobody queues up behind a database that hangs.
func (s *syncStatus) look(ctx context.Context) (*runs.Status, error) {
	looked := s.flights.DoChan("", func() (any, error) {
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
	case <-looked:
	case <-time.After(statusPatience):
	}
	return s.known(time.Minute)
}

// lineOf says in plain words how fresh the mirror is.
func lineOf(s runs.Status, now time.Time) statusLine {
	switch {
	case s.LastSuccess == nil && s.State == runs.Running:
		return statusLine{Text: "The first synchronisation is under way", Tone: "warn"}
	case s.LastSuccess == nil && s.LastVerdict != nil:
		return statusLine{Text: "Nothing is synchronised yet: the first synchronisation did not end well", Tone: "bad", Troubled: true}
	case s.LastSuccess == nil:
		return statusLine{Text: "Nothing is synchronised yet", Tone: "bad", Troubled: true}
	}
	fresh := Freshness(s, now)
	if s.Quarantined > 0 {
		fresh += " · without " + web.Plural(s.Quarantined, "row", "rows") + " in quarantine"
	}
	switch {
	case s.State == runs.Failed:
		return statusLine{Text: "The last synchronisation did not end well. " + fresh, Tone: "bad", Troubled: true}
	case FollowerState(s) == realtime.Stopped:
		return statusLine{Text: "Real time has stopped: too many rows would leave the mirror. " + fresh, Tone: "bad", Troubled: true}
	case s.State == runs.Stale:
		return statusLine{Text: "The last synchronisation is too long ago. " + fresh, Tone: "warn", Troubled: true}
	case s.State == runs.Running:
		return statusLine{Text: fresh + " · a synchronisation is under way", Tone: "good"}
	case Drifted(s):
		rows := web.Plural(s.Verified.Drift(), "row", "rows")
		return statusLine{Text: "The mirror differs from lifecycle_db in " + rows + " that somebody has changed by hand", Tone: "warn", Troubled: true}
	case FollowerState(s) == realtime.Unavailable:
		return statusLine{Text: "Real time does not follow at the moment. " + fresh, Tone: "warn", Troubled: true}
	default:
		return statusLine{Text: fresh, Tone: "good"}
	}
}

// FollowerState is what this process's follower does, "" without one.
func FollowerState(s runs.Status) realtime.State {
	if s.Realtime == nil {
		return ""
	}
	return s.Realtime.State
}

// Freshness says of when what is shown is, and since when it is proved to be equal, after a run that succeeded.
func Freshness(s runs.Status, now time.Time) string {
	ago := func(t time.Time) string { return web.Ago(now.Sub(t)) }
	current := s.LastSuccess.StartedAt
	if s.CurrentAt != nil {
		current = *s.CurrentAt
	}
	equal, live := ProvedEqual(s), FollowerState(s) == realtime.Following
	switch {
	case equal == nil:
		return "Shows lifecycle_db as of " + ago(current)
	case live && now.Sub(current) > time.Minute:
		return "Follows lifecycle_db in real time, as of " + ago(current) + " · proved equal " + ago(equal.StartedAt)
	case live:
		return "Follows lifecycle_db in real time · proved equal " + ago(equal.StartedAt)
	case current.Sub(equal.StartedAt) < time.Minute:
		return "Equal to lifecycle_db as of " + ago(equal.StartedAt)
	default:
		return "Shows lifecycle_db as of " + ago(current) + " · proved equal " + ago(equal.StartedAt)
	}
}

// ProvedEqual is the newest run that has proved the mirror to be equal, whether it made it so or found it so; nil
// when there is none.
func ProvedEqual(s runs.Status) *models.Run {
	if v := s.Verified; v != nil && provesEqual(*v) && (s.ProvedEqual == nil || v.StartedAt.After(s.ProvedEqual.StartedAt)) {
		return v
	}
	return s.ProvedEqual
}

// provesEqual reports whether a verification found nothing.
func provesEqual(run models.Run) bool {
	found := run.Found()
	return run.State == models.Succeeded && found != nil && found.Total() == 0
}

// Drifted reports whether the newest verification found rows of the mirror that were changed by hand, and no run has
// corrected them since.
func Drifted(s runs.Status) bool {
	return s.Verified != nil && s.Verified.StartedAt.After(s.LastSuccess.StartedAt) && s.Verified.Drift() > 0
}
