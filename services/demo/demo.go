// Package demo makes demo data for lifecycle_db: the products of an invented electricity company, with the volume and
// the quirks of real data, or millions of them. The same numbers always give the same rows.
package demo

import (
	"context"
	"fmt"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/lifecycle"
)

// The volume of a typical source.
const (
	Products  = 211
	Histories = 45
)

// maxRows keeps every id, gaps included, within an integer column.
const maxRows = 1_500_000_000

// Fill puts products, stage history records and the rows that they refer to into an empty lifecycle_db. progress may be
// nil. Errors: validation_failed for impossible numbers, and those of Source.Seed: constraint when it is not empty, schema,
// permission, connection, canceled.
func Fill(ctx context.Context, source *lifecycle.Source, products, histories int, progress func(done, total int64)) error {
	fillings, err := Generate(products, histories)
	if err != nil {
		return err
	}
	return source.Seed(ctx, fillings, progress)
}

// Generate describes the rows of every mirrored table, in id order. They are made while they are read, so their number
// costs no memory. Segments, stages and categories are always the same. Errors: validation_failed for impossible numbers.
func Generate(products, histories int) ([]lifecycle.SeedTable, error) {
	switch {
	case products < 0 || products > maxRows || histories < 0 || histories > maxRows:
		return nil, models.NewError(models.Invalid, "demo.numbers_out_of_range", models.Params{"max": maxRows})
	case products == 0 && histories > 0:
		return nil, models.NewError(models.Invalid, "demo.history_without_products", nil)
	}
	d := data{products: int64(products), histories: int64(histories)}
	fillings := make([]lifecycle.SeedTable, 0, len(models.Tables()))
	for _, table := range models.Tables() {
		filling := lifecycle.SeedTable{Table: table}
		switch table.Name {
		case "segments":
			filling.Count, filling.Rows = int64(len(segments)), nameRows(segments, "segmen")
		case "stages":
			filling.Count, filling.Rows = int64(len(stages)), nameRows(stages, "tahap")
		case "categories":
			filling.Count, filling.Rows = int64(len(categories)), nameRows(categories, "kategori")
		case "products":
			filling.Count, filling.Rows = d.products, d.productRows
		case "stage_history":
			filling.Count, filling.Rows = d.histories, d.historyRows
		default:
			filling.Rows = nameRows(nil, "")
		}
		fillings = append(fillings, filling)
	}
	return fillings, nil
}

// data generates products and stage history records.
type data struct{ products, histories int64 }

// newRow returns a row of values in the table's column order, the id first; nil is NULL.
func newRow(id int64, values ...any) models.Row {
	row := models.Row{ID: id, Cells: [][]byte{fmt.Append(nil, id)}}
	for _, value := range values {
		var cell []byte
		if value != nil {
			cell = fmt.Append([]byte{}, value)
		}
		row.Cells = append(row.Cells, cell)
	}
	return row
}

// date returns NULL for the zero time.
func date(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return models.NewDate(t.Date())
}

// reference returns NULL for the id 0.
func reference(id int64) any {
	if id == 0 {
		return nil
	}
	return id
}
