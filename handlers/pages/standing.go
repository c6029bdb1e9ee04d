package pages

import (
	"context"
	"sync"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/services/realtime"
	"lifecycle-sync/services/syncing"
	"lifecycle-sync/web"
)

const (
	standingTime = time.Second     // so old may be what every page says of the mirror
	standingWait = 5 * time.Second // so long a page waits to be told
)

// statusReader tells how the mirror stands. Errors: connection, timeout, schema.
type statusReader interface {
	Status(ctx context.Context) (syncing.Status, error)
}

// standing is how the mirror stands, for the line above every page.
type standing struct {
	status statusReader

	mu   sync.Mutex
	last syncing.Status
	err  error
	read time.Time
}

func newStanding(status statusReader) *standing { return &standing{status: status} }

// words are what the line says, and how it looks.
type words struct {
	Text, Tone string // Tone is good, warn or bad
	Troubled   bool   // somebody should do something
}

// words reads how the mirror stands, at most once in standingTime unless asked to do so now, and for everybody: so it
// does not end with the request, which is over where an error is shown.
func (s *standing) words(ctx context.Context, readNow bool) *words {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if readNow || now.Sub(s.read) >= standingTime {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), standingWait)
		defer cancel()
		s.last, s.err = s.status.Status(ctx)
		s.read = now
	}
	if s.err != nil {
		return &words{Text: "How the mirror stands cannot be read: pmo_db does not answer", Tone: "bad", Troubled: true}
	}
	w := wordsOf(s.last, now)
	return &w
}

// wordsOf says in plain words how fresh the mirror is.
func wordsOf(s syncing.Status, now time.Time) words {
	switch {
	case s.LastSuccess == nil && s.State == syncing.Running:
		return words{Text: "The first synchronisation is under way", Tone: "warn"}
	case s.LastSuccess == nil && s.LastVerdict != nil:
		return words{Text: "Nothing is synchronised yet: the first synchronisation did not end well", Tone: "bad", Troubled: true}
	case s.LastSuccess == nil:
		return words{Text: "Nothing is synchronised yet", Tone: "bad", Troubled: true}
	}
	fresh := freshness(s, now)
	if s.Quarantined > 0 {
		fresh += " · without " + web.Plural(s.Quarantined, "row", "rows") + " in quarantine"
	}
	switch {
	case s.State == syncing.Failed:
		return words{Text: "The last synchronisation did not end well. " + fresh, Tone: "bad", Troubled: true}
	case follower(s) == realtime.Stopped:
		return words{Text: "Real time has stopped: too many rows would leave the mirror. " + fresh, Tone: "bad", Troubled: true}
	case s.State == syncing.Stale:
		return words{Text: "The last synchronisation is too long ago. " + fresh, Tone: "warn", Troubled: true}
	case s.State == syncing.Running:
		return words{Text: fresh + " · a synchronisation is under way", Tone: "good"}
	case drifted(s):
		rows := web.Plural(s.Verified.Drift(), "row", "rows")
		return words{Text: "The mirror differs from lifecycle_db in " + rows + " that somebody has changed by hand", Tone: "warn", Troubled: true}
	case follower(s) == realtime.Unavailable:
		return words{Text: "Real time does not follow at the moment. " + fresh, Tone: "warn", Troubled: true}
	default:
		return words{Text: fresh, Tone: "good"}
	}
}

// follower is what this process's follower does, "" without one.
func follower(s syncing.Status) realtime.State {
	if s.Realtime == nil {
		return ""
	}
	return s.Realtime.State
}

// freshness says of when what is shown is, and since when it is proved to be equal, after a run that succeeded.
func freshness(s syncing.Status, now time.Time) string {
	ago := func(t time.Time) string { return web.Ago(now.Sub(t)) }
	current := s.LastSuccess.StartedAt
	if s.CurrentAt != nil {
		current = *s.CurrentAt
	}
	equal, live := provedEqual(s), follower(s) == realtime.Following
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

// provedEqual is the newest run that has proved the mirror to be equal, whether it made it so or found it so; nil
// when there is none.
func provedEqual(s syncing.Status) *models.Run {
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
