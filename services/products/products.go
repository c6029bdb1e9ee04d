// Package products lists, creates, changes and deletes products.
package products

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo/catalog"
)

// The limits of a search. Each word is compared with every text of every product that the search index cannot exclude.
const (
	maxSearch = 200 // characters
	maxWords  = 16  // different ones
)

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

// Check validates a query before anything is read. Errors: validation_failed for a search that is too long or has too many
// words, an unknown sort key, an unknown value of Missing, Implausible or LaunchWithin, or a reversed range.
func (q Query) Check() error {
	if _, err := productOrder(q.Sort); err != nil {
		return err
	}
	if _, known := q.Filter.MissingColumn(); !known && q.Filter.Missing != "" {
		return models.NewInvalid(models.NewFieldError("missing", "unknown", "request.one_of", models.Params{"choices": "segment, stage, category, price, launchDate"}))
	}
	if q.Filter.Implausible != "" && q.Filter.Implausible != catalog.ImplausibleLaunch {
		return models.NewInvalid(models.NewFieldError("implausible", "unknown", "request.one_of", models.Params{"choices": "launchDate"}))
	}
	if q.Filter.LaunchWithin != "" && q.Filter.LaunchWithin != catalog.NextQuarter {
		return models.NewInvalid(models.NewFieldError("launchWithin", "unknown", "request.one_of", models.Params{"choices": catalog.NextQuarter}))
	}
	if err := checkRanges(q.Filter); err != nil {
		return err
	}
	return CheckSearch(q.Filter.Search)
}

// checkRanges rejects ranges that end before they begin. Errors: validation_failed.
func checkRanges(f Filter) error {
	var invalid []models.FieldError
	check := func(from, to string, isReversed bool) {
		if isReversed {
			invalid = append(invalid, models.NewFieldError(from, "range", "products.reversed_range", models.Params{"to": models.FieldName(to)}))
		}
	}
	isAfter := func(from, to *models.Date) bool { return from != nil && to != nil && from.Time().After(to.Time()) }
	check("priceFrom", "priceTo", f.PriceFrom != nil && f.PriceTo != nil && *f.PriceFrom > *f.PriceTo)
	check("launchFrom", "launchTo", isAfter(f.LaunchFrom, f.LaunchTo))
	check("stageEndFrom", "stageEndTo", isAfter(f.StageEndFrom, f.StageEndTo))
	if invalid == nil {
		return nil
	}
	return models.NewInvalid(invalid...)
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
		return models.NewInvalid(models.NewFieldError("search", "too_long", "products.search_too_long", models.Params{"length": n, "max": maxSearch}))
	}
	if len(catalog.SearchWords(search)) > maxWords {
		return models.NewInvalid(models.NewFieldError("search", "too_many_words", "products.search_too_many_words", models.Params{"max": maxWords}))
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

// WithIDs returns the products with some ids, at most MaxBulk, in the order of the ids. Errors: connection, timeout, schema.
func WithIDs(ctx context.Context, from Reader, ids []int64, now time.Time) ([]models.ListedProduct, error) {
	list, _, err := from.Products(ctx, Filter{IDs: ids}.On(now), catalog.ProductOrder{Column: "id"}, 0, MaxBulk)
	return list, err
}

func productOrder(sort string) (catalog.ProductOrder, error) {
	key, descending := strings.CutPrefix(sort, "-")
	switch {
	case sort == "":
		return catalog.ProductOrder{Column: "created_at", Descending: true}, nil
	case slices.Contains(sortKeys(), key):
		return catalog.ProductOrder{Column: key, Descending: descending}, nil
	default:
		return catalog.ProductOrder{}, models.NewInvalid(models.NewFieldError("sort", "unknown", "products.unknown_sort", models.Params{"choices": strings.Join(sortKeys(), ", ")}))
	}
}

// latestRecords is the number of stage history records shown with a product.
const latestRecords = 10

// Reader reads products from one snapshot of the mirror. Errors: connection, timeout, schema; Product: not found.
type Reader interface {
	DropdownReader
	Products(ctx context.Context, f catalog.DatedFilter, order catalog.ProductOrder, offset, limit int) ([]models.ListedProduct, int64, error)
	Product(ctx context.Context, id int64) (models.ListedProduct, error)
	LatestStageRecords(ctx context.Context, productID int64, limit int) ([]models.ListedRecord, error)
}

// Detail is a product with its latest stage history records, newest first.
type Detail struct {
	models.ListedProduct

	History []models.ListedRecord `json:"stage_history"`
}

// Get returns one product. Errors: not found, connection, timeout, schema.
func Get(ctx context.Context, from Reader, id int64) (detail Detail, err error) {
	if detail.ListedProduct, err = from.Product(ctx, id); err != nil {
		return detail, err
	}
	detail.History, err = from.LatestStageRecords(ctx, id, latestRecords)
	return detail, err
}

// DropdownReader reads the mirror's segments, stages and categories. Errors: connection, timeout, schema.
type DropdownReader interface {
	Segments(ctx context.Context) ([]models.Segment, error)
	Stages(ctx context.Context) ([]models.Stage, error)
	Categories(ctx context.Context) ([]models.Category, error)
	ProductCategoryIDs(ctx context.Context) ([]int64, error)
}

// DropdownLists are the lists in display order.
type DropdownLists struct {
	Segments   []models.Segment  `json:"segments"`
	Stages     []models.Stage    `json:"stages"`
	Categories []models.Category `json:"categories"`
}

// LastStage returns the id of the last stage, 0 without stages.
func (l DropdownLists) LastStage() (last int64) {
	for _, s := range l.Stages {
		last = max(last, s.ID)
	}
	return last
}

// Dropdowns returns the segments, stages and categories of the mirror. Errors: connection, timeout, schema.
func Dropdowns(ctx context.Context, from DropdownReader) (lists DropdownLists, err error) {
	if lists.Segments, err = from.Segments(ctx); err != nil {
		return lists, err
	}
	if lists.Stages, err = from.Stages(ctx); err != nil {
		return lists, err
	}
	lists.Categories, err = categories(ctx, from)
	return lists, err
}

// categories returns the mirror's categories. Without a table of categories in lifecycle_db, they are the ids found on
// products, named by the id.
func categories(ctx context.Context, from DropdownReader) ([]models.Category, error) {
	rows, err := from.Categories(ctx)
	if err != nil || len(rows) > 0 {
		return rows, err
	}
	ids, err := from.ProductCategoryIDs(ctx)
	for _, id := range ids {
		name := strconv.FormatInt(id, 10)
		rows = append(rows, models.Category{ID: id, Name: &name})
	}
	return rows, err
}
