package pmo

import (
	"context"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"lifecycle-sync/models"
)

// Watermark is up to where the mirror holds what lifecycle_db committed; nil before the first run.
func (m *Mirror) Watermark(ctx context.Context) (*models.Watermark, error) {
	if m.absent {
		return nil, nil //nolint:nilnil // as documented
	}
	return watermark(m.conn.Gorm(ctx), m.store)
}

// Watermark is up to where the mirror holds what lifecycle_db committed; nil before the first run.
// Errors: connection, timeout, schema.
func (s *Store) Watermark(ctx context.Context) (*models.Watermark, error) {
	return watermark(s.gorm(ctx), s)
}

// setWatermark moves the watermark, together with the rows that the transaction writes.
func (tx *Tx) setWatermark(ctx context.Context, w models.Watermark) error {
	w.ID = 1
	return tx.store.db.Translate(tx.conn.Gorm(ctx).Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "id"}}, UpdateAll: true}).Create(&w).Error)
}

func watermark(db *gorm.DB, s *Store) (*models.Watermark, error) {
	var found []models.Watermark
	if err := db.Find(&found).Error; err != nil || len(found) == 0 {
		return nil, s.db.Translate(err)
	}
	return &found[0], nil
}

// SlotName is what this pmo_db's replication slot in lifecycle_db's server is called. A copy of pmo_db in
// another place has another one. PostgreSQL only. Errors: connection.
func (s *Store) SlotName(ctx context.Context) (name string, err error) {
	err = s.db.SQL.QueryRowContext(ctx, `SELECT 'lifecycle_sync_' || left(md5((SELECT system_identifier FROM pg_control_system()) || ' ' ||
		(SELECT oid FROM pg_database WHERE datname = current_database())), 16)`).Scan(&name)
	return name, s.db.Translate(err)
}
