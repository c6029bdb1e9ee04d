package catalog

import (
	"context"

	"lifecycle-sync/models"
)

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
