package pages

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/services/realtime"
	"lifecycle-sync/services/runs"
	"lifecycle-sync/web/messages"
)

// line is a rendered statusLine.
type line struct {
	text, tone  string
	needsAction bool
}

// renderTexts renders texts in English, with figures as in Indonesia.
func renderTexts(texts models.Texts) (all []string) {
	printer := messages.New().Printer(messages.English, time.UTC)
	for _, text := range texts {
		all = append(all, printer.Text(text))
	}
	return all
}

func TestSyncStatus_Line(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, time.May, 1, 12, 0, 0, 0, time.UTC)
	before := func(d time.Duration) time.Time { return now.Add(-d) }
	run := func(d time.Duration) *models.Run { return &models.Run{State: models.Succeeded, StartedAt: before(d)} }
	verification := func(d time.Duration, counts string) *models.Run {
		return &models.Run{State: models.Succeeded, StartedAt: before(d), Differences: models.JSON(counts)}
	}
	current := before(5 * time.Minute)
	following := &realtime.Status{State: realtime.Following}
	justNow := before(2 * time.Second)
	equal := runs.SyncStatus{LastSuccess: run(2 * time.Minute), ProvedEqual: run(2 * time.Minute)}
	later := runs.SyncStatus{LastSuccess: run(5 * time.Minute), ProvedEqual: run(10 * time.Hour), CurrentAt: &current}
	followed := runs.SyncStatus{LastSuccess: run(5 * time.Minute), ProvedEqual: run(10 * time.Hour), CurrentAt: &justNow}
	with := func(s runs.SyncStatus, change func(*runs.SyncStatus)) runs.SyncStatus {
		change(&s)
		return s
	}
	for _, c := range []struct {
		name   string
		status runs.Status
		want   line
	}{
		{"never", runs.Status{State: runs.Never}, line{"Not synced yet", "bad", true}},
		{"never, but tried", runs.Status{State: runs.Never, SyncStatus: runs.SyncStatus{LastConclusive: &models.Run{State: models.Failed}}},
			line{"First sync failed", "bad", true}},
		{"first", runs.Status{State: runs.Running}, line{"First sync in progress", "warn", false}},
		{"equal", runs.Status{State: runs.Healthy, SyncStatus: equal}, line{"In sync · checked 2 min ago", "good", false}},
		{"newer than proved", runs.Status{State: runs.Healthy, SyncStatus: later}, line{"Data 5 min old · checked 10 h 0 min ago", "good", false}},
		{"never proved", runs.Status{State: runs.Healthy, SyncStatus: runs.SyncStatus{LastSuccess: run(time.Hour)}}, line{"Data 1 h 0 min old", "good", false}},
		{"running", runs.Status{State: runs.Running, SyncStatus: equal}, line{"In sync · checked 2 min ago · sync in progress", "good", false}},
		{"failed", runs.Status{State: runs.Failed, SyncStatus: equal}, line{"Last sync failed · Data 2 min old", "bad", true}},
		{"stale", runs.Status{State: runs.Stale, SyncStatus: later}, line{"Last sync is too old · Data 5 min old · checked 10 h 0 min ago", "warn", true}},
		{"real-time sync", runs.Status{State: runs.Healthy, Realtime: following, SyncStatus: followed}, line{"Live · checked 10 h 0 min ago", "good", false}},
		{"real-time sync lags", runs.Status{State: runs.Healthy, Realtime: following, SyncStatus: later},
			line{"Live, data 5 min old · checked 10 h 0 min ago", "good", false}},
		{"real-time sync in another process", runs.Status{State: runs.Healthy, Realtime: &realtime.Status{State: realtime.Standby}, SyncStatus: later},
			line{"Data 5 min old · checked 10 h 0 min ago", "good", false}},
		{"real-time sync stopped", runs.Status{State: runs.Healthy, Realtime: &realtime.Status{State: realtime.Stopped}, SyncStatus: equal},
			line{"Live sync stopped by the mass-delete guard · Data 2 min old", "bad", true}},
		{"real-time sync unavailable", runs.Status{State: runs.Healthy, Realtime: &realtime.Status{State: realtime.Unavailable}, SyncStatus: equal},
			line{"Live sync unavailable · Data 2 min old", "warn", true}},
		{"verified since", runs.Status{State: runs.Healthy, SyncStatus: with(later, func(s *runs.SyncStatus) { s.Verified = verification(time.Minute, `{}`) })},
			line{"In sync · checked 1 min ago", "good", false}},
		{"behind", runs.Status{State: runs.Healthy, SyncStatus: with(equal, func(s *runs.SyncStatus) { s.Verified = verification(time.Minute, `{"behind":3}`) })},
			line{"Data 2 min old", "good", false}},
		{"drift", runs.Status{State: runs.Healthy, SyncStatus: with(equal, func(s *runs.SyncStatus) { s.Verified = verification(time.Minute, `{"drift":1}`) })},
			line{"One row was edited in the copy and differs from lifecycle_db", "warn", true}},
		{"drift mended since", runs.Status{State: runs.Healthy, SyncStatus: with(equal, func(s *runs.SyncStatus) { s.Verified = verification(time.Hour, `{"drift":1}`) })},
			line{"In sync · checked 2 min ago", "good", false}},
		{"drift while running", runs.Status{State: runs.Running, SyncStatus: with(equal, func(s *runs.SyncStatus) { s.Verified = verification(time.Minute, `{"drift":1}`) })},
			line{"One row was edited in the copy and differs from lifecycle_db", "warn", true}},
		{"drift that an incremental run has not corrected", runs.Status{State: runs.Healthy, SyncStatus: with(later, func(s *runs.SyncStatus) { s.Verified = verification(time.Hour, `{"drift":1}`) })},
			line{"One row was edited in the copy and differs from lifecycle_db", "warn", true}},
		{"running after a failure", runs.Status{State: runs.Running, SyncStatus: with(equal, func(s *runs.SyncStatus) { s.LastConclusive = &models.Run{State: models.Failed} })},
			line{"Data 2 min old · sync in progress", "warn", false}},
		{"quarantine", runs.Status{State: runs.Healthy, SyncStatus: with(equal, func(s *runs.SyncStatus) { s.Quarantined = 3 })},
			line{"In sync · checked 2 min ago · 3 rows held back", "good", false}},
	} {
		got := lineOf(c.status, now)
		if line := (line{strings.Join(renderTexts(got.Texts), " · "), got.Tone, got.NeedsAction}); line != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, line, c.want)
		}
	}
}

// TestSyncStatus_SaysInSyncOnlyIfNothingIsWrong goes through the combinations of what the status depends on.
func TestSyncStatus_SaysInSyncOnlyIfNothingIsWrong(t *testing.T) {
	t.Parallel()
	now := time.Now()
	run := func(state models.RunState, differences string) *models.Run {
		return &models.Run{State: state, StartedAt: now.Add(-time.Minute), Differences: models.JSON(differences)}
	}
	proof := &models.Run{State: models.Succeeded, StartedAt: now.Add(-2 * time.Minute)}
	for _, state := range []runs.State{runs.Running, runs.Failed, runs.Stale, runs.Healthy} {
		for _, conclusive := range []models.RunState{models.Succeeded, models.Failed, models.Interrupted} {
			for _, follower := range []realtime.State{"", realtime.Starting, realtime.Standby, realtime.Stopped, realtime.Unavailable} {
				for _, found := range []string{"", `{}`, `{"behind":1}`, `{"drift":1}`, `{"unknown":1}`} {
					s := runs.Status{State: state, SyncStatus: runs.SyncStatus{LastSuccess: proof, ProvedEqual: proof, LastConclusive: run(conclusive, "")}}
					if follower != "" {
						s.Realtime = &realtime.Status{State: follower}
					}
					if found != "" {
						s.Verified = run(models.Succeeded, found)
					}
					fine := (state == runs.Running || state == runs.Healthy) && conclusive == models.Succeeded && follower != realtime.Stopped && follower != realtime.Unavailable
					got := lineOf(s, now)
					text := strings.Join(renderTexts(got.Texts), " · ")
					if equal := fine && (found == "" || found == `{}`); strings.Contains(strings.ToLower(text), "in sync") != equal {
						t.Errorf("%s, last %s, follower %q, found %s: %q", state, conclusive, follower, found, text)
					}
					if good := fine && found != `{"drift":1}`; (got.Tone == "good") != good {
						t.Errorf("%s, last %s, follower %q, found %s: tone %s of %q", state, conclusive, follower, found, got.Tone, text)
					}
				}
			}
		}
	}
}

// respondingReader responds unless the context has ended.
type respondingReader struct{}

// Status implements statusReader.
func (respondingReader) Status(ctx context.Context) (runs.Status, error) {
	return runs.Status{}, ctx.Err()
}

// TestSyncStatus_OutlivesTheRequest reads it as an error page does, after the request's timeout.
func TestSyncStatus_OutlivesTheRequest(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got := newSyncStatus(respondingReader{}).line(ctx, false).Texts[0].Code; got != "console_status.never" {
		t.Error(got)
	}
}

// hangingReader never responds, like a locked table.
type hangingReader struct{ calls atomic.Int32 }

// Status implements statusReader.
func (h *hangingReader) Status(ctx context.Context) (runs.Status, error) {
	h.calls.Add(1)
	<-ctx.Done()
	return runs.Status{}, ctx.Err()
}

// TestSyncStatus_KeepsNoPageWaiting reads it for many pages while pmo_db hangs.
func TestSyncStatus_KeepsNoPageWaiting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		reader := &hangingReader{}
		s, start := newSyncStatus(reader), time.Now()
		var pages sync.WaitGroup
		for range 8 {
			pages.Go(func() {
				if w := s.line(t.Context(), false); w.Tone == "good" {
					t.Errorf("%+v", w)
				}
			})
		}
		pages.Wait()
		if waited := time.Since(start); waited != statusWait || reader.calls.Load() != 1 {
			t.Errorf("%d reads, waited for %s", reader.calls.Load(), waited)
		}
		time.Sleep(statusTimeout) // of the bubble's clock
		if w := s.line(t.Context(), false); w.Tone != "bad" {
			t.Errorf("%+v", w)
		}
		time.Sleep(2 * statusTimeout)
	})
}
