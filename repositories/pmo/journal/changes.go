package journal

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"time"

	"gorm.io/gorm/clause"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/pmo"
)

// copyThreshold is the number of rows from which the change log is written with COPY.
const copyThreshold = 2000

// Quarantine puts rows into quarantine. A row already in quarantine keeps its "since".
func (j *Journal) Quarantine(ctx context.Context, rows []models.Quarantined) error {
	if len(rows) == 0 {
		return nil
	}
	return j.s.Translate(j.s.Gorm(ctx).Clauses(clause.OnConflict{
		Columns:   []clause.Column{{Name: "table_name"}, {Name: "row_id"}},
		DoUpdates: clause.AssignmentColumns([]string{"reason_code", "reason_column", "payload", "source_hash", "run_id"}),
	}).CreateInBatches(rows, batchSize).Error)
}

// Release removes rows from the quarantine.
func (j *Journal) Release(ctx context.Context, t *models.Table, ids []int64) error {
	return j.s.DeleteIDs(ctx, "lifecycle_sync_quarantine WHERE table_name = '"+t.Name+"' AND row_id", ids)
}

// LogChanges appends to the change log.
func (j *Journal) LogChanges(ctx context.Context, changes []models.LoggedChange) error {
	if len(changes) == 0 {
		return nil
	}
	if len(changes) < copyThreshold || !j.s.Features().Copy {
		return j.s.Translate(j.s.Gorm(ctx).CreateInBatches(changes, batchSize).Error)
	}
	var lines []byte
	for _, c := range changes {
		lines = database.AppendCopyText(lines, fmt.Append(nil, c.RunID), []byte(c.Table), fmt.Append(nil, c.RowID), optional(c.ProductID), []byte(c.Action), c.Before, c.After,
			optional(c.SourceXID), optional(c.ActivityID))
	}
	return j.s.CopyIn(ctx, bytes.NewReader(lines), "lifecycle_sync_changes (run_id, table_name, row_id, product_id, action, before, after, source_xid, activity_id)")
}

// optional is a number as a cell, nil for none.
func optional(n *int64) []byte {
	if n == nil {
		return nil
	}
	return strconv.AppendInt(nil, *n, 10)
}

// PruneChanges deletes the change log of runs older than the retention, and the runs of API writes themselves. Age is
// measured by pmo_db's clock and the order of runs, so that one process with a wrong clock deletes nothing.
func (j *Journal) PruneChanges(ctx context.Context, retention time.Duration) error {
	old := " < (SELECT coalesce(min(id), 0) FROM lifecycle_sync_runs WHERE started_at >= " + j.s.Clock(-int(retention/time.Second)) + ")"
	err := j.s.Gorm(ctx).Where("run_id" + old).Delete(&models.LoggedChange{}).Error
	if err == nil {
		err = j.s.Gorm(ctx).Where("mode = ? AND id"+old, models.WriteRun).Delete(&models.Run{}).Error
	}
	return j.s.Translate(err)
}

// Watermark returns the watermark, nil before the first run. Errors: connection, timeout, schema.
func (j *Journal) Watermark(ctx context.Context) (*models.Watermark, error) {
	return pmo.First[models.Watermark](j.s, j.s.Gorm(ctx))
}

// SetWatermark moves the watermark, in the transaction that writes the rows.
func (j *Journal) SetWatermark(ctx context.Context, w models.Watermark) error {
	w.ID = 1
	return j.s.Translate(j.s.Gorm(ctx).Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "id"}}, UpdateAll: true}).Create(&w).Error)
}

// SlotName returns the name of this pmo_db's replication slot in lifecycle_db's server. A copy of pmo_db has a different
// one. Raw, because it reads only catalogue functions. PostgreSQL only. Errors: connection.
func (j *Journal) SlotName(ctx context.Context) (name string, err error) {
	err = j.s.Gorm(ctx).Raw(`SELECT 'lifecycle_sync_' || left(md5((SELECT system_identifier FROM pg_control_system()) || ' ' ||
		(SELECT oid FROM pg_database WHERE datname = current_database())), 16)`).Scan(&name).Error
	return name, j.s.Translate(err)
}
