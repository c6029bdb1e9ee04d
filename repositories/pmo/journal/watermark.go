package journal

import (
	"context"

	"gorm.io/gorm/clause"

	"lifecycle-sync/models"
)

// Watermark is up to where the mirror holds what lifecycle_db committed; nil before the first run.
// Errors: connection, timeout, schema.
func (j *Journal) Watermark(ctx context.Context) (*models.Watermark, error) {
	var found []models.Watermark
	if err := j.s.Gorm(ctx).Find(&found).Error; err != nil || len(found) == 0 {
		return nil, j.s.Translate(err)
	}
	return &found[0], nil
}

// SetWatermark moves the watermark, in the transaction that writes the rows.
func (j *Journal) SetWatermark(ctx context.Context, w models.Watermark) error {
	w.ID = 1
	return j.s.Translate(j.s.Gorm(ctx).Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "id"}}, UpdateAll: true}).Create(&w).Error)
}

// SlotName is the name of this pmo_db's replication slot in lifecycle_db's server. A copy of pmo_db elsewhere has another
// one. PostgreSQL only. Errors: connection.
func (j *Journal) SlotName(ctx context.Context) (name string, err error) {
	err = j.s.Gorm(ctx).Raw(`SELECT 'lifecycle_sync_' || left(md5((SELECT system_identifier FROM pg_control_system()) || ' ' ||
		(SELECT oid FROM pg_database WHERE datname = current_database())), 16)`).Scan(&name).Error
	return name, j.s.Translate(err)
}
