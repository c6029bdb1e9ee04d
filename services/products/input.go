package products

import (
	"context"
	"slices"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/lifecycle"
)

// Input is what a request says about a product: the given columns and their values, nil for NULL.
type Input struct {
	models.Product

	Given []string
}

// values are the given columns.
func (in Input) values() lifecycle.Values {
	values := lifecycle.Values{}
	for _, column := range in.Given {
		if f, ok := models.ProductFieldOf(column); ok {
			values[column] = f.Value(&in.Product)
		}
	}
	return values
}

// changed are the given columns that differ from the product's: a form sends every field.
func (in Input) changed(before models.ListedProduct) []string {
	return slices.DeleteFunc(slices.Clone(in.Given), func(column string) bool {
		f, ok := models.ProductFieldOf(column)
		return ok && f.Text(&in.Product) == f.Text(&before.Product)
	})
}

// check holds the given values against the rules for a product that is before. Errors: validation_failed.
func (in Input) check(ctx context.Context, tx *lifecycle.Tx, before models.ListedProduct) error {
	start, end := before.StageStart, before.StageEnd
	given := false
	for _, column := range in.Given {
		switch column {
		case "tanggal_stage_start":
			start, given = in.StageStart, true
		case "tanggal_stage_end":
			end, given = in.StageEnd, true
		}
	}
	if given && start != nil && end != nil && end.Time().Before(start.Time()) {
		return models.NewInvalid(models.FieldError{Field: "tanggal_stage_end", Code: "order", Text: models.NewText("products.stage_end_before_start", models.Params{"start": start.String()})})
	}
	return in.checkReferences(ctx, tx)
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
		field, table, column string
		unknown              string
		id                   *int64
	}{
		{"id_kategori", categoryTable, categoryColumn, "products.unknown_category", in.CategoryID},
		{"id_segmen", "tbl_segmen", "id", "products.unknown_segment", in.SegmentID},
		{"id_stage", "tbl_stage", "id", "products.unknown_stage", in.StageID},
	} {
		if r.id == nil {
			continue
		}
		exists, err := tx.Exists(ctx, r.table, r.column, *r.id)
		if err != nil {
			return err
		}
		if !exists {
			problems = append(problems, models.FieldError{Field: r.field, Code: "unknown", Text: models.NewText(r.unknown, models.Params{"id": *r.id})})
		}
	}
	if problems != nil {
		return models.NewInvalid(problems...)
	}
	return nil
}
