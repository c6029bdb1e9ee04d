package mirror

import (
	"context"
	"time"

	"gorm.io/gorm/clause"

	"lifecycle-sync/models"
)

// Clock is the database's time. PostgreSQL only.
func (tx *Tx) Clock(ctx context.Context) (now time.Time, err error) {
	err = tx.conn.QueryRow(ctx, "SELECT clock_timestamp()", nil, &now)
	return now.UTC(), err
}

// JoinRun makes the step part of a run, which it records if it is new. A real-time run is never running: it has succeeded
// up to its last step.
func (tx *Tx) JoinRun(ctx context.Context, run models.Run) error {
	run.Mode, run.State, run.FinishedAt = models.RealtimeRun, models.Succeeded, &run.StartedAt
	if run.ID == 0 {
		if err := tx.s.Gorm(ctx).Create(&run).Error; err != nil {
			return tx.s.Translate(err)
		}
	}
	tx.Run = &run
	return tx.conn.QueryRow(ctx, "SELECT pg_current_xact_id()::text::bigint", nil, &run.MirrorXID)
}

// FinishStep adds the step's counts to those of its run, moves the watermark and commits. A step without a run has
// changed no row.
func (tx *Tx) FinishStep(ctx context.Context, counts []models.TableCount, reached models.Watermark) error {
	if tx.Run == nil {
		return tx.commitStep(ctx, reached)
	}
	tx.Run.Horizon, tx.Run.FinishedAt = reached.Horizon, &reached.CurrentAt
	g := tx.s.Gorm(ctx)
	if err := g.Omit("cancel_requested").Save(tx.Run).Error; err != nil {
		return tx.s.Translate(err)
	}
	var written []models.TableCount
	for i, c := range counts {
		c.RunID, c.Position, c.Unchanged = tx.Run.ID, i+1, 0
		if c.Wrote() || c.Quarantined > 0 {
			written = append(written, c)
		}
	}
	if written != nil {
		if err := g.Clauses(addCounts()).Create(&written).Error; err != nil {
			return tx.s.Translate(err)
		}
		version, err := tx.s.BumpVersion(ctx)
		if err != nil {
			return err
		}
		tx.Version = version
	}
	reached.RunID, reached.MirrorXID = tx.Run.ID, tx.Run.MirrorXID
	return tx.commitStep(ctx, reached)
}

// addCounts makes an INSERT of counts add to existing ones.
func addCounts() clause.OnConflict {
	sums := map[string]any{}
	for _, column := range []string{"inserted", "updated", "deleted", "quarantined", "released"} {
		sums[column] = clause.Expr{SQL: "lifecycle_sync_run_tables." + column + " + excluded." + column}
	}
	return clause.OnConflict{Columns: []clause.Column{{Name: "run_id"}, {Name: "table_name"}}, DoUpdates: clause.Assignments(sums)}
}

// commitStep commits. If the answer is lost, the step counts as failed: repeating it changes nothing.
func (tx *Tx) commitStep(ctx context.Context, reached models.Watermark) error {
	if err := tx.Journal.SetWatermark(ctx, reached); err != nil {
		return err
	}
	return tx.conn.Commit(ctx)
}
