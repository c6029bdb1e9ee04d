package lifecycle

import (
	"context"

	"lifecycle-sync/models"
)

// The tables that the API writes to.
const (
	ProductTable = "tbl_produk"
	HistoryTable = "tbl_stage_histori"
)

// LockProducts reads the rows of products and locks them until the transaction ends, in the order of their ids, so that two
// writes never wait for each other. Those that do not exist are missing. The transaction's time becomes that of the lock: another
// write may have held it, and what follows must be later. Errors: forbidden, because a lock needs the privilege to write;
// connection, timeout.
func (tx *Tx) LockProducts(ctx context.Context, ids []int64) ([]models.Row, error) {
	rows, err := tx.lockRows(ctx, tx.source.products, ids)
	if err != nil || tx.source.Features().SingleWriter { // whose lock comes first
		return rows, err
	}
	var locked models.Instant
	err = tx.conn.QueryRow(ctx, "SELECT clock_timestamp()", nil, &locked)
	tx.Now = locked.Time()
	return rows, err
}

// ProductRows reads the rows of locked products in the order of their ids. Errors: connection, timeout.
func (tx *Tx) ProductRows(ctx context.Context, ids []int64) ([]models.Row, error) {
	return tx.conn.ReadRows(ctx, tx.source.products, ProductTable, ids, false)
}

// RecordsOf returns the ids of some products' stage history records as they are now. Errors: connection, timeout.
func (s *Source) RecordsOf(ctx context.Context, productIDs []int64) (ids []int64, err error) {
	err = s.db.WithContext(ctx).Table(HistoryTable).Where("id_produk IN ?", productIDs).Pluck("id", &ids).Error
	return ids, s.db.Translate(err)
}

// ProductIdentity reads the identity of a product as it is now, nil if there is no such product. Errors: connection, timeout, schema.
func (s *Source) ProductIdentity(ctx context.Context, id int64) (*models.ProductIdentity, error) {
	var found []models.ProductIdentity
	err := s.db.WithContext(ctx).Table(ProductTable).Select("id, "+s.db.Fitting("created_at", s.products.Column("created_at"))+" AS created_at").
		Where("id = ?", id).Find(&found).Error
	if err != nil || len(found) == 0 {
		return nil, s.db.Translate(err)
	}
	return &found[0], nil
}

// ListedProducts reads products as the API shows them, except for version and AttachmentsCount, in the order of their ids. Those
// that do not exist are missing. Errors: connection, timeout.
func (tx *Tx) ListedProducts(ctx context.Context, ids []int64) (products []models.ListedProduct, err error) {
	query := tx.conn.Gorm(ctx).Table(ProductTable + " p").
		Joins("LEFT JOIN tbl_segmen segment ON segment.id = p.id_segmen").
		Joins("LEFT JOIN tbl_stage stage ON stage.id = p.id_stage")
	columns := tx.source.db.ReadableColumns("p", tx.source.products) + ", segment.segmen, stage.stage"
	has, err := tx.hasCategories(ctx)
	if err != nil {
		return nil, err
	}
	if has {
		query, columns = query.Joins("LEFT JOIN tbl_kategori category ON category.id = p.id_kategori"), columns+", category.kategori"
	}
	err = query.Select(columns).Where("p.id IN ?", ids).Order("p.id").Find(&products).Error
	return products, tx.source.db.Translate(err)
}

// UpdateProducts sets the given columns of products to their values in p, and updated_at, in one statement. Errors: as CreateProducts.
func (tx *Tx) UpdateProducts(ctx context.Context, ids []int64, p models.Product, columns ...string) error {
	p.ID, p.UpdatedAt = 0, new(models.InstantOf(tx.Now))
	return tx.update(ctx, ProductTable, ids, &p, columns)
}

// batchSize is the number of rows per statement. A larger one exceeds SQLite's limit of parameters.
const batchSize = 1000

// UpdateEachProduct is UpdateProducts for products with different values.
func (tx *Tx) UpdateEachProduct(ctx context.Context, products []models.Product, columns ...string) error {
	ids, values := make([]int64, len(products)), make([][]any, len(products))
	for i, p := range products {
		ids[i] = p.ID
		for _, column := range columns {
			f, _ := models.ProductFieldOf(column)
			values[i] = append(values[i], f.Value(&p))
		}
	}
	return tx.updateEach(ctx, tx.source.products, ids, columns, values)
}

// CreateProducts inserts products and sets their ids, created_at and updated_at. Errors: forbidden, constraint (also a
// trigger that refuses it), data_type, unavailable when the ids have run out.
func (tx *Tx) CreateProducts(ctx context.Context, products []models.Product) error {
	now := models.InstantOf(tx.Now)
	for i := range products {
		products[i].ID, products[i].CreatedAt, products[i].UpdatedAt = 0, &now, &now
	}
	return create(ctx, tx, ProductTable, products, func(p models.Product) int64 { return p.ID })
}

// DeleteProduct deletes a product and its stage history. Errors: as Remove; constraint also when another table of lifecycle_db
// refers to the product.
func (tx *Tx) DeleteProduct(ctx context.Context, id int64) error {
	records, err := tx.RecordsOf(ctx, []int64{id})
	if err == nil && len(records) > 0 {
		err = tx.Remove(ctx, tx.source.histories, records)
	}
	if err != nil {
		return err
	}
	return tx.Remove(ctx, tx.source.products, []int64{id})
}

// UnknownChoices lists the fields of a product whose id does not exist. Without a category table, the categories are
// the ids found on products. Errors: connection, timeout.
func (tx *Tx) UnknownChoices(ctx context.Context, p *models.Product) (unknown []models.ProductField, err error) {
	for _, f := range models.ProductFields() {
		id, _ := f.Value(p).(*int64)
		if f.Choices == "" || id == nil {
			continue
		}
		table, column := f.Choices, "id"
		if table == categoryTable {
			if has, err := tx.hasCategories(ctx); err != nil {
				return nil, err
			} else if !has {
				table, column = ProductTable, f.Column
			}
		}
		if exists, err := tx.exists(ctx, table, column, *id); err != nil {
			return nil, err
		} else if !exists {
			unknown = append(unknown, f)
		}
	}
	return unknown, nil
}

const categoryTable = "tbl_kategori"

// hasCategories reports whether lifecycle_db has a category table.
func (tx *Tx) hasCategories(ctx context.Context) (bool, error) {
	infos, err := tx.conn.Inspect(ctx, []string{categoryTable})
	return infos[categoryTable].Exists, err
}
