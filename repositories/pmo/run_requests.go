package pmo

import (
	"context"
	"fmt"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
)

// RequestCancel asks whichever process makes the run to stop it, and reports whether it is under way.
// PostgreSQL only: on SQLite the run holds the one write lock. Errors: connection, timeout, permission.
func (s *Store) RequestCancel(ctx context.Context, run int64) (bool, error) {
	done := s.gorm(ctx).Model(&models.Run{}).Where(running+" AND id = ?", run).Update("cancel_requested", true)
	return done.RowsAffected > 0, s.db.Translate(done.Error)
}

// CancelRequested reports whether somebody asks a run to stop. Errors: connection, timeout, schema.
func (s *Store) CancelRequested(ctx context.Context, run int64) (bool, error) {
	var n int64
	err := s.gorm(ctx).Model(&models.Run{}).Where("id = ? AND cancel_requested", run).Count(&n).Error
	return n > 0, s.db.Translate(err)
}

// MarkInterrupted marks runs that are left running although nobody holds the lock of runs: their
// process has died. On SQLite that cannot be told without waiting for the lock; the next run marks them.
// Errors: connection, timeout, permission.
func (s *Store) MarkInterrupted(ctx context.Context) error {
	if s.Kind() == database.SQLite {
		return nil
	}
	return s.db.Translate(s.gorm(ctx).Exec(
		"UPDATE lifecycle_sync_runs SET state = ?, finished_at = clock_timestamp() WHERE "+running+" AND NOT "+runLockHeld(), models.Interrupted).Error)
}

// runLockHeld is the condition that somebody holds the lock of runs. PostgreSQL only.
func runLockHeld() string {
	return fmt.Sprintf(`EXISTS (SELECT FROM pg_locks l WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
		AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
		AND l.classid = %d AND l.objid = %d)`, uint64(runLock)>>32, uint64(runLock)&0xffffffff)
}

// Record keeps a run that wrote no mirrored row, a dry run or a verification, when it has ended: with
// its number filled in, its counts and what it would change. Errors: busy on SQLite while a run is under
// way, connection, timeout.
func (s *Store) Record(ctx context.Context, run *models.Run, counts []models.TableCount, changes []models.LoggedChange) error {
	return s.InTx(ctx, func(tx *Store) error {
		if err := tx.gorm(ctx).Create(run).Error; err != nil {
			return s.db.Translate(err)
		}
		return tx.keep(ctx, run.ID, counts, changes)
	})
}

// keep adds to a run, which made none of them, the changes that it would make, counted by table.
func (s *Store) keep(ctx context.Context, run int64, counts []models.TableCount, changes []models.LoggedChange) error {
	for i := range counts {
		counts[i].RunID, counts[i].Position = run, i+1
	}
	for i := range changes {
		changes[i].RunID = run
	}
	if len(counts) > 0 {
		if err := s.gorm(ctx).Create(&counts).Error; err != nil {
			return s.db.Translate(err)
		}
	}
	if len(changes) > 0 {
		return s.db.Translate(s.gorm(ctx).CreateInBatches(changes, batchSize).Error)
	}
	return nil
}
