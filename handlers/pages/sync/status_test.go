package sync

import (
	"errors"
	"strings"
	"testing"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/services/realtime"
	"lifecycle-sync/services/runs"
	"lifecycle-sync/web/messages"
)

func failure(class models.Class, message, remedy string) *models.Error {
	return models.NewError(class, models.LegacyText, models.Params{"text": message}).WithRemedy(models.LegacyText, models.Params{"text": remedy})
}

// TestSummarize_HasANextStepForEveryState has a status and, if something is wrong, a next step for each state.
func TestSummarize_HasANextStepForEveryState(t *testing.T) {
	t.Parallel()
	printer := newPrinter()
	now := time.Date(2026, time.May, 1, 12, 0, 0, 0, time.UTC)
	run := func(ago time.Duration) *models.Run {
		return &models.Run{ID: 7, Mode: models.FullRun, State: models.Succeeded, StartedAt: now.Add(-ago)}
	}
	failed := models.FailedRun(models.IncrementalRun, now, now, failure(models.Connection, "lifecycle_db does not answer", "See whether it runs."))
	drift := run(time.Minute)
	drift.Differences = models.JSON(`{"drift":3}`)
	due := now.Add(time.Hour)
	success := runs.SyncStatus{LastSuccess: run(5 * time.Minute), ProvedEqual: run(5 * time.Minute)}
	with := func(s runs.SyncStatus, change func(*runs.SyncStatus)) runs.SyncStatus {
		change(&s)
		return s
	}
	stopped := &realtime.Status{State: realtime.Stopped, Err: failure(models.MassDelete, "tbl_produk_lifecycle would become empty", "Look.")}
	unavailable := &realtime.Status{State: realtime.Unavailable, Err: failure(models.Schema, "wal_level is replica", "Set it to logical.")}
	for _, c := range []struct {
		name   string
		status runs.Status
		badge  string
		want   []string
	}{
		{"first run", runs.Status{State: runs.Running, SyncStatus: runs.SyncStatus{Running: run(30 * time.Second)}}, "In progress", []string{"First sync in progress, started 30 s ago"}},
		{"run", runs.Status{State: runs.Running, SyncStatus: with(success, func(s *runs.SyncStatus) { s.Running = run(0) })}, "In progress", []string{"Run 7 in progress, started 1 s ago"}},
		{"never", runs.Status{State: runs.Never}, "Not synced yet", []string{"no data before the first sync", "Sync now"}},
		{"never, and failed", runs.Status{State: runs.Never, SyncStatus: runs.SyncStatus{LastConclusive: &failed}}, "Not synced yet", []string{"lifecycle_db does not answer", "See whether it runs.", "Run again", "/sync/doctor"}},
		{"failed", runs.Status{State: runs.Failed, SyncStatus: with(success, func(s *runs.SyncStatus) { s.LastConclusive = &failed })}, "Failed", []string{"so the copy is unchanged | Data 5 min old", "No connection", "lifecycle_db does not answer", "Run again"}},
		{"stale without a schedule", runs.Status{State: runs.Stale, SyncStatus: success}, "Too old", []string{"No run has succeeded for too long", "This process has no schedule", "Sync now"}},
		{"stale", runs.Status{State: runs.Stale, SyncStatus: success, NextRun: &due}, "Too old", []string{"The log says why", "Sync now"}},
		{"drift", runs.Status{State: runs.Healthy, SyncStatus: with(success, func(s *runs.SyncStatus) { s.Verified = drift })}, "Drift", []string{"3 rows were edited in the copy", "checked 5 min ago", "Start a full run", "Dry run", "/sync/runs/7"}},
		{"healthy", runs.Status{State: runs.Healthy, SyncStatus: success}, "Healthy", []string{"In sync | checked 5 min ago"}},
		{"real-time sync stopped", runs.Status{State: runs.Healthy, SyncStatus: success, Realtime: stopped}, "Live sync stopped", []string{"Why live sync stopped", "would become empty", "Show the deletes (dry run)"}},
		{"real-time sync unavailable", runs.Status{State: runs.Healthy, SyncStatus: success, Realtime: unavailable}, "Live sync unavailable", []string{"Why live sync is unavailable", "wal_level is replica", "Set it to logical.", "/sync/doctor"}},
	} {
		o := summarize(c.status, now)
		text := textOf(printer, o)
		for _, want := range c.want {
			if printer.Text(o.Badge.Text) != c.badge || !strings.Contains(text, want) {
				t.Errorf("%s: %s: there is no %q in %s", c.name, printer.Text(o.Badge.Text), want, text)
			}
		}
	}
}

func newPrinter() *messages.Printer {
	return messages.New().Printer(messages.English, time.UTC)
}

// textOf returns all texts of a status summary, joined.
func textOf(printer *messages.Printer, o statusSummary) string {
	var texts []string
	add := func(more ...models.Text) {
		for _, text := range more {
			texts = append(texts, printer.Text(text))
		}
	}
	addSteps := func(a nextSteps) {
		add(a.Texts...)
		for _, f := range a.Forms {
			add(f.Button)
		}
		for _, l := range a.Links {
			texts = append(texts, l.Address)
		}
	}
	add(o.Texts...)
	if o.NextSteps != nil {
		addSteps(*o.NextSteps)
	}
	for _, t := range o.Problems {
		add(t.Heading, t.Class, t.Message)
		texts = append(texts, printer.Remedy(t.Remedy))
		addSteps(t.NextSteps)
	}
	return strings.Join(texts, " | ")
}

// TestProblemOf_HasANextStepForEveryErrorClass covers every class that a run can end with.
func TestProblemOf_HasANextStepForEveryErrorClass(t *testing.T) {
	t.Parallel()
	for class, want := range map[models.Class]string{
		models.Connection: "console_sync.run_again", models.Timeout: "console_sync.run_again", models.Permission: "console_sync.run_again",
		models.Schema: "console_sync.run_again", models.DataType: "console_sync.run_again", models.Constraint: "console_sync.run_again",
		models.Busy: "console_sync.run_again", models.Canceled: "console_sync.run_again", models.Internal: "console_sync.run_again",
		models.MassDelete: "console_sync.delete_these_rows",
	} {
		for _, mode := range []string{models.FullRun, models.IncrementalRun, models.RealtimeRun} {
			r := models.FailedRun(mode, time.Time{}, time.Time{}, failure(class, "m", "r").WithCause(errors.New("c")))
			got := problemOf(r)
			if len(got.NextSteps.Forms) == 0 || got.NextSteps.Forms[0].Button.Code != want || got.NextSteps.Forms[0].NeedsRowCount != (class == models.MassDelete) {
				t.Errorf("%s %s: %+v", mode, class, got)
			}
			if gotMode := got.NextSteps.Forms[0].Mode; (gotMode == models.IncrementalRun) != (mode == models.IncrementalRun) {
				t.Errorf("%s %s: asks for %s", mode, class, gotMode)
			}
		}
	}
	interrupted := models.Run{ID: 3, Mode: models.FullRun, State: models.Interrupted}
	if got := problemOf(interrupted); got.Message.Code != "console_sync.interrupted" || got.NextSteps.Forms[0].Button.Code != "console_sync.run_again" {
		t.Errorf("%+v", got)
	}
}

func TestProblemOf_AppliesExactlyTheDryRunStoppedByTheGuard(t *testing.T) {
	t.Parallel()
	digest := strings.Repeat("a", 32)
	stopped := models.FailedRun(models.DryRun, time.Time{}, time.Time{}, &models.Error{Class: models.MassDelete})
	stopped.Digest = &digest
	got := problemOf(stopped).NextSteps
	if last := got.Texts[len(got.Texts)-1].Code; last != "console_sync.only_these_changes" {
		t.Error(last)
	}
	if form := got.Forms[0]; form.Digest != digest || form.Mode != models.FullRun || len(got.Forms) != 1 {
		t.Errorf("%+v", got)
	}
	stopped.ChangesKept, stopped.ChangesFound = new(int64(1000)), new(int64(3520))
	got = problemOf(stopped).NextSteps
	const want = "Exactly the 3,520 changes that were found are made; the first 1,000 are shown."
	if last := newPrinter().Text(got.Texts[len(got.Texts)-1]); last != want {
		t.Error(last)
	}
}
