package sync

import (
	"testing"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/services/runs"
)

func TestRunRows_HideCountsOfFailedRuns(t *testing.T) {
	t.Parallel()
	now, five := time.Date(2026, time.May, 1, 12, 0, 0, 0, time.UTC), int64(5)
	failed := func(mode string, class models.Class) models.Run {
		return models.FailedRun(mode, now, now, &models.Error{Class: class})
	}
	succeeded := func(mode string) models.Run {
		return models.Run{Mode: mode, State: models.Succeeded, StartedAt: now, FinishedAt: &now}
	}
	canceled := failed(models.FullRun, models.Canceled)
	canceled.State = models.CanceledRun
	for name, c := range map[string]struct {
		run        models.Run
		showsCount bool
		isDryRun   bool
	}{
		"succeeded":        {succeeded(models.FullRun), true, false},
		"running":          {models.Run{Mode: models.RealtimeRun, State: models.Running, StartedAt: now}, true, false},
		"dry run":          {succeeded(models.DryRun), true, true},
		"stopped by guard": {failed(models.DryRun, models.MassDelete), true, true},
		"verification":     {succeeded(models.VerifyRun), true, true},
		"digest mismatch":  {failed(models.FullRun, models.Conflict), true, true},
		"canceled":         {canceled, false, false},
		"failed":           {failed(models.FullRun, models.MassDelete), false, false},
	} {
		row := runRows([]runs.ListedRun{{Run: c.run, Written: &five}})[0]
		if (row.Written != nil) != c.showsCount || row.IsDryRun != c.isDryRun {
			t.Errorf("%s: written rows %v, dry run %t", name, row.Written, row.IsDryRun)
		}
	}
}
