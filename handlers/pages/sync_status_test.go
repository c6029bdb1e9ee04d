package pages

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/services/realtime"
	"lifecycle-sync/services/runs"
)

// TestSyncStatus_Line holds what every page says against how the mirror stands.
func TestSyncStatus_Line(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, time.May, 1, 12, 0, 0, 0, time.UTC)
	before := func(d time.Duration) time.Time { return now.Add(-d) }
	run := func(d time.Duration) *models.Run { return &models.Run{State: models.Succeeded, StartedAt: before(d)} }
	found := func(d time.Duration, counts string) *models.Run {
		return &models.Run{State: models.Succeeded, StartedAt: before(d), Differences: models.JSON(counts)}
	}
	current := before(5 * time.Minute)
	following := &realtime.Status{State: realtime.Following}
	justNow := before(2 * time.Second)
	equal := runs.Standing{LastSuccess: run(2 * time.Minute), ProvedEqual: run(2 * time.Minute)}
	later := runs.Standing{LastSuccess: run(5 * time.Minute), ProvedEqual: run(10 * time.Hour), CurrentAt: &current}
	followed := runs.Standing{LastSuccess: run(5 * time.Minute), ProvedEqual: run(10 * time.Hour), CurrentAt: &justNow}
	with := func(s runs.Standing, change func(*runs.Standing)) runs.Standing {
		change(&s)
		return s
	}
	for _, c := range []struct {
		name   string
		status runs.Status
		want   statusLine
	}{
		{"never", runs.Status{State: runs.Never}, statusLine{"Nothing is synchronised yet", "bad", true}},
		{"never, but tried", runs.Status{State: runs.Never, Standing: runs.Standing{LastVerdict: &models.Run{State: models.Failed}}},
			statusLine{"Nothing is synchronised yet: the first synchronisation did not end well", "bad", true}},
		{"first", runs.Status{State: runs.Running}, statusLine{"The first synchronisation is under way", "warn", false}},
		{"equal", runs.Status{State: runs.Healthy, Standing: equal}, statusLine{"Equal to lifecycle_db as of 2 minutes ago", "good", false}},
		{"newer than proved", runs.Status{State: runs.Healthy, Standing: later}, statusLine{"Shows lifecycle_db as of 5 minutes ago · proved equal 10 hours ago", "good", false}},
		{"never proved", runs.Status{State: runs.Healthy, Standing: runs.Standing{LastSuccess: run(time.Hour)}}, statusLine{"Shows lifecycle_db as of 1 hour ago", "good", false}},
		{"running", runs.Status{State: runs.Running, Standing: equal}, statusLine{"Equal to lifecycle_db as of 2 minutes ago · a synchronisation is under way", "good", false}},
		{"failed", runs.Status{State: runs.Failed, Standing: equal}, statusLine{"The last synchronisation did not end well. Equal to lifecycle_db as of 2 minutes ago", "bad", true}},
		{"stale", runs.Status{State: runs.Stale, Standing: later}, statusLine{"The last synchronisation is too long ago. Shows lifecycle_db as of 5 minutes ago · proved equal 10 hours ago", "warn", true}},
		{"real time", runs.Status{State: runs.Healthy, Realtime: following, Standing: followed}, statusLine{"Follows lifecycle_db in real time · proved equal 10 hours ago", "good", false}},
		{"real time lags", runs.Status{State: runs.Healthy, Realtime: following, Standing: later},
			statusLine{"Follows lifecycle_db in real time, as of 5 minutes ago · proved equal 10 hours ago", "good", false}},
		{"real time elsewhere", runs.Status{State: runs.Healthy, Realtime: &realtime.Status{State: realtime.Standby}, Standing: later},
			statusLine{"Shows lifecycle_db as of 5 minutes ago · proved equal 10 hours ago", "good", false}},
		{"real time stopped", runs.Status{State: runs.Healthy, Realtime: &realtime.Status{State: realtime.Stopped}, Standing: equal},
			statusLine{"Real time has stopped: too many rows would leave the mirror. Equal to lifecycle_db as of 2 minutes ago", "bad", true}},
		{"real time away", runs.Status{State: runs.Healthy, Realtime: &realtime.Status{State: realtime.Unavailable}, Standing: equal},
			statusLine{"Real time does not follow at the moment. Equal to lifecycle_db as of 2 minutes ago", "warn", true}},
		{"verified since", runs.Status{State: runs.Healthy, Standing: with(later, func(s *runs.Standing) { s.Verified = found(time.Minute, `{}`) })},
			statusLine{"Equal to lifecycle_db as of 1 minute ago", "good", false}},
		{"behind", runs.Status{State: runs.Healthy, Standing: with(equal, func(s *runs.Standing) { s.Verified = found(time.Minute, `{"behind":3}`) })},
			statusLine{"Equal to lifecycle_db as of 2 minutes ago", "good", false}},
		{"drift", runs.Status{State: runs.Healthy, Standing: with(equal, func(s *runs.Standing) { s.Verified = found(time.Minute, `{"drift":1}`) })},
			statusLine{"The mirror differs from lifecycle_db in 1 row that somebody has changed by hand", "warn", true}},
		{"drift mended since", runs.Status{State: runs.Healthy, Standing: with(equal, func(s *runs.Standing) { s.Verified = found(time.Hour, `{"drift":1}`) })},
			statusLine{"Equal to lifecycle_db as of 2 minutes ago", "good", false}},
		{"quarantine", runs.Status{State: runs.Healthy, Standing: with(equal, func(s *runs.Standing) { s.Quarantined = 3 })},
			statusLine{"Equal to lifecycle_db as of 2 minutes ago · without 3 rows in quarantine", "good", false}},
	} {
		if got := lineOf(c.status, now); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

// answering answers unless whoever asks has gone.
type answering struct{}

// Status implements statusReader.
func (answering) Status(ctx context.Context) (runs.Status, error) {
	return runs.Status{}, ctx.Err()
}

// TestTheStandingOutlivesTheRequest asks for it as an error's page does, when the request's time is over.
func TestTheStandingOutlivesTheRequest(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got := newSyncStatus(answering{}).line(ctx, false).Text; got != "Nothing is synchronised yet" {
		t.Error(got)
	}
}

// hanging never answers, as a locked table.
type hanging struct{ asked atomic.Int32 }

// Status implements statusReader.
func (h *hanging) Status(ctx context.Context) (runs.Status, error) {
	h.asked.Add(1)
	<-ctx.Done()
	return runs.Status{}, ctx.Err()
}

// TestNoPageQueuesForTheStanding asks for it from many pages while pmo_db hangs.
func TestNoPageQueuesForTheStanding(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		reader := &hanging{}
		s, began := newSyncStatus(reader), time.Now()
		var pages sync.WaitGroup
		for range 8 {
			pages.Go(func() {
				if w := s.line(t.Context(), false); w.Tone == "good" {
					t.Errorf("%+v", w)
				}
			})
		}
		pages.Wait()
		if waited := time.Since(began); waited != statusPatience || reader.asked.Load() != 1 {
			t.Errorf("%d asked, and waited for %s", reader.asked.Load(), waited)
		}
		time.Sleep(statusTimeout) // of the bubble's clock
		if w := s.line(t.Context(), false); w.Tone != "bad" {
			t.Errorf("%+v", w)
		}
		time.Sleep(2 * statusTimeout)
	})
}
