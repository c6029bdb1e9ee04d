package journal

import (
	"context"
	"strconv"
	"strings"
	"time"

	"gorm.io/gorm"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo"
)

// SyncStatus describes the state of the mirror according to the recorded runs. A run that does not exist is nil.
type SyncStatus struct {
	Running        *models.Run
	LastRun        *models.Run // the newest that has ended
	LastConclusive *models.Run // the newest that succeeded, failed or was interrupted; not canceled, no digest mismatch
	LastSuccess    *models.Run
	ProvedEqual    *models.Run    // the newest successful full run
	Verified       *models.Run    // the newest verification
	Age            *time.Duration // since LastSuccess began, by the database's clock
	CurrentAt      *time.Time     // the mirror includes all changes up to this time, by runs and real-time sync
	FollowedAt     *time.Time     // the same, by real-time sync only; nil if it never ran
	Lag            *time.Duration // since FollowedAt, by the database's clock
	Quarantined    int64
}

// SyncStatus reads the sync status. Errors: connection, timeout, schema.
func (j *Journal) SyncStatus(ctx context.Context) (st SyncStatus, err error) {
	const ended = syncRuns + " AND state <> '" + string(models.Running) + "'"
	for _, find := range []struct {
		into      **models.Run
		condition string
	}{
		{&st.Running, runningSyncs},
		{&st.LastRun, ended},
		{&st.LastConclusive, ended + " AND state <> '" + string(models.CanceledRun) + "' AND NOT " + digestMismatches},
		{&st.LastSuccess, visibleRuns + " AND " + SuccessfulSyncs},
		{&st.ProvedEqual, visibleRuns + " AND " + SuccessfulSyncs + " AND mode = '" + models.FullRun + "'"},
		{&st.Verified, successfulVerifications},
	} {
		if *find.into, err = j.newest(ctx, find.condition); err != nil {
			return st, err
		}
	}
	if st.LastSuccess != nil {
		if st.Age, err = j.since(ctx, &models.Run{}, "started_at", st.LastSuccess.ID); err != nil {
			return st, err
		}
	}
	watermark, err := j.Watermark(ctx)
	if err != nil {
		return st, err
	}
	if watermark != nil {
		st.CurrentAt, st.FollowedAt = &watermark.CurrentAt, watermark.FollowedAt
		if st.Lag, err = j.lag(ctx, watermark); err != nil {
			return st, err
		}
	}
	st.Quarantined, err = j.QuarantineSize(ctx)
	return st, err
}

// lag returns the time since real-time sync last followed the source, nil if it never did.
func (j *Journal) lag(ctx context.Context, w *models.Watermark) (*time.Duration, error) {
	if w == nil || w.FollowedAt == nil {
		return nil, nil //nolint:nilnil // as documented
	}
	return j.since(ctx, w, "followed_at", int64(w.ID))
}

// since returns the age of a time column by the database's clock, never negative.
func (j *Journal) since(ctx context.Context, model any, column string, id int64) (*time.Duration, error) {
	var seconds float64
	err := j.s.Gorm(ctx).Model(model).Where("id = ?", id).Select(j.s.SecondsSince(column)).Scan(&seconds).Error
	since := time.Duration(max(seconds, 0) * float64(time.Second))
	return &since, j.s.Translate(err)
}

func (j *Journal) newest(ctx context.Context, condition string, args ...any) (*models.Run, error) {
	return j.oneRun(ctx, "id DESC", condition, args...)
}

// oneRun returns the first run, in an order, that meets a condition; nil if there is none.
func (j *Journal) oneRun(ctx context.Context, order, condition string, args ...any) (*models.Run, error) {
	return pmo.First[models.Run](j.s, j.s.Gorm(ctx).Where(condition, args...).Order(order))
}

// Running returns the run in progress, nil if there is none. Errors: connection, timeout, schema.
func (j *Journal) Running(ctx context.Context) (*models.Run, error) {
	return j.newest(ctx, runningSyncs)
}

// LastCompleted returns the newest run that satisfies a schedule of a mode, full or incremental; a full run satisfies both.
// It succeeded, failed or was canceled on request. A run with a digest mismatch, or whose process died, does not count. nil
// if there is none. Errors: connection, timeout, schema.
func (j *Journal) LastCompleted(ctx context.Context, mode string) (*models.Run, error) {
	const completed = syncRuns + " AND NOT " + digestMismatches + " AND (state IN ('" + string(models.Succeeded) + "', '" + string(models.Failed) + "')" +
		" OR state = '" + string(models.CanceledRun) + "' AND cancel_requested)"
	if mode == models.FullRun {
		return j.newest(ctx, completed+" AND mode = '"+models.FullRun+"'")
	}
	return j.newest(ctx, completed)
}

// LastRealtime returns the newest real-time run, nil if there is none. Errors: connection, timeout, schema.
func (j *Journal) LastRealtime(ctx context.Context) (*models.Run, error) {
	return j.newest(ctx, visibleRuns+" AND mode = '"+models.RealtimeRun+"'")
}

// Runs returns a page of the runs, newest first, and their number, without API writes. Errors: connection, timeout, schema.
func (j *Journal) Runs(ctx context.Context, offset, limit int) (runs []models.Run, total int64, err error) {
	total, err = j.page(j.s.Gorm(ctx).Model(&models.Run{}).Where(visibleRuns), "id DESC", offset, limit, &runs)
	return runs, total, err
}

// Run returns a run of any mode, nil if it does not exist. Errors: connection, timeout, schema.
func (j *Journal) Run(ctx context.Context, id int64) (*models.Run, error) {
	return j.oneRun(ctx, "id", "id = ?", id)
}

// RunTables returns what a run did to each table, in mirroring order. Errors: connection, timeout, schema.
func (j *Journal) RunTables(ctx context.Context, run int64) (counts []models.TableCount, err error) {
	err = j.s.Gorm(ctx).Where("run_id = ?", run).Order("position").Find(&counts).Error
	return counts, j.s.Translate(err)
}

// RowsWritten returns how many mirrored rows each of the runs wrote, or a comparison would have written. It omits runs
// without counts. Errors: connection, timeout, schema.
func (j *Journal) RowsWritten(ctx context.Context, runs []int64) (map[int64]int64, error) {
	var sums []struct{ RunID, Written int64 }
	err := j.s.Gorm(ctx).Model(&models.TableCount{}).Where("run_id IN ?", runs).Group("run_id").
		Select("run_id, CAST(SUM(inserted + updated + deleted + released) AS bigint) AS written").Scan(&sums).Error
	written := make(map[int64]int64, len(sums))
	for _, sum := range sums {
		written[sum.RunID] = sum.Written
	}
	return written, j.s.Translate(err)
}

// RunChanges returns a page of a run's changes, in order, and their number. Errors: connection, timeout, schema.
func (j *Journal) RunChanges(ctx context.Context, run int64, offset, limit int) (changes []models.LoggedChange, total int64, err error) {
	total, err = j.page(j.s.Gorm(ctx).Model(&models.LoggedChange{}).Where("run_id = ?", run), "id", offset, limit, &changes)
	return changes, total, err
}

// RowChanges returns a page of the changes to a row, newest first, and their number. It excludes the changes of dry runs,
// verifications and unsuccessful runs, which were not applied. Errors: connection, timeout, schema.
func (j *Journal) RowChanges(ctx context.Context, table string, id int64, offset, limit int) (changes []models.RowChange, total int64, err error) {
	query := j.s.Gorm(ctx).Table("lifecycle_sync_changes AS c").Joins("JOIN lifecycle_sync_runs r ON r.id = c.run_id").
		Where("r.mode = ? OR r.state = ? AND r.mode NOT IN (?, ?)", models.RealtimeRun, models.Succeeded, models.DryRun, models.VerifyRun).
		Where("c.table_name = ? AND c.row_id = ?", table, id)
	total, err = j.page(query.Select("c.*, r.mode, r.started_at"), "c.id DESC", offset, limit, &changes)
	return changes, total, err
}

// QuarantinedRows returns a page of the quarantine, in mirroring order and by id, and its size. Errors: connection,
// timeout, schema.
func (j *Journal) QuarantinedRows(ctx context.Context, offset, limit int) (rows []models.Quarantined, total int64, err error) {
	var positions strings.Builder
	for i, t := range j.s.Tables() {
		positions.WriteString(" WHEN '" + t.Name + "' THEN " + strconv.Itoa(i))
	}
	total, err = j.page(j.s.Gorm(ctx).Model(&models.Quarantined{}), "CASE table_name"+positions.String()+" END, row_id", offset, limit, &rows)
	return rows, total, err
}

// QuarantinedRow returns a row in quarantine, by its table's name, without its payload; nil if it is not there. Errors:
// connection, timeout, schema.
func (j *Journal) QuarantinedRow(ctx context.Context, table string, id int64) (*models.Quarantined, error) {
	return pmo.First[models.Quarantined](j.s, j.s.Gorm(ctx).Where("table_name = ? AND row_id = ?", table, id).Omit("payload"))
}

// Absent returns the error for a row that the mirror lacks: quarantined if lifecycle_db has the row, otherwise notFound.
// Errors: connection, timeout, schema.
func (j *Journal) Absent(ctx context.Context, table string, id int64, notFound error) error {
	switch row, err := j.QuarantinedRow(ctx, table, id); {
	case err != nil:
		return err
	case row == nil:
		return notFound
	default:
		return row.HeldBack()
	}
}

// QuarantineSize returns the number of rows in quarantine. Errors: connection, timeout, schema.
func (j *Journal) QuarantineSize(ctx context.Context) (n int64, err error) {
	err = j.s.Gorm(ctx).Model(&models.Quarantined{}).Count(&n).Error
	return n, j.s.Translate(err)
}

// page reads at most limit rows of a query from offset on, and counts all of them.
func (j *Journal) page(query *gorm.DB, order string, offset, limit int, into any) (total int64, err error) {
	query = query.Session(&gorm.Session{})
	err = query.Count(&total).Error
	if err == nil && int64(offset) < total {
		err = query.Order(order).Offset(offset).Limit(limit).Find(into).Error
	}
	return total, j.s.Translate(err)
}
