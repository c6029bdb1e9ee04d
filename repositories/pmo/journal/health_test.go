package journal_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo/journal"
	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/databases"
	"lifecycle-sync/test/kit/testdb"
)

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

// TestRunHealth_FollowsTheHistoryOfRuns reads the health after each of several runs, as the ids of the last success, of the
// first failure and the first stop since, and of the last comparison; 0 for none.
func TestRunHealth_FollowsTheHistoryOfRuns(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		_, store := databases.PMO(t, url(t))
		runs := journal.New(store.Session)
		steps := []struct {
			run  models.Run
			want string
		}{
			{ended(models.FullRun, models.Failed, models.Connection), "0 1 0 0"},
			{ended(models.FullRun, models.Failed, models.Schema), "0 1 0 0"},
			{ended(models.FullRun, models.Succeeded, ""), "3 0 0 3"},
			{ended(models.FullRun, models.CanceledRun, models.Canceled), "3 0 0 3"},
			{ended(models.IncrementalRun, models.Failed, models.Busy), "3 0 0 3"},
			{ended(models.FullRun, models.Failed, models.Conflict), "3 0 0 3"},
			{ended(models.DryRun, models.Failed, models.MassDelete), "3 0 0 3"},
			{ended(models.WriteRun, models.Failed, models.Connection), "3 0 0 3"},
			{ended(models.FullRun, models.Failed, models.MassDelete), "3 0 9 3"},
			{ended(models.IncrementalRun, models.Failed, models.Timeout), "3 10 9 3"},
			{ended(models.FullRun, models.Failed, models.MassDelete), "3 10 9 3"},
			{compared(models.VerifyRun, `{"behind":7,"drift":2,"unknown":0}`), "3 10 9 12"},
			{compared(models.FullRun, `{"behind":7,"drift":1,"unknown":0}`), "13 0 0 13"},
			{ended(models.IncrementalRun, models.Succeeded, ""), "14 0 0 13"},
			{compared(models.VerifyRun, `{"behind":1,"drift":0,"unknown":0}`), "14 0 0 15"},
			{compared(models.VerifyRun, `{"behind":1,"drift":12,"unknown":0}`), "14 0 0 16"},
			{ended(models.FullRun, models.Succeeded, ""), "17 0 0 17"},
		}
		for i := range steps {
			run := &steps[i].run
			now := kit.Now()
			run.StartedAt, run.FinishedAt = now, &now
			if err := runs.Record(t.Context(), run, nil, nil); err != nil {
				t.Fatal(err)
			}
		}
		check := func(before int64, want string) journal.RunHealth {
			t.Helper()
			e, err := runs.RunHealth(t.Context(), before)
			var ids []string
			var last *models.Run
			if n := len(e.Comparisons); n > 0 {
				last = &e.Comparisons[n-1]
			}
			for _, run := range []*models.Run{e.LastSuccess, e.Failed, e.Stopped, last} {
				if run == nil {
					run = &models.Run{}
				}
				ids = append(ids, strconv.FormatInt(run.ID, 10))
			}
			if got := strings.Join(ids, " "); err != nil || got != want {
				t.Errorf("before run %d: %s, want %s, %v", before, got, want, err)
			}
			return e
		}
		for i, step := range steps {
			check(int64(i)+2, step.want)
		}
		whole := check(journal.EveryRun, steps[16].want)
		var found []int64
		for _, run := range whole.Comparisons {
			found = append(found, run.ID, run.Drift())
		}
		if !slices.Equal(found, []int64{3, 0, 12, 2, 13, 1, 15, 0, 16, 12, 17, 0}) {
			t.Errorf("comparisons and their drift: %v", found)
		}
		if got, want := whole.LastSuccess.StartedAt, steps[16].run.StartedAt; !got.Equal(want) || whole.Age < 0 || whole.Age > time.Hour {
			t.Errorf("run 17 began at %s, want %s; its age is %s", got, want, whole.Age)
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
			now := kit.Now()
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
