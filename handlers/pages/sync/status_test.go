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

// TestOutlook has a status and, if something is wrong, a next step for each state.
func TestOutlook(t *testing.T) {
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
	away := &realtime.Status{State: realtime.Unavailable, Err: failure(models.Schema, "wal_level is replica", "Set it to logical.")}
	for _, c := range []struct {
		name   string
		status runs.Status
		badge  string
		says   []string
	}{
		{"first run", runs.Status{State: runs.Running, SyncStatus: runs.SyncStatus{Running: run(30 * time.Second)}}, "In progress", []string{"First sync in progress, started 30 s ago"}},
		{"run", runs.Status{State: runs.Running, SyncStatus: with(success, func(s *runs.SyncStatus) { s.Running = run(0) })}, "In progress", []string{"Run 7 in progress, started 1 s ago"}},
		{"never", runs.Status{State: runs.Never}, "Not synced yet", []string{"no data before the first sync", "Sync now"}},
		{"never, and failed", runs.Status{State: runs.Never, SyncStatus: runs.SyncStatus{LastConclusive: &failed}}, "Not synced yet", []string{"lifecycle_db does not answer", "See whether it runs.", "Run again", "/sync/doctor"}},
		{"failed", runs.Status{State: runs.Failed, SyncStatus: with(success, func(s *runs.SyncStatus) { s.LastConclusive = &failed })}, "Failed", []string{"so the copy is unchanged | In sync | checked 5 min ago", "No connection", "lifecycle_db does not answer", "Run again"}},
		{"stale without a schedule", runs.Status{State: runs.Stale, SyncStatus: success}, "Too old", []string{"No run has succeeded for too long", "This process has no schedule", "Sync now"}},
		{"stale", runs.Status{State: runs.Stale, SyncStatus: success, NextRun: &due}, "Too old", []string{"The log says why", "Sync now"}},
		{"drift", runs.Status{State: runs.Healthy, SyncStatus: with(success, func(s *runs.SyncStatus) { s.Verified = drift })}, "Drift", []string{"3 rows were edited in the copy", "in sync 5 min ago", "Start a full run", "Preview", "/sync/runs/7"}},
		{"healthy", runs.Status{State: runs.Healthy, SyncStatus: success}, "Healthy", []string{"In sync | checked 5 min ago"}},
		{"real time stopped", runs.Status{State: runs.Healthy, SyncStatus: success, Realtime: stopped}, "Live sync stopped", []string{"Why live sync stopped", "would become empty", "Preview the deletes"}},
		{"real time away", runs.Status{State: runs.Healthy, SyncStatus: success, Realtime: away}, "Live sync unavailable", []string{"Why live sync is unavailable", "wal_level is replica", "Set it to logical.", "/sync/doctor"}},
	} {
		o := outlookOf(c.status, now)
		said := everything(printer, o)
		for _, text := range c.says {
			if printer.Text(o.Badge.Text) != c.badge || !strings.Contains(said, text) {
				t.Errorf("%s: %s: there is no %q in %s", c.name, printer.Text(o.Badge.Text), text, said)
			}
		}
	}
}

func newPrinter() *messages.Printer {
	return messages.New().Printer(messages.English, time.UTC).WithFormat(messages.Indonesian)
}

// everything is what an outlook says, joined.
func everything(printer *messages.Printer, o outlook) string {
	var said []string
	say := func(texts ...models.Text) {
		for _, text := range texts {
			said = append(said, printer.Text(text))
		}
	}
	advise := func(a advice) {
		say(a.Texts...)
		for _, f := range a.Forms {
			say(f.Button)
		}
		for _, l := range a.Links {
			said = append(said, l.Address)
		}
	}
	say(o.Texts...)
	if o.Next != nil {
		advise(*o.Next)
	}
	for _, t := range o.Troubles {
		say(t.Heading, t.Class, t.Message)
		said = append(said, printer.Remedy(t.Remedy))
		advise(t.Next)
	}
	return strings.Join(said, " | ")
}

// TestAdvice_HasANextStepForEveryErrorClass covers every class that a run can end with.
func TestAdvice_HasANextStepForEveryErrorClass(t *testing.T) {
	t.Parallel()
	for class, want := range map[models.Class]string{
		models.Connection: "console_sync.run_again", models.Timeout: "console_sync.run_again", models.Permission: "console_sync.run_again",
		models.Schema: "console_sync.run_again", models.DataType: "console_sync.run_again", models.Constraint: "console_sync.run_again",
		models.Busy: "console_sync.run_again", models.Canceled: "console_sync.run_again", models.Internal: "console_sync.run_again",
		models.MassDelete: "console_sync.delete_these_rows",
	} {
		for _, mode := range []string{models.FullRun, models.IncrementalRun, models.RealtimeRun} {
			r := models.FailedRun(mode, time.Time{}, time.Time{}, failure(class, "m", "r").WithCause(errors.New("c")))
			got := troubleOf(r)
			if len(got.Next.Forms) == 0 || got.Next.Forms[0].Button.Code != want || got.Next.Forms[0].Number != (class == models.MassDelete) {
				t.Errorf("%s %s: %+v", mode, class, got)
			}
			if asked := got.Next.Forms[0].Mode; (asked == models.IncrementalRun) != (mode == models.IncrementalRun) {
				t.Errorf("%s %s: asks for %s", mode, class, asked)
			}
		}
	}
	interrupted := models.Run{ID: 3, Mode: models.FullRun, State: models.Interrupted}
	if got := troubleOf(interrupted); got.Message.Code != "console_sync.interrupted" || got.Next.Forms[0].Button.Code != "console_sync.run_again" {
		t.Errorf("%+v", got)
	}
}

func TestAdvice_AppliesExactlyThePreviewOfTheGuard(t *testing.T) {
	t.Parallel()
	digest := strings.Repeat("a", 32)
	guarded := models.FailedRun(models.DryRun, time.Time{}, time.Time{}, &models.Error{Class: models.MassDelete})
	guarded.Digest = &digest
	got := troubleOf(guarded).Next
	if last := got.Texts[len(got.Texts)-1].Code; last != "console_sync.only_these_changes" {
		t.Error(last)
	}
	if form := got.Forms[0]; form.Digest != digest || form.Mode != models.FullRun || len(got.Forms) != 1 {
		t.Errorf("%+v", got)
	}
	guarded.ChangesKept, guarded.ChangesFound = new(int64(1000)), new(int64(3520))
	got = troubleOf(guarded).Next
	const want = "Exactly the 3.520 changes that were found are made; the first 1.000 are shown."
	if last := newPrinter().Text(got.Texts[len(got.Texts)-1]); last != want {
		t.Error(last)
	}
}
