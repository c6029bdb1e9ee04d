package lifecycle

import (
	"context"
	"strings"

	"gorm.io/gorm"

	"lifecycle-sync/models"
)

// Locked reads and locks the rows with some ids of a mirrored table. Errors: as LockProduct.
func (tx *Tx) Locked(ctx context.Context, t *models.Table, ids []int64) (map[int64]models.Row, error) {
	rows, err := tx.lockRows(ctx, t, ids)
	found := make(map[int64]models.Row, len(rows))
	for _, row := range rows {
		found[row.ID] = row
	}
	return found, err
}

// HasRow reports whether a row exists. Errors: connection, timeout.
func (tx *Tx) HasRow(ctx context.Context, table string, id int64) (bool, error) {
	return tx.exists(ctx, table, "id", id)
}

// SetColumns sets the given columns of a row, and updated_at. Errors: as CreateProduct.
func (tx *Tx) SetColumns(ctx context.Context, t *models.Table, row models.Row, columns []int) error {
	values, err := t.Values(row, columns)
	if err != nil {
		return err
	}
	if err := tx.writing(ctx, t.Source, row.ID); err != nil {
		return err
	}
	values["updated_at"] = models.InstantOf(tx.Now)
	result := tx.conn.Gorm(ctx).Table(t.Source).Where("id = ?", row.ID).Updates(values)
	return tx.result(t.Source, result, result.RowsAffected > 0)
}

// Insert inserts a row that was deleted, under its old id. Raw, because lifecycle_db generates its ids and GORM cannot override
// that. Errors: as CreateProduct.
func (tx *Tx) Insert(ctx context.Context, t *models.Table, row models.Row, columns []int) error {
	values, err := t.Values(row, columns)
	if err != nil {
		return err
	}
	built := tx.conn.Gorm(ctx).Session(&gorm.Session{DryRun: true}).Table(t.Source).Create(values).Statement
	statement := strings.Replace(built.SQL.String(), ") VALUES (", ")"+tx.source.Features().OverrideIdentity+" VALUES (", 1)
	if _, err := tx.conn.Exec(ctx, statement, built.Vars...); err != nil {
		return writeError(err)
	}
	tx.created(t.Source, row.ID)
	return nil
}

// Remove deletes a row. Errors: as CreateProduct; conflict if rows of other tables would be deleted or changed, too.
func (tx *Tx) Remove(ctx context.Context, t *models.Table, id int64) error {
	if err := tx.deletable(ctx, t.Source, id); err != nil {
		return err
	}
	if err := tx.writing(ctx, t.Source, id); err != nil {
		return err
	}
	result := tx.conn.Gorm(ctx).Table(t.Source).Where("id = ?", id).Delete(nil)
	return tx.result(t.Source, result, result.RowsAffected > 0)
}

// RecordsOf returns the ids of a product's stage history records. Errors: connection, timeout.
func (tx *Tx) RecordsOf(ctx context.Context, productID int64) (ids []int64, err error) {
	err = tx.conn.Gorm(ctx).Table(HistoryTable).Where("id_produk = ?", productID).Order("id").Pluck("id", &ids).Error
	return ids, tx.source.db.Translate(err)
}
