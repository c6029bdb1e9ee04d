package lifecycle

import (
	"context"
	"strconv"

	"lifecycle-sync/models"
)

// The tables that the API writes to.
const (
	ProductTable = "tbl_produk"
	HistoryTable = "tbl_stage_histori"
)

// Row reads a row and keeps others from changing it until the transaction ends; nil when there is none.
// Errors: forbidden, because to lock takes the right to write; connection, timeout.
func (tx *Tx) Row(ctx context.Context, t *models.Table, id int64) (*models.Row, error) {
	row, err := tx.conn.OneRow(ctx, t, t.Source, id, true)
	if err != nil {
		return nil, writable(err)
	}
	return row, nil
}

// Product reads a product as the API shows it, with AttachmentsCount left 0.
func (tx *Tx) Product(ctx context.Context, t *models.Table, id int64) (product models.ListedProduct, err error) {
	query := tx.conn.Gorm(ctx).Table(ProductTable + " p").
		Joins("LEFT JOIN tbl_segmen segment ON segment.id = p.id_segmen").
		Joins("LEFT JOIN tbl_stage stage ON stage.id = p.id_stage")
	columns := tx.db.Readable("p", t) + ", segment.segmen, stage.stage"
	has, err := tx.HasCategories(ctx)
	if err != nil {
		return product, err
	}
	if has {
		query, columns = query.Joins("LEFT JOIN tbl_kategori category ON category.id = p.id_kategori"), columns+", category.kategori"
	}
	err = query.Select(columns).Where("p.id = ?", id).Take(&product).Error
	return product, tx.db.Translate(err)
}

// HasCategories reports whether lifecycle_db has a table of categories. Where it has none, the ids that
// its products carry are the categories.
func (tx *Tx) HasCategories(ctx context.Context) (bool, error) {
	infos, err := tx.conn.Inspect(ctx, []string{"tbl_kategori"})
	return infos["tbl_kategori"].Exists, err
}

// Exists reports whether a table has a row whose column holds an id.
func (tx *Tx) Exists(ctx context.Context, table, column string, id int64) (exists bool, err error) {
	return exists, tx.conn.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM "+table+" WHERE "+column+" = "+strconv.FormatInt(id, 10)+")", nil, &exists)
}

// DeleteProduct deletes a product and its stage history, whose ids it returns. Errors: constraint when
// another table of lifecycle_db refers to the product, or a trigger keeps it; as Insert.
func (tx *Tx) DeleteProduct(ctx context.Context, id int64) (histories []int64, err error) {
	err = tx.conn.Gorm(ctx).Raw("DELETE FROM tbl_stage_histori WHERE id_produk = ? RETURNING id", id).Scan(&histories).Error
	if err != nil {
		return nil, writable(tx.db.Translate(err))
	}
	return histories, tx.Delete(ctx, ProductTable, id)
}
