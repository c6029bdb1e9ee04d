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
	statusMaxAge  = time.Second            // maximum age of a status shown without a refresh
	statusTimeout = 5 * time.Second        // timeout for reading the status
	statusWait    = 500 * time.Millisecond // how long a page waits for a refresh before it shows the cached status
	statusExpiry  = time.Minute            // age at which the cached status is discarded
)

// statusReader reads the sync status. Errors: connection, timeout, schema.
type statusReader interface {
	Status(ctx context.Context) (runs.Status, error)
}

// syncStatus caches the sync status that every page shows at the top.
type syncStatus struct {
	reader       statusReader
	refreshGroup singleflight.Group

	mu     sync.Mutex
	status runs.Status
	err    error
	readAt time.Time
}

func newSyncStatus(status statusReader) *syncStatus { return &syncStatus{reader: status} }

// statusLine is the sync status in one line.
type statusLine struct {
	Texts       models.Texts
	Tone        string // good, warn or bad
	NeedsAction bool   // an operator must act
}

// line returns the status, at most statusMaxAge old; forceRefresh reads it now.
func (s *syncStatus) line(ctx context.Context, forceRefresh bool) *statusLine {
	status, err := s.cached(statusMaxAge)
	if forceRefresh || err != nil || status == nil {
		status, err = s.refresh(ctx)
	}
	switch {
	case err != nil:
		return &statusLine{Texts: SingleText("console_status.unavailable"), Tone: "bad", NeedsAction: true}
	case status == nil:
		return &statusLine{Texts: SingleText("console_status.unknown"), Tone: "warn"}
	}
	line := lineOf(*status, time.Now())
	return &line
}

// cached returns the cached status if it is younger than maxAge, otherwise nil.
func (s *syncStatus) cached(maxAge time.Duration) (*runs.Status, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.readAt) >= maxAge {
		return nil, nil //nolint:nilnil // as documented
	}
	status := s.status
	return &status, s.err
}

// refresh reads the status once for all concurrent callers, and continues if a request is canceled. After statusWait it
// returns the cached status, so that pages do not wait for a database that hangs.
func (s *syncStatus) refresh(ctx context.Context) (*runs.Status, error) {
	result := s.refreshGroup.DoChan("", func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), statusTimeout)
		defer cancel()
		status, err := s.reader.Status(ctx)
		s.mu.Lock()
		defer s.mu.Unlock()
		if err == nil {
			s.status = status
		}
		s.err, s.readAt = err, time.Now()
		return nil, nil
	})
	select {
	case <-result:
	case <-time.After(statusWait):
	}
	return s.cached(statusExpiry)
}

// SingleText returns a list of one text without parameters.
func SingleText(code string) models.Texts { return models.Texts{models.NewText(code, nil)} }

func lineOf(s runs.Status, now time.Time) statusLine {
	switch {
	case s.LastSuccess == nil && s.State == runs.Running:
		return statusLine{Texts: SingleText("console_status.first_run"), Tone: "warn"}
	case s.LastSuccess == nil && s.LastConclusive != nil:
		return statusLine{Texts: SingleText("console_status.first_run_failed"), Tone: "bad", NeedsAction: true}
	case s.LastSuccess == nil:
		return statusLine{Texts: SingleText("console_status.never"), Tone: "bad", NeedsAction: true}
	}
	freshness := Freshness(s, now)
	if s.Quarantined > 0 {
		freshness = append(freshness, models.NewText("console_status.held_back", models.Params{"count": s.Quarantined}))
	}
	needsAction := func(code, tone string) statusLine {
		return statusLine{Texts: append(SingleText(code), freshness...), Tone: tone, NeedsAction: true}
	}
	if s.State == runs.Running {
		freshness = append(freshness, models.NewText("console_status.running", nil))
	}
	switch {
	case s.State == runs.Failed:
		return needsAction("console_status.failed", "bad")
	case FollowerState(s) == realtime.Stopped:
		return needsAction("console_status.realtime_stopped", "bad")
	case s.State == runs.Stale:
		return needsAction("console_status.stale", "warn")
	case runs.RemainingDrift(s.SyncStatus) > 0:
		drift := models.Texts{models.NewText("console_status.drift", models.Params{"count": runs.RemainingDrift(s.SyncStatus)})}
		return statusLine{Texts: drift, Tone: "warn", NeedsAction: true}
	case FollowerState(s) == realtime.Unavailable:
		return needsAction("console_status.realtime_unavailable", "warn")
	case hasTrouble(s): // a run that may end it is in progress
		return statusLine{Texts: freshness, Tone: "warn"}
	default:
		return statusLine{Texts: freshness, Tone: "good"}
	}
}

// hasDifferences reports whether the newest verification found differences that no run has corrected since.
func hasDifferences(s runs.Status) bool {
	remaining := runs.RemainingDifferences(s.SyncStatus)
	return remaining != nil && remaining.Total() > 0
}

// hasTrouble reports whether the mirror may not equal lifecycle_db although it once did. Then no text says that it is in sync.
func hasTrouble(s runs.Status) bool {
	failed := s.LastConclusive != nil && s.LastConclusive.State != models.Succeeded
	follower := FollowerState(s)
	return failed || s.State == runs.Failed || s.State == runs.Stale || follower == realtime.Stopped || follower == realtime.Unavailable
}

// FollowerState returns the state of this process's follower, "" without one.
func FollowerState(s runs.Status) realtime.State {
	if s.Realtime == nil {
		return ""
	}
	return s.Realtime.State
}

// Age returns the time since t in whole seconds, at least one, because clocks may differ.
func Age(now, t time.Time) time.Duration { return max(now.Sub(t).Truncate(time.Second), time.Second) }

// Freshness describes the age of the data and of the last proof that it is in sync. It says so only if nothing is wrong. A
// run must have succeeded.
func Freshness(s runs.Status, now time.Time) models.Texts {
	text := func(code string, t time.Time) models.Text {
		return models.NewText(code, models.Params{"age": Age(now, t)})
	}
	current := s.LastSuccess.StartedAt
	if s.CurrentAt != nil {
		current = *s.CurrentAt
	}
	inSync, live := LastProvenInSync(s), FollowerState(s) == realtime.Following
	switch {
	case inSync == nil:
		return models.Texts{text("console_status.data_age", current)}
	case live && now.Sub(current) > time.Minute:
		return models.Texts{text("console_status.live_age", current), text("console_status.checked", inSync.StartedAt)}
	case live:
		return models.Texts{models.NewText("console_status.live", nil), text("console_status.checked", inSync.StartedAt)}
	case current.Sub(inSync.StartedAt) < time.Minute && (hasTrouble(s) || hasDifferences(s)):
		return models.Texts{text("console_status.data_age", current)}
	case current.Sub(inSync.StartedAt) < time.Minute:
		return models.Texts{models.NewText("console_status.in_sync", nil), text("console_status.checked", inSync.StartedAt)}
	default:
		return models.Texts{text("console_status.data_age", current), text("console_status.checked", inSync.StartedAt)}
	}
}

// LastProvenInSync returns the newest successful sync, or the newest verification that found no differences; nil if there is
// none.
func LastProvenInSync(s runs.Status) *models.Run {
	if v := s.Verified; v != nil && provesInSync(*v) && (s.ProvedEqual == nil || v.StartedAt.After(s.ProvedEqual.StartedAt)) {
		return v
	}
	return s.ProvedEqual
}

func provesInSync(verification models.Run) bool {
	differences := verification.Found()
	return verification.State == models.Succeeded && differences != nil && differences.Total() == 0
}
