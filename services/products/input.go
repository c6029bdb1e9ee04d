package products

import (
	"context"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/lifecycle"
)

// Input is what a request says of a product. Given lists the columns that it names; of the
// others nothing is meant, and of a given one nil means none.
type Input struct {
	Name        *string
	Description *string
	CategoryID  *int64
	SegmentID   *int64
	StageID     *int64
	Price       *int64 // whole rupiah
	LaunchDate  *models.Date
	Customer    *string
	StageStart  *models.Date
	StageEnd    *models.Date
	Given       []string
}

// values are the given columns.
func (in Input) values() lifecycle.Values {
	all := lifecycle.Values{
		"produk": in.Name, "deskripsi": in.Description, "pelanggan": in.Customer, "harga": in.Price,
		"id_kategori": in.CategoryID, "id_segmen": in.SegmentID, "id_stage": in.StageID,
		"tanggal_launch": in.LaunchDate, "tanggal_stage_start": in.StageStart, "tanggal_stage_end": in.StageEnd,
	}
	given := lifecycle.Values{}
	for _, column := range in.Given {
		given[column] = all[column]
	}
	return given
}

// checkReferences finds the segment, stage and category that the product is to belong to. Errors:
// validation_failed naming those that do not exist.
func (in Input) checkReferences(ctx context.Context, tx *lifecycle.Tx) error {
	categories, err := tx.HasCategories(ctx)
	if err != nil {
		return err
	}
	categoryTable, categoryColumn := "tbl_kategori", "id"
	if !categories { // then what products carry are the categories
		categoryTable, categoryColumn = lifecycle.ProductTable, "id_kategori"
	}
	var problems []models.FieldError
	for _, r := range []struct {
		field, what, table, column string
		id                         *int64
	}{
		{"id_kategori", "category", categoryTable, categoryColumn, in.CategoryID},
		{"id_segmen", "segment", "tbl_segmen", "id", in.SegmentID},
		{"id_stage", "stage", "tbl_stage", "id", in.StageID},
	} {
		if r.id == nil {
			continue
		}
		exists, err := tx.Exists(ctx, r.table, r.column, *r.id)
		if err != nil {
			return err
		}
		if !exists {
			problems = append(problems, models.FieldError{Field: r.field, Code: "unknown", LegacyMessage: "there is no such " + r.what})
		}
	}
	if problems != nil {
		return models.NewInvalid(problems...)
	}
	return nil
}
