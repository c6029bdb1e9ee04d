package products

import (
	"context"
	"reflect"
	"slices"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/lifecycle"
)

// Input is what a request says about a product. Given lists the columns in the request; only these are meant.
type Input struct {
	models.Product
	Given []string
}

// changed returns the given columns that differ from the product's row: a form sends every field. A stored value that
// cannot be read is nil in before; NULL in its place is a change.
func (in Input) changed(before models.Product, row models.Row) (columns []string) {
	table := models.TableNamed(lifecycle.ProductTable)
	for _, f := range models.ProductFields() {
		if !slices.Contains(in.Given, f.Column) {
			continue
		}
		was := f.Value(&before)
		stored := row.Cells[slices.Index(table.ColumnNames(), f.Column)] != nil
		if unreadable := stored && reflect.ValueOf(was).IsNil(); unreadable || !reflect.DeepEqual(f.Value(&in.Product), was) {
			columns = append(columns, f.Column)
		}
	}
	return columns
}

// check checks a product of which the given columns are about to change. Errors: validation_failed.
func check(ctx context.Context, tx *lifecycle.Tx, p *models.Product, changed []string) error {
	var invalid []models.FieldError
	unknown, err := tx.UnknownChoices(ctx, p)
	if err != nil {
		return err
	}
	for _, f := range unknown {
		if id, _ := f.Value(p).(*int64); slices.Contains(changed, f.Column) && id != nil {
			invalid = append(invalid, models.NewFieldError(f.Column, "unknown", "products.unknown_choice", models.Params{"id": *id}))
		}
	}
	dated := slices.Contains(changed, "tanggal_stage_start") || slices.Contains(changed, "tanggal_stage_end")
	if dated && p.StageStart != nil && p.StageEnd != nil && p.StageEnd.Time().Before(p.StageStart.Time()) {
		invalid = append(invalid, models.NewFieldError("tanggal_stage_end", "order", "products.stage_end_before_start", nil))
	}
	if invalid != nil {
		return models.NewInvalid(invalid...)
	}
	return nil
}
