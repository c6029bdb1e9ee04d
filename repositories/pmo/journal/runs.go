package journal

import (
	"context"
	"strconv"
	"strings"
	"time"

	"gorm.io/gorm"

	"lifecycle-sync/models"
)

// Standing is what the runs tell of the mirror. A run that there has not been is nil.
type Standing struct {
	Running     *models.Run // under way
	LastRun     *models.Run // the newest that has ended
	LastVerdict *models.Run // the newest that has succeeded or not, and was not just canceled or refused
	LastSuccess *models.Run
	ProvedEqual *models.Run    // the newest full run that succeeded
	Verified    *models.Run    // the newest verification
	Age         *time.Duration // since LastSuccess began, by the database's clock
	CurrentAt   *time.Time     // the mirror holds what had committed by then, as far as a run or real time has looked
	FollowedAt  *time.Time     // likewise, as far as real time has; nil where it never came
	Lag         *time.Duration // since FollowedAt, by the database's clock
	Quarantined int64
}

// Standing reads how the mirror stands. Errors: connection, timeout, schema.
func (j *Journal) Standing(ctx context.Context) (st Standing, err error) {
	const ended = synchronise + " AND state <> '" + string(models.Running) + "'"
	for _, find := range []struct {
		into      **models.Run
		condition string
	}{
		{&st.Running, running},
		{&st.LastRun, ended},
		{&st.LastVerdict, ended + " AND state <> '" + string(models.CanceledRun) + "' AND NOT " + refused},
		{&st.LastSuccess, listed + " AND " + Succeeded},
		{&st.ProvedEqual, listed + " AND " + Succeeded + " AND mode = '" + models.FullRun + "'"},
		{&st.Verified, verified},
	} {
		if *find.into, err = j.newest(ctx, find.condition); err != nil {
			return st, err
		}
	}
	if st.LastSuccess != nil {
		age, err := j.age(ctx, st.LastSuccess.ID)
		if err != nil {
			return st, err
		}
		st.Age = &age
	}
	if err := j.current(ctx, &st); err != nil {
		return st, err
	}
	st.Quarantined, err = j.QuarantineSize(ctx)
	return st, err
}

// current fills in of what time the mirror is.
func (j *Journal) current(ctx context.Context, st *Standing) error {
	mark, err := j.Watermark(ctx)
	if err != nil || mark == nil {
		return err
	}
	st.CurrentAt, st.FollowedAt = &mark.CurrentAt, mark.FollowedAt
	if mark.FollowedAt == nil {
		return nil
	}
	var seconds float64
	if err := j.s.Gorm(ctx).Model(&models.Watermark{}).Select(j.s.SecondsSince("followed_at")).Scan(&seconds).Error; err != nil {
		return j.s.Translate(err)
	}
	lag := time.Duration(max(seconds, 0) * float64(time.Second))
	st.Lag = &lag
	return nil
}

func (j *Journal) newest(ctx context.Context, condition string) (*models.Run, error) {
	return j.oneRun(ctx, "id DESC", condition)
}

// oneRun is the first run, in an order, of those that satisfy a condition; nil when there is none.
func (j *Journal) oneRun(ctx context.Context, order, condition string, args ...any) (*models.Run, error) {
	var runs []models.Run
	err := j.s.Gorm(ctx).Where(condition, args...).Order(order).Limit(1).Find(&runs).Error
	if err != nil || len(runs) == 0 {
		return nil, j.s.Translate(err)
	}
	return &runs[0], nil
}

// age is how long ago a run began. A clock that was set back makes no negative age.
func (j *Journal) age(ctx context.Context, run int64) (time.Duration, error) {
	var ages []float64
	err := j.s.Gorm(ctx).Model(&models.Run{}).Where("id = ?", run).Pluck(j.s.SecondsSince("started_at"), &ages).Error
	if err != nil || len(ages) == 0 {
		return 0, j.s.Translate(err)
	}
	return time.Duration(max(ages[0], 0) * float64(time.Second)), nil
}

// Running is the run under way, nil when there is none. Errors: connection, timeout, schema.
func (j *Journal) Running(ctx context.Context) (*models.Run, error) { return j.newest(ctx, running) }

// LastMade is the newest run that has done what a run of a mode is to do, full or incremental; a full run does
// what an incremental one is to do. It has ended by itself, well or not, or because somebody asked it to: what
// was cut off by the end of its process is still to be done, and so it is after a run that was refused. It is
// nil when there is none. Errors: connection, timeout, schema.
func (j *Journal) LastMade(ctx context.Context, mode string) (*models.Run, error) {
	const made = synchronise + " AND NOT " + refused + " AND (state IN ('" + string(models.Succeeded) + "', '" + string(models.Failed) + "')" +
		" OR state = '" + string(models.CanceledRun) + "' AND cancel_requested)"
	if mode == models.FullRun {
		return j.newest(ctx, made+" AND mode = '"+models.FullRun+"'")
	}
	return j.newest(ctx, made)
}

// LastRealtime is the newest run of real time, nil when there is none. Errors: connection, timeout, schema.
func (j *Journal) LastRealtime(ctx context.Context) (*models.Run, error) {
	return j.newest(ctx, listed+" AND mode = '"+models.RealtimeRun+"'")
}

// Runs returns at most limit runs, newest first, from offset on, and how many there are, without those
// of API writes. Errors: connection, timeout, schema.
func (j *Journal) Runs(ctx context.Context, offset, limit int) (runs []models.Run, total int64, err error) {
	total, err = j.page(j.s.Gorm(ctx).Model(&models.Run{}).Where(listed), "id DESC", offset, limit, &runs)
	return runs, total, err
}

// Run is one run of any mode, nil when there is none. Errors: connection, timeout, schema.
func (j *Journal) Run(ctx context.Context, id int64) (*models.Run, error) {
	var runs []models.Run
	err := j.s.Gorm(ctx).Where("id = ?", id).Find(&runs).Error
	if err != nil || len(runs) == 0 {
		return nil, j.s.Translate(err)
	}
	return &runs[0], nil
}

// RunTables returns what a run did to each table, in mirroring order. Errors: connection, timeout, schema.
func (j *Journal) RunTables(ctx context.Context, run int64) (counts []models.TableCount, err error) {
	err = j.s.Gorm(ctx).Where("run_id = ?", run).Order("position").Find(&counts).Error
	return counts, j.s.Translate(err)
}

// RowsWritten returns how many mirrored rows each of the given runs has written, or as a comparison would have;
// a run that kept no counts is not in it. Errors: connection, timeout, schema.
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

// RunChanges returns at most limit changes of a run, in the order in which they were made, from offset
// on, and how many there are. Errors: connection, timeout, schema.
func (j *Journal) RunChanges(ctx context.Context, run int64, offset, limit int) (changes []models.LoggedChange, total int64, err error) {
	total, err = j.page(j.s.Gorm(ctx).Model(&models.LoggedChange{}).Where("run_id = ?", run), "id", offset, limit, &changes)
	return changes, total, err
}

// RowChanges returns at most limit changes that were made to a row of a table, newest first, from offset on,
// and how many there are. What a dry run or a verification found, or a run that did not come to its end, was
// not made; real time makes its changes as it goes. Errors: connection, timeout, schema.
func (j *Journal) RowChanges(ctx context.Context, table string, id int64, offset, limit int) (changes []models.RowChange, total int64, err error) {
	query := j.s.Gorm(ctx).Table("lifecycle_sync_changes AS c").Joins("JOIN lifecycle_sync_runs r ON r.id = c.run_id").
		Where("r.mode = ? OR r.state = ? AND r.mode NOT IN (?, ?)", models.RealtimeRun, models.Succeeded, models.DryRun, models.VerifyRun).
		Where("c.table_name = ? AND c.row_id = ?", table, id)
	total, err = j.page(query.Select("c.*, r.mode, r.started_at"), "c.id DESC", offset, limit, &changes)
	return changes, total, err
}

// QuarantinedRows returns at most limit rows in quarantine, in mirroring order and by id, from offset on,
// and how many there are. Errors: connection, timeout, schema.
func (j *Journal) QuarantinedRows(ctx context.Context, offset, limit int) (rows []models.Quarantined, total int64, err error) {
	var order strings.Builder
	order.WriteString("CASE table_name")
	for i, t := range j.s.Tables() {
		order.WriteString(" WHEN '" + t.Name + "' THEN " + strconv.Itoa(i))
	}
	order.WriteString(" END, row_id")
	total, err = j.page(j.s.Gorm(ctx).Model(&models.Quarantined{}), order.String(), offset, limit, &rows)
	return rows, total, err
}

// QuarantineSize is how many rows are in quarantine. Errors: connection, timeout, schema.
func (j *Journal) QuarantineSize(ctx context.Context) (n int64, err error) {
	err = j.s.Gorm(ctx).Model(&models.Quarantined{}).Count(&n).Error
	return n, j.s.Translate(err)
}

// page reads a page of a query, and counts what the query yields.
func (j *Journal) page(query *gorm.DB, order string, offset, limit int, into any) (total int64, err error) {
	query = query.Session(&gorm.Session{})
	err = query.Count(&total).Error
	if err == nil && int64(offset) < total {
		err = query.Order(order).Offset(offset).Limit(limit).Find(into).Error
	}
	return total, j.s.Translate(err)
}
