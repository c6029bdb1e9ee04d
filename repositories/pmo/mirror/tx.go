package mirror

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm/clause"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/pmo/activities"
	"lifecycle-sync/repositories/pmo/attachments"
	"lifecycle-sync/repositories/pmo/journal"
)

// batchSize is the number of rows per INSERT: a larger one is not faster on PostgreSQL, and
// SQLite runs out of parameters.
const batchSize = 500

// copyThreshold is the number of rows from which they are written by COPY instead of in batches.
const copyThreshold = 2000

// Tx is a run's transaction: what it reads of the mirror includes what it wrote. It must be closed.
type Tx struct {
	*Reader

	Journal     *journal.Journal         // in this transaction
	Attachments *attachments.Attachments // in this transaction
	Run         *models.Run
	Reached     *models.Watermark // where the run brings the mirror; nil when it does not move the watermark
	Version     int64             // of the mirror, once the run has committed
	direct      int64             // changes that were made directly in lifecycle_db
	unmirrored  *bool             // whether an activity has a change that no run has found yet; nil if not known
	staged      map[string]bool   // mirror tables that have their temporary table
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
	if len(rows) >= copyThreshold && tx.s.Features().Copy {
		return tx.merge(ctx, t, rows)
	}
	batch, err := t.Decode(rows)
	if err != nil {
		return err
	}
	return tx.s.Translate(tx.s.Gorm(ctx).Table(t.Mirror).Clauses(onConflict(t)).CreateInBatches(batch, batchSize).Error)
}

// merge copies rows into a temporary table and upserts them from there in one statement. Raw, because GORM has no COPY.
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
	statement := tx.s.Gorm(ctx).Statement
	statement.SQL.Reset()
	onConflict(t).Build(statement)
	_, err := tx.conn.Exec(ctx, fmt.Sprintf("INSERT INTO %s (%s) SELECT %s FROM %s ON CONFLICT %s", t.Mirror, columns, columns, stage, statement.SQL.String()))
	return err
}

// Delete removes rows of the mirror. Errors: constraint when another table refers to one, connection.
func (tx *Tx) Delete(ctx context.Context, t *models.Table, ids []int64) error {
	return tx.s.DeleteIDs(ctx, t.Mirror+" WHERE id", ids)
}

// Finish records the run's outcome, its counts and the products that it changed, gives the mirror its next version, and commits
// everything. When the answer to the commit is lost, the outcome is looked up, not guessed.
func (tx *Tx) Finish(ctx context.Context, counts []models.TableCount, changed models.ChangedProducts, now time.Time) error {
	run := *tx.Run
	run.State, run.FinishedAt = models.Succeeded, &now
	g := tx.s.Gorm(ctx)
	if err := g.Omit("cancel_requested").Save(&run).Error; err != nil {
		return tx.s.Translate(err)
	}
	for i := range counts {
		counts[i].RunID, counts[i].Position = run.ID, i+1
	}
	if err := g.Create(&counts).Error; err != nil {
		return tx.s.Translate(err)
	}
	var horizon *int64
	if tx.Reached != nil {
		horizon = tx.Reached.Horizon
		tx.Reached.RunID, tx.Reached.MirrorXID = run.ID, run.MirrorXID
		if err := tx.Journal.SetWatermark(ctx, *tx.Reached); err != nil {
			return err
		}
	}
	if err := tx.recordActivities(ctx, now, horizon); err != nil {
		return err
	}
	version, err := tx.s.BumpVersion(ctx, changed)
	if err != nil {
		return err
	}
	if err := tx.conn.Commit(ctx); err != nil {
		lookup, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if ended, lookupErr := journal.New(tx.store.pool.Session).Run(lookup, run.ID); lookupErr != nil || ended == nil || ended.State != models.Succeeded {
			return err
		}
	}
	*tx.Run, tx.Version = run, version
	return nil
}

// recordActivities records the run's changes that were made directly in lifecycle_db. Every transaction before the horizon is
// mirrored, unless it is nil.
func (tx *Tx) recordActivities(ctx context.Context, now time.Time, horizon *int64) error {
	recorded := activities.New(tx.s)
	if tx.direct > 0 {
		if err := recorded.AddRun(ctx, *tx.Run, now, tx.direct); err != nil {
			return err
		}
	}
	if horizon == nil {
		return nil
	}
	return recorded.MarkMirrored(ctx, *horizon)
}

// LogChanges appends changes of one table to the change log, linked to the activities that made them. An activity that is in the run's
// snapshot was recorded before, so it is enough to look once whether there is any. Errors: connection.
func (tx *Tx) LogChanges(ctx context.Context, changes []models.LoggedChange) error {
	if len(changes) == 0 {
		return nil
	}
	recorded := activities.New(tx.s)
	if tx.unmirrored == nil {
		found, err := recorded.AnyUnmirrored(ctx)
		if err != nil {
			return err
		}
		tx.unmirrored = &found
	}
	if *tx.unmirrored {
		var err error
		if changes, err = recorded.Link(ctx, changes); err != nil {
			return err
		}
	}
	for _, c := range changes {
		if c.ActivityID == nil {
			tx.direct++
		}
	}
	return tx.Journal.LogChanges(ctx, changes)
}

// PruneChanges deletes the change log and the activities that are older than the retention, and the versions that clients no longer
// follow. Errors: connection, timeout.
func (tx *Tx) PruneChanges(ctx context.Context, retention time.Duration) error {
	if err := tx.Journal.PruneChanges(ctx, retention); err != nil {
		return err
	}
	if err := tx.s.PruneVersions(ctx); err != nil {
		return err
	}
	return activities.New(tx.s).Prune(ctx, retention)
}
