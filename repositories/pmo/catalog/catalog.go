// Package catalog reads what the API and the console show of the mirror: products, stage history, dropdowns
// and aggregates.
package catalog

import (
	"context"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo"
	"lifecycle-sync/repositories/pmo/views"
)

// Catalog reads the mirrored rows.
type Catalog struct{ s *pmo.Session }

// New returns the catalog on a session.
func New(s *pmo.Session) *Catalog { return &Catalog{s: s} }

// StageRecordRow returns the mirrored row of a stage history record, nil if there is none. Only in a transaction.
func (c *Catalog) StageRecordRow(ctx context.Context, id int64) (*models.Row, error) {
	t := c.s.Table("tbl_stage_histori")
	return c.s.Row(ctx, t, id)
}

// Segments lists the mirrored segments by name, with what a dropdown shows of them. Errors:
// connection, timeout, schema.
func (c *Catalog) Segments(ctx context.Context) (rows []models.Segment, err error) {
	err = c.choices(ctx, "segmen", "lower(segmen), id", &rows)
	return rows, err
}

// Stages lists the mirrored stages in the order of the lifecycle. Otherwise as Segments.
func (c *Catalog) Stages(ctx context.Context) (rows []models.Stage, err error) {
	err = c.choices(ctx, "stage", "id", &rows)
	return rows, err
}

// Categories lists the mirrored categories by name. Otherwise as Segments.
func (c *Catalog) Categories(ctx context.Context) (rows []models.Category, err error) {
	err = c.choices(ctx, "kategori", "lower(kategori), id", &rows)
	return rows, err
}

func (c *Catalog) choices(ctx context.Context, what, order string, rows any) error {
	return c.s.Translate(c.s.Gorm(ctx).Table("tbl_"+what+"_lifecycle").
		Select("id", what, "icon_light", "icon_dark").Order(order).Find(rows).Error)
}

// ProductCategoryIDs lists, in order, the ids that the products carry as their category. Errors: as
// Segments.
func (c *Catalog) ProductCategoryIDs(ctx context.Context) (ids []int64, err error) {
	err = c.s.Gorm(ctx).Table(productTable).Where("id_kategori IS NOT NULL").
		Distinct("id_kategori").Order("id_kategori").Find(&ids).Error
	return ids, c.s.Translate(err)
}

// Attachments lists a product's files, oldest first. Errors: connection, timeout, schema.
func (c *Catalog) Attachments(ctx context.Context, productID int64) ([]models.Attachment, error) {
	rows := []models.Attachment{}
	err := c.s.Attached(ctx).Where("id_produk = ?", productID).Order("id").Find(&rows).Error
	return rows, c.s.Translate(err)
}

// Views lists the saved views of an owner and the shared ones, by name. Errors: as Segments.
func (c *Catalog) Views(ctx context.Context, ownerID string) ([]models.View, error) {
	return views.New(c.s).Visible(ctx, ownerID)
}

// RequireProduct returns an error unless a product is in the mirror. Raw, because GORM has no EXISTS. Errors: not found,
// quarantined, connection, timeout, schema.
func (c *Catalog) RequireProduct(ctx context.Context, id int64) error {
	var exists bool
	err := c.s.Gorm(ctx).Raw("SELECT EXISTS (SELECT 1 FROM "+productTable+" WHERE id = ?)", id).Scan(&exists).Error
	if err != nil || exists {
		return c.s.Translate(err)
	}
	return c.absentProduct(ctx, id)
}

// CountAttachments returns the number of a product's files. Errors: connection.
func (c *Catalog) CountAttachments(ctx context.Context, product models.ProductIdentity) (n int64, err error) {
	err = c.s.Attached(ctx).Where("id_produk = ? AND product_created_at IS NOT DISTINCT FROM ?", product.ID, product.CreatedAt).Count(&n).Error
	return n, c.s.Translate(err)
}

// complete sets the row version and the number of files of each product. Only in a transaction.
func (c *Catalog) complete(ctx context.Context, products []models.ListedProduct) error {
	if len(products) == 0 {
		return nil
	}
	ids := make([]int64, len(products))
	for i, p := range products {
		ids[i] = p.ID
	}
	var counts []struct{ ID, N int64 }
	if err := c.s.Attached(ctx).Select("id_produk AS id, count(*) AS n").Where("id_produk IN ?", ids).Group("id_produk").Scan(&counts).Error; err != nil {
		return c.s.Translate(err)
	}
	files := make(map[int64]int64, len(counts))
	for _, count := range counts {
		files[count.ID] = count.N
	}
	rows, err := c.s.Rows(ctx, c.s.Table("tbl_produk"), ids)
	versions := make(map[int64]string, len(rows))
	for _, row := range rows {
		versions[row.ID] = row.Version()
	}
	for i, p := range products {
		products[i].AttachmentsCount, products[i].Version = files[p.ID], versions[p.ID]
	}
	return err
}
