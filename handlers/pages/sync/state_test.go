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

// TestOutlook says of each state how the mirror stands, and what to do where something is wrong.
func TestOutlook(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, time.May, 1, 12, 0, 0, 0, time.UTC)
	run := func(ago time.Duration) *models.Run {
		return &models.Run{ID: 7, Mode: models.FullRun, State: models.Succeeded, StartedAt: now.Add(-ago)}
	}
	failed := models.FailedRun(models.IncrementalRun, now, now, &models.Error{Class: models.Connection, LegacyMessage: "lifecycle_db does not answer", LegacyRemedy: "See whether it runs."})
	drift := run(time.Minute)
	drift.Differences = models.JSON(`{"drift":3}`)
	due := now.Add(time.Hour)
	success := runs.Standing{LastSuccess: run(5 * time.Minute), ProvedEqual: run(5 * time.Minute)}
	with := func(s runs.Standing, change func(*runs.Standing)) runs.Standing {
		change(&s)
		return s
	}
	stopped := &realtime.Status{State: realtime.Stopped, Err: &models.Error{Class: models.MassDelete, LegacyMessage: "tbl_produk_lifecycle would become empty", LegacyRemedy: "Look."}}
	away := &realtime.Status{State: realtime.Unavailable, Err: &models.Error{Class: models.Schema, LegacyMessage: "wal_level is replica", LegacyRemedy: "Set it to logical."}}
	for _, c := range []struct {
		name   string
		status runs.Status
		badge  string
		says   []string
	}{
		{"first run", runs.Status{State: runs.Running, Standing: runs.Standing{Running: run(30 * time.Second)}}, "Under way", []string{"The first synchronisation is under way; it began 30 seconds ago."}},
		{"run", runs.Status{State: runs.Running, Standing: with(success, func(s *runs.Standing) { s.Running = run(0) })}, "Under way", []string{"Run 7 is under way; it began just now."}},
		{"never", runs.Status{State: runs.Never}, "Never synchronised", []string{"Nothing has been synchronised yet", "Synchronise now"}},
		{"never, and failed", runs.Status{State: runs.Never, Standing: runs.Standing{LastVerdict: &failed}}, "Never synchronised", []string{"lifecycle_db does not answer", "See whether it runs.", "Run again", "/sync/doctor"}},
		{"failed", runs.Status{State: runs.Failed, Standing: with(success, func(s *runs.Standing) { s.LastVerdict = &failed })}, "Failed", []string{"the mirror is as it was before. Equal to lifecycle_db as of 5 minutes ago.", "No connection", "lifecycle_db does not answer", "Run again"}},
		{"stale without a schedule", runs.Status{State: runs.Stale, Standing: success}, "Too old", []string{"No run has succeeded for longer", "This process has no schedule", "Synchronise now"}},
		{"stale", runs.Status{State: runs.Stale, Standing: success, NextRun: &due}, "Too old", []string{"see in the log why", "Synchronise now"}},
		{"drift", runs.Status{State: runs.Healthy, Standing: with(success, func(s *runs.Standing) { s.Verified = drift })}, "Drift", []string{"3 rows differ from lifecycle_db. It was proved equal 5 minutes ago. |", "Start a full run", "Show it before", "/sync/runs/7"}},
		{"healthy", runs.Status{State: runs.Healthy, Standing: success}, "In order", []string{"Equal to lifecycle_db as of 5 minutes ago."}},
		{"real time stopped", runs.Status{State: runs.Healthy, Standing: success, Realtime: stopped}, "Real time stopped", []string{"Why real time has stopped", "would become empty", "See what would leave"}},
		{"real time away", runs.Status{State: runs.Healthy, Standing: success, Realtime: away}, "Real time does not follow", []string{"Why real time does not follow", "wal_level is replica", "Set it to logical.", "/sync/doctor"}},
	} {
		o := outlookOf(english(), c.status, now)
		said := everything(o)
		for _, text := range c.says {
			if o.Badge.Text != c.badge || !strings.Contains(said, text) {
				t.Errorf("%s: %s: there is no %q in %s", c.name, o.Badge.Text, text, said)
			}
		}
	}
}

func english() *messages.Printer { return messages.New().Printer(messages.English, time.UTC) }

// everything is what an outlook says, in a row.
func everything(o outlook) string {
	texts := []string{o.Words}
	advised := func(a advice) {
		texts = append(texts, a.Words)
		for _, f := range a.Forms {
			texts = append(texts, f.Button)
		}
		for _, l := range a.Links {
			texts = append(texts, l.Address)
		}
	}
	if o.Next != nil {
		advised(*o.Next)
	}
	for _, t := range o.Troubles {
		texts = append(texts, t.What, t.Class, t.Message, t.Remedy.Before)
		advised(t.Next)
	}
	return strings.Join(texts, " | ")
}

// TestAdvice has a next step for every class of error that a run can end with, and the fitting form.
func TestAdvice(t *testing.T) {
	t.Parallel()
	digest := strings.Repeat("a", 32)
	for class, want := range map[models.Class]string{
		models.Connection: "Run again", models.Timeout: "Run again", models.Permission: "Run again", models.Schema: "Run again", models.DataType: "Run again",
		models.Constraint: "Run again", models.Busy: "Run again", models.Canceled: "Run again", models.Internal: "Run again", models.MassDelete: "Let exactly so many leave",
	} {
		for _, mode := range []string{models.FullRun, models.IncrementalRun, models.RealtimeRun} {
			r := models.FailedRun(mode, time.Time{}, time.Time{}, &models.Error{Class: class, LegacyMessage: "m", LegacyRemedy: "r", Cause: errors.New("c")})
			got := troubleOf(english(), r)
			if len(got.Next.Forms) == 0 || got.Next.Forms[0].Button != want || got.Next.Forms[0].Number != (class == models.MassDelete) {
				t.Errorf("%s %s: %+v", mode, class, got)
			}
			if asked := got.Next.Forms[0].Mode; (asked == models.IncrementalRun) != (mode == models.IncrementalRun) {
				t.Errorf("%s %s: asks for %s", mode, class, asked)
			}
		}
	}
	interrupted := models.Run{ID: 3, Mode: models.FullRun, State: models.Interrupted}
	if got := troubleOf(english(), interrupted); !strings.Contains(got.Message, "nothing of the run remains") || got.Next.Forms[0].Button != "Run again" {
		t.Errorf("%+v", got)
	}
	guarded := models.FailedRun(models.DryRun, time.Time{}, time.Time{}, &models.Error{Class: models.MassDelete})
	guarded.Digest = &digest
	if got := troubleOf(english(), guarded).Next.Words; !strings.Contains(got, "Only the changes that you have seen are made.") {
		t.Error(got)
	}
	most := guarded
	most.ChangesKept, most.ChangesFound = new(int64(1000)), new(int64(3520))
	if got := troubleOf(english(), most).Next.Words; !strings.Contains(got, "All 3.520 changes that were found are made, and no others; of these you see the first 1.000.") {
		t.Error(got)
	}
	if got := troubleOf(english(), guarded); got.Next.Forms[0].Digest != digest || got.Next.Forms[0].Mode != models.FullRun || len(got.Next.Forms) != 1 {
		t.Errorf("%+v", got)
	}
}
