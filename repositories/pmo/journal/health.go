package journal

import (
	"context"
	"math"
	"slices"
	"time"

	"lifecycle-sync/models"
)

// SQL conditions on runs, valid in both database systems.
const (
	failures = syncRuns + " AND state = '" + string(models.Failed) + "' AND NOT " + digestMismatches +
		" AND error_class NOT IN ('" + string(models.MassDelete) + "', '" + string(models.Busy) + "')"
	guardStops  = visibleRuns + " AND state = '" + string(models.Failed) + "' AND error_class = '" + string(models.MassDelete) + "' AND mode <> '" + models.DryRun + "'"
	comparisons = visibleRuns + " AND state = '" + string(models.Succeeded) + "' AND mode IN ('" + models.FullRun + "', '" + models.VerifyRun + "')"
)

// maxRuns is the number of successful runs whose quarantine sizes are compared, and of comparisons.
const maxRuns = 500

// EveryRun is the bound that makes RunHealth include every run.
const EveryRun = math.MaxInt64

// RunHealth summarizes the recorded runs for alerts. A run that does not exist is nil.
type RunHealth struct {
	LastSuccess *models.Run
	Age         time.Duration    // since LastSuccess began, by the database's clock
	Failed      *models.Run      // the first since LastSuccess that failed, for another reason than the mass-delete guard
	Stopped     *models.Run      // the first since LastSuccess that the guard stopped
	Comparisons []models.Run     // the last 500 full runs and verifications that succeeded, in the order in which they began; without their texts
	FollowedAt  *time.Time       // as in SyncStatus
	Lag         *time.Duration   // as in SyncStatus
	Quarantine  []QuarantineSize // after each of the last 500 successful runs, oldest first
}

// QuarantineSize is the number of rows in quarantine after a run.
type QuarantineSize struct {
	RunID     int64
	StartedAt time.Time
	Rows      int64 `gorm:"column:quarantined"`
}

// RunHealth summarizes the runs with ids below a bound. Only in a view. Errors: connection, timeout, schema.
func (j *Journal) RunHealth(ctx context.Context, below int64) (e RunHealth, err error) {
	if e.LastSuccess, err = j.newest(ctx, visibleRuns+" AND "+SuccessfulSyncs+" AND id < ?", below); err != nil {
		return e, err
	}
	var success int64
	if e.LastSuccess != nil {
		success = e.LastSuccess.ID
		age, err := j.since(ctx, &models.Run{}, "started_at", success)
		if err != nil {
			return e, err
		}
		e.Age = *age
	}
	for _, find := range []struct {
		into      **models.Run
		condition string
	}{
		{&e.Failed, failures}, {&e.Stopped, guardStops},
	} {
		if *find.into, err = j.oneRun(ctx, "id", find.condition+" AND id > ? AND id < ?", success, below); err != nil {
			return e, err
		}
	}
	if err := j.s.Gorm(ctx).Select("id, mode, started_at, differences").Where(comparisons+" AND id < ?", below).
		Order("started_at DESC, id DESC").Limit(maxRuns).Find(&e.Comparisons).Error; err != nil {
		return e, j.s.Translate(err)
	}
	slices.Reverse(e.Comparisons)
	watermark, err := j.Watermark(ctx)
	if err != nil {
		return e, err
	}
	if watermark != nil {
		e.FollowedAt = watermark.FollowedAt
	}
	if e.Lag, err = j.lag(ctx, watermark); err != nil {
		return e, err
	}
	e.Quarantine, err = j.quarantineSizes(ctx, below)
	return e, err
}

func (j *Journal) quarantineSizes(ctx context.Context, below int64) (sizes []QuarantineSize, err error) {
	last := j.s.Gorm(ctx).Model(&models.Run{}).Select("id, started_at").
		Where(visibleRuns+" AND "+SuccessfulSyncs+" AND id < ?", below).Order("id DESC").Limit(maxRuns)
	err = j.s.Gorm(ctx).Table("(?) AS r", last).
		Joins("JOIN lifecycle_sync_run_tables t ON t.run_id = r.id").
		Select("r.id AS run_id, r.started_at, CAST(SUM(t.quarantined) AS bigint) AS quarantined").
		Group("r.id, r.started_at").Order("r.id").Scan(&sizes).Error
	return sizes, j.s.Translate(err)
}
