package journal_test

import (
	"fmt"
	"testing"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo"
	"lifecycle-sync/repositories/pmo/journal"
	"lifecycle-sync/test/kit/databases"
	"lifecycle-sync/test/kit/testdb"
)

// record records runs one after the other, from id 1.
func record(t testing.TB, store *pmo.Store, runs ...models.Run) {
	t.Helper()
	for i := range runs {
		now := time.Now().UTC().Truncate(time.Microsecond)
		runs[i].StartedAt, runs[i].FinishedAt = now, &now
		if err := journal.New(store.Session).Record(t.Context(), &runs[i], nil, nil); err != nil {
			t.Fatal(err)
		}
	}
}

func ended(mode string, state models.RunState, class models.Class) models.Run {
	run := models.Run{Mode: mode, State: state}
	if text := string(class); text != "" {
		run.ErrorClass = &text
	}
	return run
}

func compared(mode, differences string) models.Run {
	return models.Run{Mode: mode, State: models.Succeeded, Differences: models.JSON(differences)}
}

// summary formats the ids of the runs as one line, 0 for none.
func summary(e journal.RunHealth) string {
	number := func(run *models.Run) int64 {
		if run == nil {
			return 0
		}
		return run.ID
	}
	return fmt.Sprintf("success %d failed %d stopped %d compared %d drifted %d",
		number(e.LastSuccess), number(e.Failed), number(e.Stopped), number(e.Compared), number(e.Drifted))
}

// TestRunHealth_FollowsTheHistoryOfRuns reads the health after each of several runs.
func TestRunHealth_FollowsTheHistoryOfRuns(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		_, store := databases.PMO(t, url(t))
		runs := []models.Run{
			ended(models.FullRun, models.Failed, models.Connection),
			ended(models.FullRun, models.Failed, models.Schema),
			ended(models.FullRun, models.Succeeded, ""),
			ended(models.FullRun, models.CanceledRun, models.Canceled),
			ended(models.IncrementalRun, models.Failed, models.Busy),
			ended(models.FullRun, models.Failed, models.Conflict),
			ended(models.DryRun, models.Failed, models.MassDelete),
			ended(models.WriteRun, models.Failed, models.Connection),
			ended(models.FullRun, models.Failed, models.MassDelete),
			ended(models.IncrementalRun, models.Failed, models.Timeout),
			ended(models.FullRun, models.Failed, models.MassDelete),
			compared(models.VerifyRun, `{"behind":7,"drift":2,"unknown":0}`),
			compared(models.FullRun, `{"behind":7,"drift":1,"unknown":0}`),
			ended(models.IncrementalRun, models.Succeeded, ""),
			compared(models.VerifyRun, `{"behind":1,"drift":0,"unknown":0}`),
			compared(models.VerifyRun, `{"behind":1,"drift":12,"unknown":0}`),
			ended(models.FullRun, models.Succeeded, ""),
		}
		record(t, store, runs...)
		for i, want := range []string{
			"success 0 failed 1 stopped 0 compared 0 drifted 0",
			"success 0 failed 1 stopped 0 compared 0 drifted 0",
			"success 3 failed 0 stopped 0 compared 3 drifted 0",
			"success 3 failed 0 stopped 0 compared 3 drifted 0",
			"success 3 failed 0 stopped 0 compared 3 drifted 0",
			"success 3 failed 0 stopped 0 compared 3 drifted 0",
			"success 3 failed 0 stopped 0 compared 3 drifted 0",
			"success 3 failed 0 stopped 0 compared 3 drifted 0",
			"success 3 failed 0 stopped 9 compared 3 drifted 0",
			"success 3 failed 10 stopped 9 compared 3 drifted 0",
			"success 3 failed 10 stopped 9 compared 3 drifted 0",
			"success 3 failed 10 stopped 9 compared 12 drifted 12",
			"success 13 failed 0 stopped 0 compared 13 drifted 12",
			"success 14 failed 0 stopped 0 compared 13 drifted 12",
			"success 14 failed 0 stopped 0 compared 15 drifted 0",
			"success 14 failed 0 stopped 0 compared 16 drifted 16",
			"success 17 failed 0 stopped 0 compared 17 drifted 0",
		} {
			e, err := journal.New(store.Session).RunHealth(t.Context(), int64(i)+2)
			if got := summary(e); err != nil || got != want {
				t.Errorf("after run %d: %s, want %s, %v", i+1, got, want, err)
			}
		}
		whole, err := journal.New(store.Session).RunHealth(t.Context(), journal.EveryRun)
		if got := summary(whole); err != nil || got != "success 17 failed 0 stopped 0 compared 17 drifted 0" || whole.Age < 0 || whole.Age > time.Hour {
			t.Errorf("%s, %s, %v", got, whole.Age, err)
		}
		if got, want := whole.LastSuccess.StartedAt.UTC(), runs[16].StartedAt; !got.Equal(want) {
			t.Errorf("run 17 began at %s, want %s", got, want)
		}
	})
}

// TestRunHealth_SumsQuarantineOfSuccessfulRuns adds up the counts of all tables.
func TestRunHealth_SumsQuarantineOfSuccessfulRuns(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		_, store := databases.PMO(t, url(t))
		for i, mode := range []string{models.FullRun, models.VerifyRun, models.IncrementalRun} {
			now := time.Now().UTC().Truncate(time.Microsecond)
			run := &models.Run{Mode: mode, State: models.Succeeded, StartedAt: now, FinishedAt: &now}
			counts := []models.TableCount{{Table: "products", Quarantined: int64(i + 1)}, {Table: "stage_history", Quarantined: 10}}
			if err := journal.New(store.Session).Record(t.Context(), run, counts, nil); err != nil {
				t.Fatal(err)
			}
		}
		e, err := journal.New(store.Session).RunHealth(t.Context(), journal.EveryRun)
		if err != nil || len(e.Quarantine) != 2 {
			t.Fatalf("%+v, %v", e.Quarantine, err)
		}
		first, last := e.Quarantine[0], e.Quarantine[1]
		if first.RunID != 1 || first.Rows != 11 || last.RunID != 3 || last.Rows != 13 || !last.StartedAt.Equal(e.LastSuccess.StartedAt) {
			t.Errorf("%+v", e.Quarantine)
		}
	})
}
