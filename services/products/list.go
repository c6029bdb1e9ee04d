// Package products lists, creates, changes and deletes products.
package products

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo/catalog"
)

// maxSearch is the maximum length of a search in characters.
const maxSearch = 200

// sortKeys are the columns that the list can be sorted by.
func sortKeys() []string {
	return []string{"id", "produk", "harga", "tanggal_launch", "created_at", "updated_at", "tanggal_stage_end"}
}

// Filter selects products.
type Filter = catalog.ProductFilter

// Query is a request for a page of the list. Sort is a sort key, with "-" before it for descending, or "" for newest first.
type Query struct {
	models.Paging
	Filter Filter
	Sort   string
}

// Page is one page of the list.
type Page struct {
	Products   []models.ListedProduct
	Pagination models.Pagination
}

// Check validates a query before anything is read. Errors: validation_failed for a search that is too long, an unknown sort
// key, or an unknown value of Missing.
func (q Query) Check() error {
	if _, err := productOrder(q.Sort); err != nil {
		return err
	}
	if _, known := q.Filter.MissingColumn(); !known && q.Filter.Missing != "" {
		return models.NewInvalid(models.NewFieldError("missing", "unknown", "request.one_of", models.Params{"choices": "segment, stage, category, price, launchDate"}))
	}
	return CheckSearch(q.Filter.Search)
}

// Order returns the order of the list. Errors: as Check.
func (q Query) Order() (catalog.ProductOrder, error) {
	if err := q.Check(); err != nil {
		return catalog.ProductOrder{}, err
	}
	return productOrder(q.Sort)
}

// CheckSearch validates a search for products. Errors: validation_failed.
func CheckSearch(search string) error {
	if n := utf8.RuneCountInString(search); n > maxSearch {
		return models.NewInvalid(models.FieldError{Field: "search", Code: "too_long",
			Text: models.NewText("products.search_too_long", models.Params{"field": "search", "length": n, "max": maxSearch})})
	}
	return nil
}

// List returns a page of the mirrored products for the day and time zone of now; a page past the end is empty. Errors: as Check; connection, timeout, schema.
func List(ctx context.Context, from Reader, q Query, now time.Time) (Page, error) {
	order, err := productOrder(q.Sort)
	if err != nil {
		return Page{}, err
	}
	paging := q.Bounded()
	page, total, err := from.Products(ctx, q.Filter.On(now), order, paging.Offset(), int(paging.Limit))
	return Page{Products: page, Pagination: paging.Of(total)}, err
}

func productOrder(sort string) (catalog.ProductOrder, error) {
	key, descending := strings.CutPrefix(sort, "-")
	switch {
	case sort == "":
		return catalog.ProductOrder{Column: "created_at", Descending: true}, nil
	case slices.Contains(sortKeys(), key):
		return catalog.ProductOrder{Column: key, Descending: descending}, nil
	default:
		return catalog.ProductOrder{}, models.NewInvalid(models.FieldError{Field: "sort", Code: "unknown",
			Text: models.NewText("products.unknown_sort", models.Params{"field": "sort", "choices": strings.Join(sortKeys(), ", ")})})
	}
}
