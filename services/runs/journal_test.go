package runs_test

import (
	"slices"
	"testing"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo/journal"
	"lifecycle-sync/services/runs"
)

// TestRowChangesThatWereMade tells what was made from what was only found, or given up.
func TestRowChangesThatWereMade(t *testing.T) {
	t.Parallel()
	each(t, func(l *lab) {
		var want []int64
		for _, r := range []struct {
			mode  string
			state models.RunState
			made  bool
		}{
			{models.FullRun, models.Succeeded, true}, {models.IncrementalRun, models.Succeeded, true}, {models.WriteRun, models.Succeeded, true},
			{models.RealtimeRun, models.Running, true}, {models.RealtimeRun, models.Interrupted, true}, {models.RealtimeRun, models.Succeeded, true}, {models.RealtimeRun, models.Failed, true},
			{models.DryRun, models.Succeeded, false}, {models.DryRun, models.Failed, false}, {models.VerifyRun, models.Succeeded, false}, {models.FullRun, models.Failed, false},
		} {
			run := models.Run{Mode: r.mode, State: r.state, StartedAt: time.Date(2026, 3, 1, 9, 0, 0, 1000, time.UTC)}
			found := []models.LoggedChange{{Table: "products", RowID: 7, Action: "update", Before: models.JSON(`{"harga": 1}`), After: models.JSON(`{"harga": 2}`)}}
			if err := journal.New(l.store.Session).Record(l.Context(), &run, nil, found); err != nil {
				l.Fatal(err)
			}
			if r.made {
				want = append(want, run.ID)
			}
		}
		slices.Reverse(want)
		changes, pagination, err := runs.NewJournal(l.store, models.Tables()).RowChanges(l.Context(), runs.RowQuery{Table: "tbl_produk", ID: 7})
		if err != nil || pagination.TotalItems != int64(len(want)) {
			l.Fatalf("%d changes, %v", pagination.TotalItems, err)
		}
		var got []int64
		for _, c := range changes {
			got = append(got, c.RunID)
			if c.Mode == "" || c.StartedAt.String() != "2026-03-01T09:00:00.000001Z" || string(c.After) != `{"harga": 2}` {
				l.Errorf("%+v", c)
			}
		}
		if !slices.Equal(got, want) {
			l.Errorf("of the runs %v, want %v", got, want)
		}
	})
}
