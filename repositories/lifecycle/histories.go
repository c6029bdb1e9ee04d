package lifecycle

import (
	"context"
	"fmt"
	"time"

	"lifecycle-sync/models"
)

// LockStageRecord is LockProduct for a record of the stage history.
func (tx *Tx) LockStageRecord(ctx context.Context, id int64) (*models.Row, error) {
	return tx.lockRow(ctx, tx.source.histories, id)
}

// ListedRecord reads a record of the stage history as the API shows it. Errors: connection, timeout.
func (tx *Tx) ListedRecord(ctx context.Context, id int64) (record models.ListedRecord, err error) {
	err = tx.conn.Gorm(ctx).Table(HistoryTable+" h").
		Joins("LEFT JOIN tbl_produk product ON product.id = h.id_produk").
		Joins("LEFT JOIN tbl_stage previous ON previous.id = h.stage_previous").
		Joins("LEFT JOIN tbl_stage present ON present.id = h.stage_now").
		Select(tx.source.db.ReadableColumns("h", tx.source.histories)+", product.produk, previous.stage AS stage_previous_name, present.stage AS stage_now_name").
		Where("h.id = ?", id).Take(&record).Error
	return record, tx.source.db.Translate(err)
}

// HasLaterMove reports whether a product has a move after a time. A time that cannot be mirrored, such as infinity,
// does not count: no move could ever be later. Errors: connection, timeout.
func (tx *Tx) HasLaterMove(ctx context.Context, productID int64, than time.Time) (later bool, err error) {
	at := tx.source.histories.Column("tanggal_perubahan")
	err = tx.conn.Gorm(ctx).Table(HistoryTable).Select("count(*) > 0").
		Where("id_produk = ? AND "+tx.source.db.Fitting(at.Name, at)+" > ?", productID, than).Scan(&later).Error
	return later, tx.source.db.Translate(err)
}

// NextMoveTime returns the time of a move that happens now: the transaction's time, or just after the product's newest move
// if a client has dated that one slightly in the future. The product must be locked. Raw, because GORM would read the time
// as a row. Errors: connection, timeout.
func (tx *Tx) NextMoveTime(ctx context.Context, productID int64) (time.Time, error) {
	at := tx.source.histories.Column("tanggal_perubahan")
	var newest *models.Instant
	query := fmt.Sprintf("SELECT max(%s) FROM %s WHERE id_produk = %d", tx.source.db.Fitting(at.Name, at), HistoryTable, productID)
	if err := tx.conn.QueryRow(ctx, query, nil, &newest); err != nil || newest == nil || newest.Time().Before(tx.Now) {
		return tx.Now, err
	}
	return newest.Time().Add(time.Microsecond), nil
}

// StageExists reports whether there is a stage with an id. Errors: connection, timeout.
func (tx *Tx) StageExists(ctx context.Context, id int64) (bool, error) {
	return tx.exists(ctx, "tbl_stage", "id", id)
}

// CreateStageRecord inserts a record of the stage history and sets its id, created_at and updated_at. Errors: as CreateProduct.
func (tx *Tx) CreateStageRecord(ctx context.Context, h *models.StageHistory) error {
	now := models.InstantOf(tx.Now)
	h.CreatedAt, h.UpdatedAt = &now, &now
	return tx.create(ctx, HistoryTable, h, &h.ID)
}

// UpdateStageRecord sets the given columns of a record to their values in h, and updated_at. Errors: as CreateProduct.
func (tx *Tx) UpdateStageRecord(ctx context.Context, id int64, h models.StageHistory, columns ...string) error {
	h.ID, h.UpdatedAt = id, new(models.InstantOf(tx.Now))
	return tx.update(ctx, HistoryTable, &h, columns)
}

// DeleteStageRecord deletes a record of the stage history. Errors: as CreateProduct.
func (tx *Tx) DeleteStageRecord(ctx context.Context, id int64) error {
	return tx.delete(ctx, HistoryTable, &models.StageHistory{ID: id})
}
