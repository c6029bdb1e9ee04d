// Package activities records who changed what: activities with the rows that each of them changed.
package activities

import (
	"context"
	"encoding/json"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo"
)

// Activities reads and writes activities.
type Activities struct{ s *pmo.Session }

// New returns the activities on a session.
func New(s *pmo.Session) *Activities { return &Activities{s: s} }

// batchSize is the number of rows per INSERT. A larger one exceeds SQLite's limit of parameters.
const batchSize = 500

// Add records an activity and its changes, and sets its ID; without a time, it is now. Only in a transaction. Errors: connection, timeout.
func (a *Activities) Add(ctx context.Context, activity *models.Activity, changes []models.ActivityChange) error {
	if changes != nil {
		activity.ChangeCount = int64(len(changes))
	}
	if activity.At.IsZero() {
		now, err := a.s.Now(ctx)
		if err != nil {
			return err
		}
		activity.At = now.Time()
	}
	if err := a.s.Gorm(ctx).Create(activity).Error; err != nil || len(changes) == 0 {
		return a.s.Translate(err)
	}
	for i := range changes {
		changes[i].ActivityID, changes[i].Position = activity.ID, i+1
	}
	return a.s.Translate(a.s.Gorm(ctx).CreateInBatches(changes, batchSize).Error)
}

// AddRun records that a run mirrored some direct changes in lifecycle_db. It adds up the changes of a real-time run.
// Only in a transaction. Errors: connection, timeout.
func (a *Activities) AddRun(ctx context.Context, run models.Run, at time.Time, changes int64) error {
	added := a.s.Gorm(ctx).Model(&models.Activity{}).Where("run_id = ? AND action = ?", run.ID, models.SyncAction).
		Updates(map[string]any{"change_count": gorm.Expr("change_count + ?", changes), "at": at})
	if added.Error != nil || added.RowsAffected > 0 {
		return a.s.Translate(added.Error)
	}
	return a.Add(ctx, &models.Activity{At: at, Actor: run.Actor, Channel: models.SyncChannel, Action: models.SyncAction, RunID: &run.ID, ChangeCount: changes}, nil)
}

// MarkMirrored notes that every transaction of lifecycle_db before a horizon is mirrored, even if a run has found no change: others may
// have written the row since. Rows in quarantine are mirrored later. Raw, because GORM cannot update from another table. Only in a
// transaction. Errors: connection, timeout.
func (a *Activities) MarkMirrored(ctx context.Context, horizon int64) error {
	return a.s.Translate(a.s.Gorm(ctx).Exec(`UPDATE lifecycle_activity_changes AS c SET mirrored = TRUE WHERE NOT c.mirrored
		AND EXISTS (SELECT 1 FROM lifecycle_activities a WHERE a.id = c.activity_id AND a.source_xid < ?)
		AND NOT EXISTS (SELECT 1 FROM lifecycle_sync_quarantine q WHERE q.table_name = c.table_name AND q.row_id = c.row_id)`, horizon).Error)
}

// Settle completes or removes the activity of a write, depending on whether it committed, and returns as CompleteUndo. Only in a
// transaction. Errors: connection, timeout.
func (a *Activities) Settle(ctx context.Context, writeID string, committed bool) (products []int64, err error) {
	activity, err := pmo.First[models.Activity](a.s, a.s.Gorm(ctx).Where("write_id = ? AND pending", writeID))
	if err != nil || activity == nil {
		return nil, err
	}
	if !committed {
		return nil, a.remove(ctx, *activity)
	}
	if err := a.s.Gorm(ctx).Model(activity).Update("pending", false).Error; err != nil {
		return nil, a.s.Translate(err)
	}
	return a.CompleteUndo(ctx, *activity)
}

// remove removes the activity of a write that did not commit. Changes that runs have linked to it were made directly in lifecycle_db,
// and become part of those runs' activities. The activity goes first: its lock waits for a run that is linking changes to it.
func (a *Activities) remove(ctx context.Context, activity models.Activity) error {
	rows := a.s.Gorm(ctx).Model(&models.ActivityChange{}).Select("table_name, row_id").Where("activity_id = ?", activity.ID)
	if err := a.s.Gorm(ctx).Delete(&activity).Error; err != nil {
		return a.s.Translate(err)
	}
	linked := a.s.Gorm(ctx).Model(&models.LoggedChange{}).Where("activity_id = ? AND (table_name, row_id) IN (?)", activity.ID, rows).Session(&gorm.Session{})
	var runs []struct {
		models.Run

		Changes int64
	}
	err := a.s.Gorm(ctx).Table("lifecycle_sync_runs AS r").Select("r.*, n.changes").
		Joins("JOIN (?) n ON n.run_id = r.id", linked.Select("run_id, count(*) AS changes").Group("run_id")).Order("r.id").Scan(&runs).Error
	if err == nil {
		err = linked.Update("activity_id", nil).Error
	}
	if err == nil {
		err = a.s.Gorm(ctx).Where("activity_id = ?", activity.ID).Delete(&models.ActivityChange{}).Error
	}
	if err != nil {
		return a.s.Translate(err)
	}
	for _, run := range runs {
		if err := a.AddRun(ctx, run.Run, *run.FinishedAt, run.Changes); err != nil {
			return err
		}
	}
	return nil
}

// FileChanges returns the changes of an activity's files, reversed, for the activity that undoes it. Errors: connection, timeout.
func (a *Activities) FileChanges(ctx context.Context, undone models.Activity) (changes []models.ActivityChange, err error) {
	err = a.s.Gorm(ctx).Where("activity_id = ? AND table_name = ?", undone.ID, models.AttachmentTable).Order("position").Find(&changes).Error
	for i := range changes {
		changes[i].Before, changes[i].After = changes[i].After, changes[i].Before
	}
	return changes, a.s.Translate(err)
}

// applyFiles hides the files that an undo removes, and shows those that it restores. It returns their products.
func (a *Activities) applyFiles(ctx context.Context, undo models.Activity) (products []int64, err error) {
	files := func(condition string) *gorm.DB {
		return a.s.Gorm(ctx).Model(&models.ActivityChange{}).Select("row_id").
			Where("activity_id = ? AND table_name = ? AND "+condition, undo.ID, models.AttachmentTable)
	}
	err = a.s.Gorm(ctx).Model(&models.Attachment{}).Where("id IN (?)", files("after IS NULL")).Update("removed_at", clause.Expr{SQL: a.s.Clock(0)}).Error
	if err == nil {
		err = a.s.Gorm(ctx).Model(&models.Attachment{}).Where("id IN (?)", files("before IS NULL")).Update("removed_at", nil).Error
	}
	if err == nil {
		err = files("product_id IS NOT NULL").Select("product_id").Distinct().Scan(&products).Error
	}
	return products, a.s.Translate(err)
}

// AlreadyUndone returns the conflict of an undo of what another activity has undone.
func AlreadyUndone(by int64) *models.Error {
	return models.NewError(models.Conflict, "activity.undone", models.Params{"by": by}).WithRemedy("activity.undone_remedy", models.Params{"by": by})
}

// CompleteUndo marks the activity that another one undoes, and hides or shows its files, whose products it returns. An activity whose undo is undone has
// effect again; if it is an undo itself, so what it undid is undone again, and so on. Only in a transaction. Errors: connection, timeout.
func (a *Activities) CompleteUndo(ctx context.Context, undo models.Activity) (products []int64, err error) {
	if undo.Undoes == nil {
		return nil, nil
	}
	// A concurrent undo may have committed first: this update waits for its row lock.
	unmarked := a.s.Gorm(ctx).Model(&models.Activity{}).Where("id = ? AND undone_by IS NULL", *undo.Undoes).Update("undone_by", undo.ID)
	if unmarked.Error != nil {
		return nil, a.s.Translate(unmarked.Error)
	}
	if unmarked.RowsAffected == 0 {
		earlier, err := a.Get(ctx, *undo.Undoes)
		if err == nil && earlier != nil && earlier.UndoneBy != nil {
			err = AlreadyUndone(*earlier.UndoneBy)
		}
		return nil, err
	}
	if products, err = a.applyFiles(ctx, undo); err != nil {
		return nil, err
	}
	hasEffect := true
	for later := &undo; later != nil && later.Undoes != nil; hasEffect = !hasEffect {
		var undoneBy *int64
		if hasEffect {
			undoneBy = &later.ID
		}
		earlier := a.s.Gorm(ctx).Where("id = ?", *later.Undoes)
		if err := earlier.Model(&models.Activity{}).Update("undone_by", undoneBy).Error; err != nil {
			return nil, a.s.Translate(err)
		}
		if later, err = pmo.First[models.Activity](a.s, a.s.Gorm(ctx).Where("id = ?", *later.Undoes)); err != nil {
			return nil, err
		}
	}
	return products, nil
}

// OfWrite returns the activity of a write, nil if it changed nothing. Errors: connection, timeout, schema.
func (a *Activities) OfWrite(ctx context.Context, writeID string) (*models.Activity, error) {
	return pmo.First[models.Activity](a.s, a.s.Gorm(ctx).Where("write_id = ?", writeID))
}

// Get returns an activity, nil if there is none. Errors: connection, timeout, schema.
func (a *Activities) Get(ctx context.Context, id int64) (*models.Activity, error) {
	return pmo.First[models.Activity](a.s, a.s.Gorm(ctx).Where("id = ? AND NOT pending", id))
}

// Filter selects activities that meet every condition that is not zero.
type Filter struct {
	Actor        string // id
	ProductID    int64
	Field        string     // a changed column
	Action       string     // DeleteAction: what deleted products that are still deleted, by whatever action
	Since, Until *time.Time // until is exclusive
}

// List returns a page of the activities, newest first, and their number. Errors: connection, timeout, schema.
func (a *Activities) List(ctx context.Context, f Filter, offset, limit int) (list []models.Activity, total int64, err error) {
	query := a.s.Gorm(ctx).Table("lifecycle_activities AS a").Where("NOT pending")
	if f.Actor != "" {
		query = query.Where("actor_id = ?", f.Actor)
	}
	switch f.Action {
	case "":
	case models.DeleteAction:
		deletions := a.deletions(ctx).Select("1").Where("c.activity_id = a.id OR c.activity_id IS NULL AND c.run_id = a.run_id AND a.action = ?", models.SyncAction)
		if f.ProductID != 0 {
			deletions = deletions.Where("c.row_id = ?", f.ProductID)
		}
		query = query.Where("EXISTS (?)", deletions)
	default:
		query = query.Where("action = ?", f.Action)
	}
	if f.Since != nil {
		query = query.Where("at >= ?", *f.Since)
	}
	if f.Until != nil {
		query = query.Where("at < ?", *f.Until)
	}
	if f.ProductID != 0 || f.Field != "" {
		own := a.matching(a.s.Gorm(ctx).Table("lifecycle_activity_changes AS c").Select("1").Where("c.activity_id = a.id"), f)
		ofRun := a.matching(a.s.Gorm(ctx).Table("lifecycle_sync_changes AS c").Select("1").Where("c.run_id = a.run_id AND c.activity_id IS NULL"), f)
		query = query.Where("EXISTS (?) OR a.action = ? AND EXISTS (?)", own, models.SyncAction, ofRun)
	}
	query = query.Session(&gorm.Session{})
	if err := query.Count(&total).Error; err != nil || int64(offset) >= total {
		return nil, total, a.s.Translate(err)
	}
	err = query.Select("a.*").Order("at DESC, id DESC").Offset(offset).Limit(limit).Find(&list).Error
	return list, total, a.s.Translate(err)
}

// matching adds the conditions on a change c. A change names a column as a key of its documents, but not of objects within them.
func (a *Activities) matching(query *gorm.DB, f Filter) *gorm.DB {
	if f.ProductID != 0 {
		query = query.Where("c.product_id = ?", f.ProductID)
	}
	if f.Field != "" {
		query = query.Where(a.s.HasKey("c.before")+" OR "+a.s.HasKey("c.after"), f.Field, f.Field)
	}
	return query
}

// Changes returns a page of the rows that an activity changed, in order, but those of product first, unless it is 0. Errors: connection,
// timeout, schema.
func (a *Activities) Changes(ctx context.Context, activity models.Activity, product int64, offset, limit int) (changes []models.ActivityChange, err error) {
	ordered := func(by string) *gorm.DB {
		order := clause.Expr{SQL: by}
		if product != 0 {
			order = clause.Expr{SQL: "CASE product_id WHEN ? THEN 0 ELSE 1 END, " + by, Vars: []any{product}}
		}
		return a.s.Gorm(ctx).Clauses(clause.OrderBy{Expression: order}).Offset(offset).Limit(limit)
	}
	if activity.Action != models.SyncAction {
		err = ordered("position").Where("activity_id = ?", activity.ID).Find(&changes).Error
		return changes, a.s.Translate(err)
	}
	err = ordered("id").Table("lifecycle_sync_changes").Select("id AS log_id, table_name, row_id, product_id, before, after").
		Where("run_id = ? AND activity_id IS NULL", *activity.RunID).Scan(&changes).Error
	return changes, a.s.Translate(err)
}

// ProductsListed is the number of products that an activity is listed with.
const ProductsListed = 1000

// Products returns the ids of the products that an activity changed, in order. Errors: connection, timeout, schema.
func (a *Activities) Products(ctx context.Context, activity models.Activity) (ids []int64, err error) {
	query := a.s.Gorm(ctx).Model(&models.ActivityChange{}).Where("activity_id = ?", activity.ID)
	if activity.Action == models.SyncAction {
		query = a.s.Gorm(ctx).Model(&models.LoggedChange{}).Where("run_id = ? AND activity_id IS NULL", *activity.RunID)
	}
	err = query.Where("product_id IS NOT NULL").Distinct().Order("product_id").Limit(ProductsListed).Pluck("product_id", &ids).Error
	return ids, a.s.Translate(err)
}

// Actors returns the actors of the activities, by name. Errors: connection, timeout, schema.
func (a *Activities) Actors(ctx context.Context) (actors []models.Actor, err error) {
	err = a.s.Gorm(ctx).Model(&models.Activity{}).Select("actor_id AS id, max(actor_name) AS name").Where("NOT pending").
		Group("actor_id").Order("2, 1").Scan(&actors).Error
	return actors, a.s.Translate(err)
}

// Prune deletes activities older than the retention. Only in a transaction. Errors: connection, timeout.
func (a *Activities) Prune(ctx context.Context, retention time.Duration) error {
	old := a.s.Gorm(ctx).Model(&models.Activity{}).Select("id").Where("NOT pending AND at < " + a.s.Clock(-int(retention/time.Second)))
	err := a.s.Gorm(ctx).Where("activity_id IN (?)", old).Delete(&models.ActivityChange{}).Error
	if err == nil {
		err = a.s.Gorm(ctx).Where("id IN (?)", old).Delete(&models.Activity{}).Error
	}
	return a.s.Translate(err)
}

// LoggedChange returns an entry of the change log, nil if there is none. Errors: connection, timeout, schema.
func (a *Activities) LoggedChange(ctx context.Context, id int64) (*models.LoggedChange, error) {
	return pmo.First[models.LoggedChange](a.s, a.s.Gorm(ctx).Where("id = ?", id))
}

// DeletedWith returns the stage history records that were deleted in the same run as a product. Errors: connection, timeout,
// schema.
func (a *Activities) DeletedWith(ctx context.Context, product models.LoggedChange) (records []models.LoggedChange, err error) {
	err = a.s.Gorm(ctx).Where("run_id = ? AND product_id = ? AND action = ? AND table_name <> ?", product.RunID, product.RowID, product.Action, product.Table).
		Clauses(clause.OrderBy{Columns: []clause.OrderByColumn{{Column: clause.Column{Name: "row_id"}}}}).Find(&records).Error
	return records, a.s.Translate(err)
}

// ProductNames returns the names of the mirrored products with some ids. Errors: connection, timeout, schema.
func (a *Activities) ProductNames(ctx context.Context, ids []int64) (map[int64]string, error) {
	var rows []struct {
		ID   int64
		Name *string
	}
	err := a.s.Gorm(ctx).Table(a.s.Table("tbl_produk").Mirror).Select("id, produk AS name").Where("id IN ?", ids).Scan(&rows).Error
	names := make(map[int64]string, len(rows))
	for _, row := range rows {
		if row.Name != nil {
			names[row.ID] = *row.Name
		}
	}
	return names, a.s.Translate(err)
}

// DeletedProduct is a product that lifecycle_db no longer has, as the change log keeps it. ActivityID is what deleted it, nil if it
// was deleted directly there.
type DeletedProduct struct {
	models.LoggedChange

	At    models.Instant `gorm:"column:at"`                      // when the run that mirrored the deletion began
	Actor models.Actor   `gorm:"embedded;embeddedPrefix:actor_"` // empty if it was deleted directly in lifecycle_db
}

// Name returns the product's name, "" without any.
func (p DeletedProduct) Name() string {
	var row struct {
		Name string `json:"produk"`
	}
	_ = json.Unmarshal(p.Before, &row) // our own document
	return row.Name
}

// readOnlyModes lists the modes of runs that log what they have found and change nothing.
func readOnlyModes() []string { return []string{models.DryRun, models.VerifyRun} }

// deletions is the query for the entries c of the change log, of runs r, whose products are still deleted.
func (a *Activities) deletions(ctx context.Context) *gorm.DB {
	newest := a.s.Gorm(ctx).Table("lifecycle_sync_changes AS n").Joins("JOIN lifecycle_sync_runs nr ON nr.id = n.run_id").Select("max(n.id)").
		Where("n.table_name = 'products' AND nr.mode NOT IN ?", readOnlyModes()).Group("n.row_id")
	return a.s.Gorm(ctx).Table("lifecycle_sync_changes AS c").Joins("JOIN lifecycle_sync_runs r ON r.id = c.run_id").
		Where("c.id IN (?) AND c.action = 'delete'", newest)
}

// DeletedProducts returns a page of the deleted products, newest first, and their number. Errors: connection, timeout, schema.
func (a *Activities) DeletedProducts(ctx context.Context, offset, limit int) (deleted []DeletedProduct, total int64, err error) {
	query := a.deletions(ctx).Joins("LEFT JOIN lifecycle_activities a ON a.id = c.activity_id").Session(&gorm.Session{})
	if err := query.Count(&total).Error; err != nil || int64(offset) >= total {
		return nil, total, a.s.Translate(err)
	}
	err = query.Select("c.*, r.started_at AS at, coalesce(a.actor_id, '') AS actor_id, coalesce(a.actor_name, '') AS actor_name").
		Order("c.id DESC").Offset(offset).Limit(limit).Scan(&deleted).Error
	return deleted, total, a.s.Translate(err)
}
