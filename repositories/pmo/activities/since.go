package activities

import (
	"context"
	"slices"

	"gorm.io/gorm"

	"lifecycle-sync/models"
)

// InsertedSince returns which of some products an activity after another one has inserted. Errors: connection, timeout.
func (a *Activities) InsertedSince(ctx context.Context, activity int64, products []int64) (ids []int64, err error) {
	inserted := a.s.Gorm(ctx).Model(&models.ActivityChange{}).Where("activity_id > ? AND table_name = ? AND before IS NULL", activity, models.TableNamed("tbl_produk").Name)
	return a.ofProducts(inserted, "product_id", products)
}

// HistoryChangedSince returns which of some products have another stage history than after an activity: later activities have changed it, or it was
// changed directly in lifecycle_db. Errors: connection, timeout.
func (a *Activities) HistoryChangedSince(ctx context.Context, activity int64, products []int64) (ids []int64, err error) {
	history := models.TableNamed("tbl_stage_histori").Name
	if ids, err = a.ofProducts(a.inEffectSince(ctx, activity).Where("table_name = ?", history), "product_id", products); err != nil {
		return nil, err
	}
	comparisons := a.s.Gorm(ctx).Model(&models.Run{}).Select("id").Where("mode IN ?", readOnlyModes())
	direct := a.s.Gorm(ctx).Model(&models.LoggedChange{}).Where("activity_id IS NULL AND table_name = ? AND run_id NOT IN (?)", history, comparisons).
		Where(`id > coalesce((SELECT max(own.id) FROM lifecycle_sync_changes own
				WHERE own.product_id = lifecycle_sync_changes.product_id AND own.activity_id = ?),
			(SELECT max(l.id) FROM lifecycle_sync_changes l JOIN lifecycle_sync_runs r ON r.id = l.run_id
				JOIN lifecycle_activities a ON a.id = ? AND r.started_at <= a.at), 0)`, activity, activity)
	directly, err := a.ofProducts(direct, "product_id", products)
	return append(ids, directly...), err
}

// FilesAddedSince returns the files that later activities have added to some products. Errors: connection, timeout.
func (a *Activities) FilesAddedSince(ctx context.Context, activity int64, products []int64) (ids []int64, err error) {
	return a.ofProducts(a.inEffectSince(ctx, activity).Where("table_name = ? AND before IS NULL", models.AttachmentTable), "row_id", products)
}

// inEffectSince is the query for the changes of later activities, without those that were undone, and without their undos.
func (a *Activities) inEffectSince(ctx context.Context, activity int64) *gorm.DB {
	later := a.s.Gorm(ctx).Model(&models.Activity{}).Select("id").Where("id > ? AND undone_by IS NULL AND (undoes IS NULL OR undoes <= ?)", activity, activity)
	return a.s.Gorm(ctx).Model(&models.ActivityChange{}).Where("activity_id IN (?)", later)
}

// ofProducts returns a column's values of the rows of a query that are of some products.
func (a *Activities) ofProducts(query *gorm.DB, column string, products []int64) (ids []int64, err error) {
	query = query.Session(&gorm.Session{})
	for batch := range slices.Chunk(products, batchSize) {
		var found []int64
		if err := query.Where("product_id IN ?", batch).Distinct().Pluck(column, &found).Error; err != nil {
			return nil, a.s.Translate(err)
		}
		ids = append(ids, found...)
	}
	return ids, nil
}
