package lifecycle

import (
	"context"

	"lifecycle-sync/models"
)

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

// NewestMoves returns, by product, id, stage and time of the record that decides its stage: the one with the latest time, then
// the greatest id. Records without a stage or time, or later than LatestMove, do not count; products without any are missing.
// The products must be locked. Errors: connection, timeout.
func (tx *Tx) NewestMoves(ctx context.Context, productIDs []int64) (map[int64]*models.StageHistory, error) {
	fitting := func(column string) string {
		return tx.source.db.Fitting(column, tx.source.histories.Column(column))
	}
	moves := tx.conn.Gorm(ctx).Table(HistoryTable).
		Select("id, id_produk, "+fitting("stage_now")+" AS stage_now, "+fitting("tanggal_perubahan")+" AS tanggal_perubahan").
		Where("id_produk IN ? AND "+fitting("stage_now")+" IS NOT NULL AND "+fitting("tanggal_perubahan")+" <= ?", productIDs, models.InstantOf(models.LatestMove(tx.Now)))
	ranked := tx.conn.Gorm(ctx).Table("(?) AS moves", moves).Select("*, row_number() OVER (PARTITION BY id_produk ORDER BY tanggal_perubahan DESC, id DESC) AS place")
	var newest []models.StageHistory
	if err := tx.conn.Gorm(ctx).Table("(?) AS ranked", ranked).Where("place = 1").Find(&newest).Error; err != nil {
		return nil, tx.source.db.Translate(err)
	}
	byProduct := make(map[int64]*models.StageHistory, len(newest))
	for i := range newest {
		byProduct[*newest[i].ProductID] = &newest[i]
	}
	return byProduct, nil
}

// ProductOfRecord returns the product of a record of the stage history, nil if there is no such record. Errors: connection,
// timeout.
func (tx *Tx) ProductOfRecord(ctx context.Context, id int64) (*int64, error) {
	var product []int64
	err := tx.conn.Gorm(ctx).Table(HistoryTable).Where("id = ?", id).Pluck("id_produk", &product).Error
	if err != nil || len(product) == 0 {
		return nil, tx.source.db.Translate(err)
	}
	return &product[0], nil
}

// StageExists reports whether there is a stage with an id. Errors: connection, timeout.
func (tx *Tx) StageExists(ctx context.Context, id int64) (bool, error) {
	return tx.exists(ctx, "tbl_stage", "id", id)
}

// CreateStageRecords inserts records of the stage history and sets their ids, created_at and updated_at. Errors: as CreateProducts.
func (tx *Tx) CreateStageRecords(ctx context.Context, records []models.StageHistory) error {
	now := models.InstantOf(tx.Now)
	for i := range records {
		records[i].ID, records[i].CreatedAt, records[i].UpdatedAt = 0, &now, &now
	}
	return create(ctx, tx, HistoryTable, records, func(r models.StageHistory) int64 { return r.ID })
}

// UpdateStageRecord sets the given columns of a record to their values in h, and updated_at. Errors: as CreateProducts.
func (tx *Tx) UpdateStageRecord(ctx context.Context, id int64, h models.StageHistory, columns ...string) error {
	h.ID, h.UpdatedAt = 0, new(models.InstantOf(tx.Now))
	return tx.update(ctx, HistoryTable, []int64{id}, &h, columns)
}
