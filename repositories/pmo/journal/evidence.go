package journal

import (
	"context"
	"math"
	"time"

	"lifecycle-sync/models"
)

// Conditions of runs. That of drift is written so that both database systems understand it; a comparison
// without figures found none.
const (
	failure = synchronise + " AND state = '" + string(models.Failed) + "' AND NOT " + refused +
		" AND error_class NOT IN ('" + string(models.MassDelete) + "', '" + string(models.Busy) + "')"
	stopped    = listed + " AND state = '" + string(models.Failed) + "' AND error_class = '" + string(models.MassDelete) + "' AND mode <> '" + models.DryRun + "'"
	comparison = listed + " AND state = '" + string(models.Succeeded) + "' AND mode IN ('" + models.FullRun + "', '" + models.VerifyRun + "')"
	drifted    = "CAST(COALESCE(differences ->> 'drift', '0') AS bigint) > 0"
)

// sizesKept is over how many successful runs the growth of the quarantine is looked at.
const sizesKept = 500

// EveryRun is the bound of Evidence that leaves no run out.
const EveryRun = math.MaxInt64

// Evidence is what the runs tell of all that people want to be alerted to. A run that there has not been
// is nil.
type Evidence struct {
	LastSuccess *models.Run
	Age         time.Duration    // since LastSuccess began, by the database's clock
	Failed      *models.Run      // the first since LastSuccess that failed, for another reason than the mass-delete guard
	Stopped     *models.Run      // the first since LastSuccess that the guard stopped
	Compared    *models.Run      // the newest full run or verification that succeeded
	Drifted     *models.Run      // of the successive ones up to Compared that found drift, the first
	FollowedAt  *time.Time       // as in Standing
	Lag         *time.Duration   // as in Standing
	Quarantine  []QuarantineSize // after each of the last 500 successful runs, oldest first
}

// QuarantineSize is how many rows stood in quarantine after a run.
type QuarantineSize struct {
	RunID     int64
	StartedAt time.Time
	Rows      int64 `gorm:"column:quarantined"`
}

// Evidence reads what the runs with numbers below a bound tell. Only in a view. Errors: connection, timeout,
// schema.
func (j *Journal) Evidence(ctx context.Context, below int64) (e Evidence, err error) {
	var success, clean int64
	if e.LastSuccess, err = j.oneRun(ctx, "id DESC", listed+" AND "+Succeeded+" AND id < ?", below); err != nil {
		return e, err
	}
	if e.LastSuccess != nil {
		success = e.LastSuccess.ID
		if e.Age, err = j.age(ctx, success); err != nil {
			return e, err
		}
	}
	lastClean, err := j.oneRun(ctx, "id DESC", comparison+" AND NOT "+drifted+" AND id < ?", below)
	if err != nil {
		return e, err
	}
	if lastClean != nil {
		clean = lastClean.ID
	}
	for _, find := range []struct {
		into             **models.Run
		order, condition string
		after            int64
	}{
		{&e.Failed, "id", failure, success},
		{&e.Stopped, "id", stopped, success},
		{&e.Compared, "id DESC", comparison, 0},
		{&e.Drifted, "id", comparison, clean},
	} {
		if *find.into, err = j.oneRun(ctx, find.order, find.condition+" AND id > ? AND id < ?", find.after, below); err != nil {
			return e, err
		}
	}
	var st Standing
	if err := j.current(ctx, &st); err != nil {
		return e, err
	}
	e.FollowedAt, e.Lag = st.FollowedAt, st.Lag
	e.Quarantine, err = j.quarantineSizes(ctx, below)
	return e, err
}

func (j *Journal) quarantineSizes(ctx context.Context, below int64) (sizes []QuarantineSize, err error) {
	last := j.s.Gorm(ctx).Model(&models.Run{}).Select("id, started_at").
		Where(listed+" AND "+Succeeded+" AND id < ?", below).Order("id DESC").Limit(sizesKept)
	err = j.s.Gorm(ctx).Table("(?) AS r", last).
		Joins("JOIN lifecycle_sync_run_tables t ON t.run_id = r.id").
		Select("r.id AS run_id, r.started_at, CAST(SUM(t.quarantined) AS bigint) AS quarantined").
		Group("r.id, r.started_at").Order("r.id").Scan(&sizes).Error
	return sizes, j.s.Translate(err)
}
