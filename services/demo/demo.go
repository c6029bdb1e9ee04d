// Package demo makes the demonstration data of lifecycle_db: an invented electricity company's
// products, in the field's volume and with the field's quirks, or millions of them in the same
// manner. The same figures always give the same rows.
package demo

import (
	"fmt"
	"iter"

	"lifecycle-sync/models"
)

// The field's volume.
const (
	Products  = 211
	Histories = 45
)

// most keeps every id, gaps included, within an integer column.
const most = 1_500_000_000

// Data is demonstration data that is made while it is read, so that its size costs no memory.
type Data struct{ products, histories int64 }

// Generate describes the data with so many products and stage histories; segments, stages and
// categories are always the same. Errors: validation_failed for numbers that cannot be.
func Generate(products, histories int) (Data, error) {
	invalid := func(message string) (Data, error) {
		return Data{}, &models.Error{Class: models.Invalid, LegacyMessage: message}
	}
	switch {
	case products < 0 || products > most || histories < 0 || histories > most:
		return invalid(fmt.Sprintf("the numbers of products and of histories must each lie between 0 and %d", most))
	case products == 0 && histories > 0:
		return invalid("histories belong to products: ask for at least one product")
	default:
		return Data{products: int64(products), histories: int64(histories)}, nil
	}
}

// Count is how many rows a table gets.
func (d Data) Count(t *models.Table) int64 {
	switch t.Source {
	case "tbl_segmen":
		return int64(len(segments))
	case "tbl_stage":
		return int64(len(stages))
	case "tbl_kategori":
		return int64(len(categories))
	case "tbl_produk":
		return d.products
	case "tbl_stage_histori":
		return d.histories
	default:
		return 0
	}
}

// Rows streams a table's rows in id order. Timestamps are in RFC 3339, UTC, with six digits. A
// yielded row is valid until the next.
func (d Data) Rows(t *models.Table) iter.Seq[models.Row] {
	switch t.Source {
	case "tbl_segmen":
		return nameRows(segments, "segmen")
	case "tbl_stage":
		return nameRows(stages, "tahap")
	case "tbl_kategori":
		return nameRows(categories, "kategori")
	case "tbl_produk":
		return d.productRows
	case "tbl_stage_histori":
		return d.historyRows
	default:
		return func(func(models.Row) bool) {}
	}
}
