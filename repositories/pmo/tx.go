package pmo

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm/clause"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
)

// batchSize is how many rows one INSERT carries: with more, PostgreSQL takes no less time a row, and
// SQLite runs out of parameters.
const batchSize = 500

// copyThreshold is how many rows at once go through COPY instead of batches.
const copyThreshold = 2000

// Tx is a run's transaction: what it reads of the mirror includes what it wrote. It must be closed.
type Tx struct {
	*Mirror
	Run     *models.Run
	Reached *models.Watermark // where the run brings the mirror; nil when it does not move the watermark
	Version int64             // of the mirror, once the run has committed
	staged  map[string]bool   // mirror tables that have their temporary table
}

// onConflict is the upsert's conflict clause: every column of a row that is there is overwritten.
func onConflict(t *models.Table) clause.OnConflict {
	return clause.OnConflict{
		Columns: []clause.Column{{Name: "id"}}, DoUpdates: clause.AssignmentColumns(t.ColumnNames()[1:]),
	}
}

// Upsert writes rows that differ from the mirror's. Errors: constraint, data_type, connection.
func (tx *Tx) Upsert(ctx context.Context, t *models.Table, rows []models.Row) error {
	if len(rows) == 0 {
		return nil
	}
	if len(rows) >= copyThreshold && tx.store.Kind() == database.Postgres {
		return tx.merge(ctx, t, rows)
	}
	batch, err := t.Decode(rows)
	if err != nil {
		return err
	}
	return tx.store.db.Translate(tx.conn.Gorm(ctx).Table(t.Mirror).Clauses(onConflict(t)).CreateInBatches(batch, batchSize).Error)
}

// merge copies rows into a temporary table and upserts them from there in one statement.
func (tx *Tx) merge(ctx context.Context, t *models.Table, rows []models.Row) error {
	stage, columns := "stage_"+t.Mirror, strings.Join(t.ColumnNames(), ", ")
	prepare := "TRUNCATE " + stage
	if !tx.staged[stage] {
		prepare = fmt.Sprintf("CREATE TEMPORARY TABLE %s ON COMMIT DROP AS SELECT %s FROM %s WITH NO DATA", stage, columns, t.Mirror)
		if tx.staged == nil {
			tx.staged = map[string]bool{}
		}
		tx.staged[stage] = true
	}
	if _, err := tx.conn.Exec(ctx, prepare); err != nil {
		return err
	}
	var lines []byte
	for _, row := range rows {
		lines = database.AppendCopyText(lines, row.Cells...)
	}
	if _, err := tx.conn.CopyIn(ctx, bytes.NewReader(lines), stage+" ("+columns+")", "text"); err != nil {
		return err
	}
	statement := tx.conn.Gorm(ctx).Statement
	statement.SQL.Reset()
	onConflict(t).Build(statement)
	_, err := tx.conn.Exec(ctx, fmt.Sprintf("INSERT INTO %s (%s) SELECT %s FROM %s ON CONFLICT %s", t.Mirror, columns, columns, stage, statement.SQL.String()))
	return err
}

// Delete removes rows of the mirror. Errors: constraint when another table refers to one, connection.
func (tx *Tx) Delete(ctx context.Context, t *models.Table, ids []int64) error {
	return tx.deleteFrom(ctx, t.Mirror+" WHERE id", ids)
}

// Unquarantine removes rows from the quarantine.
func (tx *Tx) Unquarantine(ctx context.Context, t *models.Table, ids []int64) error {
	return tx.deleteFrom(ctx, "lifecycle_sync_quarantine WHERE table_name = '"+t.Name+"' AND row_id", ids)
}

func (tx *Tx) deleteFrom(ctx context.Context, target string, ids []int64) error {
	const chunk = 10_000
	for len(ids) > 0 {
		n := min(chunk, len(ids))
		condition, args := anyOf(tx.store.Kind(), "", ids[:n])
		if _, err := tx.conn.Exec(ctx, "DELETE FROM "+target+condition, args...); err != nil {
			return err
		}
		ids = ids[n:]
	}
	return nil
}

// Quarantine puts rows into quarantine; one that is there keeps the time since when.
func (tx *Tx) Quarantine(ctx context.Context, rows []models.Quarantined) error {
	if len(rows) == 0 {
		return nil
	}
	return tx.store.db.Translate(tx.conn.Gorm(ctx).Clauses(clause.OnConflict{
		Columns:   []clause.Column{{Name: "table_name"}, {Name: "row_id"}},
		DoUpdates: clause.AssignmentColumns([]string{"reason", "payload", "source_hash", "run_id"}),
	}).CreateInBatches(rows, batchSize).Error)
}

// LogChanges appends to the change log.
func (tx *Tx) LogChanges(ctx context.Context, changes []models.LoggedChange) error {
	if len(changes) == 0 {
		return nil
	}
	if len(changes) < copyThreshold || tx.store.Kind() == database.SQLite {
		return tx.store.db.Translate(tx.conn.Gorm(ctx).CreateInBatches(changes, batchSize).Error)
	}
	var lines []byte
	for _, c := range changes {
		lines = database.AppendCopyText(lines, fmt.Append(nil, c.RunID), []byte(c.Table), fmt.Append(nil, c.RowID), []byte(c.Action), c.Before, c.After)
	}
	_, err := tx.conn.CopyIn(ctx, bytes.NewReader(lines), "lifecycle_sync_changes (run_id, table_name, row_id, action, before, after)", "text")
	return err
}

// PruneChanges forgets the change log of runs that were made longer ago than a time, and those runs themselves
// that are API writes, of which there may be many. Runs bear the times of the machines that made them; what
// is old is told by pmo_db's clock and by the order of the runs, so that one wrong clock loses nothing.
func (tx *Tx) PruneChanges(ctx context.Context, retention time.Duration) error {
	old := " < (SELECT coalesce(min(id), 0) FROM lifecycle_sync_runs WHERE started_at >= " + tx.store.db.Clock(-int(retention/time.Second)) + ")"
	err := tx.store.db.Translate(tx.conn.Gorm(ctx).Exec("DELETE FROM lifecycle_sync_changes WHERE run_id" + old).Error)
	if err != nil {
		return err
	}
	return tx.store.db.Translate(tx.conn.Gorm(ctx).Exec("DELETE FROM lifecycle_sync_runs WHERE mode = ? AND id"+old, models.WriteRun).Error)
}

// Finish records the run's outcome and counts, gives the mirror its next version, and commits
// everything. When the answer to the commit is lost, the outcome is looked up, not guessed.
func (tx *Tx) Finish(ctx context.Context, counts []models.TableCount, now time.Time) error {
	run := *tx.Run
	run.State, run.FinishedAt = models.Succeeded, &now
	g := tx.conn.Gorm(ctx)
	if err := g.Omit("cancel_requested").Save(&run).Error; err != nil {
		return tx.store.db.Translate(err)
	}
	for i := range counts {
		counts[i].RunID, counts[i].Position = run.ID, i+1
	}
	if err := g.Create(&counts).Error; err != nil {
		return tx.store.db.Translate(err)
	}
	if tx.Reached != nil {
		tx.Reached.RunID, tx.Reached.MirrorXID = run.ID, run.MirrorXID
		if err := tx.setWatermark(ctx, *tx.Reached); err != nil {
			return err
		}
	}
	version, err := bump(ctx, tx.conn, tx.store.Kind())
	if err != nil {
		return err
	}
	if err := tx.conn.Commit(ctx); err != nil {
		lookup, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if state, lookupErr := tx.store.RunState(lookup, run.ID); lookupErr != nil || state != models.Succeeded {
			return err
		}
	}
	*tx.Run, tx.Version = run, version
	return nil
}
