package pmo

import (
	"context"

	"lifecycle-sync/models"
)

// Segments lists the mirrored segments by name, with what a dropdown shows of them. Errors:
// connection, timeout, schema.
func (s *Store) Segments(ctx context.Context) (rows []models.Segment, err error) {
	err = s.choices(ctx, "segmen", "lower(segmen), id", &rows)
	return rows, err
}

// Stages lists the mirrored stages in the order of the lifecycle. Otherwise as Segments.
func (s *Store) Stages(ctx context.Context) (rows []models.Stage, err error) {
	err = s.choices(ctx, "stage", "id", &rows)
	return rows, err
}

// Categories lists the mirrored categories by name. Otherwise as Segments.
func (s *Store) Categories(ctx context.Context) (rows []models.Category, err error) {
	err = s.choices(ctx, "kategori", "lower(kategori), id", &rows)
	return rows, err
}

func (s *Store) choices(ctx context.Context, what, order string, rows any) error {
	return s.db.Translate(s.gorm(ctx).Table("tbl_"+what+"_lifecycle").
		Select("id", what, "icon_light", "icon_dark").Order(order).Find(rows).Error)
}

// ProductCategoryIDs lists, in order, the ids that the products carry as their category. Errors: as
// Segments.
func (s *Store) ProductCategoryIDs(ctx context.Context) (ids []int64, err error) {
	err = s.gorm(ctx).Table(productTable).Where("id_kategori IS NOT NULL").
		Distinct("id_kategori").Order("id_kategori").Find(&ids).Error
	return ids, s.db.Translate(err)
}
