// Package journal records the sync's runs, their change log, the quarantine and the watermark.
package journal

import (
	"context"
	"fmt"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo"
)

// Journal reads and writes the sync's own records.
type Journal struct{ s *pmo.Session }

// New returns the journal on a session.
func New(s *pmo.Session) *Journal { return &Journal{s: s} }

// The keys of the advisory locks. Every writer takes WriterLock; API writes and real-time steps hold it only briefly. A run
// also takes RunLock, so that a second run fails at once. Both are released when the transaction ends.
const (
	WriterLock = 0x6c6966656379636c // "lifecycl"
	RunLock    = WriterLock + 1
)

// batchSize is the number of rows per INSERT. A larger one is not faster on PostgreSQL and exceeds SQLite's limit of
// parameters.
const batchSize = 500

// SuccessfulSyncs is the SQL condition for runs that brought the mirror in sync.
const SuccessfulSyncs = "state = '" + string(models.Succeeded) + "' AND mode IN ('" + models.FullRun + "', '" + models.IncrementalRun + "')"

// SQL conditions on runs. visibleRuns excludes API writes. digestMismatches selects runs that failed because their digest
// differed and stored a dry run instead: they say nothing about the mirror's state. All conditions are constants, so that
// PostgreSQL can use the partial index on runs.
const (
	visibleRuns             = "mode <> '" + models.WriteRun + "'"
	syncRuns                = visibleRuns + " AND mode IN ('" + models.FullRun + "', '" + models.IncrementalRun + "')"
	runningSyncs            = syncRuns + " AND state = '" + string(models.Running) + "'"
	digestMismatches        = "(state = '" + string(models.Failed) + "' AND COALESCE(error_class, '') = '" + string(models.Conflict) + "')"
	successfulVerifications = visibleRuns + " AND mode = '" + models.VerifyRun + "' AND state = '" + string(models.Succeeded) + "'"
)

// RequestCancel asks the process of a run to cancel it, and reports whether the run is in progress. PostgreSQL only: on
// SQLite the run holds the write lock. Errors: connection, timeout, permission.
func (j *Journal) RequestCancel(ctx context.Context, run int64) (bool, error) {
	done := j.s.Gorm(ctx).Model(&models.Run{}).Where(runningSyncs+" AND id = ?", run).Update("cancel_requested", true)
	return done.RowsAffected > 0, j.s.Translate(done.Error)
}

// CancelRequested reports whether a run is to be canceled. Errors: connection, timeout, schema.
func (j *Journal) CancelRequested(ctx context.Context, id int64) (bool, error) {
	run, err := j.oneRun(ctx, "id", "id = ? AND cancel_requested", id)
	return run != nil, err
}

// MarkInterrupted marks runs whose process has died as interrupted: they are recorded as running, but RunLock is free. On
// SQLite this cannot be detected; the next run marks them. Raw, because the condition queries pg_locks. Errors: connection,
// timeout, permission.
func (j *Journal) MarkInterrupted(ctx context.Context) error {
	if !j.s.Features().AdvisoryLocks {
		return nil
	}
	return j.s.Translate(j.s.Gorm(ctx).Exec(
		"UPDATE lifecycle_sync_runs SET state = ?, finished_at = clock_timestamp() WHERE "+runningSyncs+" AND NOT "+runLockHeld(), models.Interrupted).Error)
}

// runLockHeld returns the SQL condition that RunLock is taken. PostgreSQL only.
func runLockHeld() string {
	return fmt.Sprintf(`EXISTS (SELECT FROM pg_locks l WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
		AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
		AND l.classid = %d AND l.objid = %d)`, uint64(RunLock)>>32, uint64(RunLock)&0xffffffff)
}

// Record records a finished run that wrote no mirrored row, such as a dry run, with its counts and the changes it would
// make, and sets its ID. Only in a transaction. Errors: connection, timeout.
func (j *Journal) Record(ctx context.Context, run *models.Run, counts []models.TableCount, changes []models.LoggedChange) error {
	if err := j.s.Gorm(ctx).Create(run).Error; err != nil {
		return j.s.Translate(err)
	}
	return j.addDetails(ctx, run.ID, counts, changes)
}

// RecordEnd records that a run failed or was canceled, after its transaction was rolled back, with the changes it
// would have made. It does not change a run that has succeeded after all. Only in a transaction.
func (j *Journal) RecordEnd(ctx context.Context, run *models.Run, cause error, now time.Time, counts []models.TableCount, changes []models.LoggedChange) error {
	run.Fail(cause)
	run.FinishedAt = &now
	update := j.s.Gorm(ctx).Model(run).Select("*")
	if !run.CancelRequested { // another process may have set it
		update = update.Omit("cancel_requested")
	}
	done := update.Where("state IN ?", []models.RunState{models.Running, models.Interrupted}).Updates(run)
	if done.Error != nil || done.RowsAffected == 0 {
		return j.s.Translate(done.Error)
	}
	return j.addDetails(ctx, run.ID, counts, changes)
}

// Start records a run as running. Runs left running by processes that died become interrupted. The caller holds RunLock.
func (j *Journal) Start(ctx context.Context, run *models.Run) error {
	err := j.s.Gorm(ctx).Model(&models.Run{}).Where("state = ?", models.Running).
		Updates(map[string]any{"state": models.Interrupted, "finished_at": run.StartedAt}).Error
	if err == nil {
		run.State = models.Running
		err = j.s.Gorm(ctx).Create(run).Error
	}
	return j.s.Translate(err)
}

// Restart marks a run that failed transiently as running and counts the attempt, unless the run has succeeded after all.
// It returns the run. The caller holds RunLock. Errors: busy when another run has started since.
func (j *Journal) Restart(ctx context.Context, run *models.Run) (current models.Run, err error) {
	if err := j.Superseded(ctx, run); err != nil {
		return current, err
	}
	restarted := map[string]any{"state": models.Running, "finished_at": nil, "attempts": run.Attempts + 1}
	err = j.s.Gorm(ctx).Model(&models.Run{}).Where("id = ? AND state <> ?", run.ID, models.Succeeded).Updates(restarted).Error
	if err == nil {
		err = j.s.Gorm(ctx).Where("id = ?", run.ID).Take(&current).Error
	}
	return current, j.s.Translate(err)
}

// Superseded returns the error that another run has started since, nil if none has. Errors: busy.
func (j *Journal) Superseded(ctx context.Context, run *models.Run) error {
	newer, err := j.oneRun(ctx, "id DESC", syncRuns+" AND id > ?", run.ID)
	if err != nil || newer == nil {
		return err
	}
	return models.NewError(models.Busy, "pmo.superseded", models.Params{"run": newer.ID, "mode": newer.Mode}).WithRemedy("pmo.superseded_remedy", nil)
}

// Busy returns the error that names the run in progress, other than the caller's own.
func (j *Journal) Busy(ctx context.Context, own int64) error {
	e := models.NewError(models.Busy, "pmo.busy", nil)
	if run, err := j.oneRun(ctx, "id DESC", "state = ? AND id <> ?", models.Running, own); err == nil && run != nil {
		e = models.NewError(models.Busy, "pmo.busy_run", models.Params{"run": run.ID, "mode": run.Mode, "since": run.StartedAt})
	}
	return e.WithRemedy("pmo.busy_remedy", nil)
}

// HasSucceeded reports whether the mirror has ever had a successful run.
func (j *Journal) HasSucceeded(ctx context.Context) (bool, error) {
	run, err := j.oneRun(ctx, "id", SuccessfulSyncs)
	return run != nil, err
}

// LeftRunning returns the run that is recorded as running, nil if there is none, and whether its process is alive, which
// SQLite assumes. Raw, because the condition queries pg_locks. Errors: connection, timeout, schema.
func (j *Journal) LeftRunning(ctx context.Context) (run *models.Run, alive bool, err error) {
	run, err = j.Running(ctx)
	if err != nil || run == nil || !j.s.Features().AdvisoryLocks {
		return run, true, err
	}
	err = j.s.Translate(j.s.Gorm(ctx).Raw("SELECT " + runLockHeld()).Scan(&alive).Error)
	return run, alive, err
}

// addDetails adds to a run the counts by table and the changes that it would make.
func (j *Journal) addDetails(ctx context.Context, run int64, counts []models.TableCount, changes []models.LoggedChange) error {
	for i := range counts {
		counts[i].RunID, counts[i].Position = run, i+1
	}
	for i := range changes {
		changes[i].RunID = run
	}
	if len(counts) > 0 {
		if err := j.s.Gorm(ctx).Create(&counts).Error; err != nil {
			return j.s.Translate(err)
		}
	}
	if len(changes) > 0 {
		return j.s.Translate(j.s.Gorm(ctx).CreateInBatches(changes, batchSize).Error)
	}
	return nil
}
