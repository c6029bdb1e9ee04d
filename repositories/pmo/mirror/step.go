package mirror

import (
	"context"
	"time"

	"gorm.io/gorm/clause"

	"lifecycle-sync/models"
)

// BeginStep opens a transaction for a step of real time, once the mirror has no other writer, for which it
// waits at most 2 s. Errors: busy, connection.
func (s *Store) BeginStep(ctx context.Context) (*Tx, error) {
	conn, err := s.waitForLock(ctx)
	if err != nil {
		return nil, err
	}
	return s.tx(conn, nil), nil
}

// Clock is the database's time. PostgreSQL only.
func (tx *Tx) Clock(ctx context.Context) (now time.Time, err error) {
	err = tx.s.Conn.QueryRow(ctx, "SELECT clock_timestamp()", nil, &now)
	return now.UTC(), err
}

// Belong makes what the step does a part of a run, which is recorded unless it was before. A run of real
// time is never under way: it has succeeded, as far as it has come.
func (tx *Tx) Belong(ctx context.Context, run models.Run) error {
	run.Mode, run.State, run.FinishedAt = models.RealtimeRun, models.Succeeded, &run.StartedAt
	if run.ID == 0 {
		if err := tx.s.Conn.Gorm(ctx).Create(&run).Error; err != nil {
			return tx.s.DB.Translate(err)
		}
	}
	tx.Run = &run
	return tx.s.Conn.QueryRow(ctx, "SELECT pg_current_xact_id()::text::bigint", nil, &run.MirrorXID)
}

// FinishStep adds the step's counts to its run's, moves the watermark, and commits. A step that belongs to
// no run has changed no row.
func (tx *Tx) FinishStep(ctx context.Context, counts []models.TableCount, reached models.Watermark) error {
	if tx.Run == nil {
		return tx.commitStep(ctx, reached)
	}
	tx.Run.Horizon, tx.Run.FinishedAt = reached.Horizon, &reached.CurrentAt
	g := tx.s.Conn.Gorm(ctx)
	if err := g.Omit("cancel_requested").Save(tx.Run).Error; err != nil {
		return tx.s.DB.Translate(err)
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
			return tx.s.DB.Translate(err)
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

// addCounts makes an INSERT of counts add to those that are there.
func addCounts() clause.OnConflict {
	sums := map[string]any{}
	for _, column := range []string{"inserted", "updated", "deleted", "quarantined", "released"} {
		sums[column] = clause.Expr{SQL: "lifecycle_sync_run_tables." + column + " + excluded." + column}
	}
	return clause.OnConflict{Columns: []clause.Column{{Name: "run_id"}, {Name: "table_name"}}, DoUpdates: clause.Assignments(sums)}
}

// commitStep commits. When the answer is lost, the step is taken for failed: to take it again changes nothing.
func (tx *Tx) commitStep(ctx context.Context, reached models.Watermark) error {
	if err := tx.Journal.SetWatermark(ctx, reached); err != nil {
		return err
	}
	return tx.s.Conn.Commit(ctx)
}

// Holds reports whether a table of the mirror holds a row other than the given ones.
func (m *Reader) Holds(ctx context.Context, t *models.Table, but []int64) (holds bool, err error) {
	return holds, m.s.Conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM "+t.Mirror+" WHERE id <> ALL($1::bigint[]))", []any{but}, &holds)
}
