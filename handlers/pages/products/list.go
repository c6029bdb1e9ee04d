package products

import (
	"context"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers/pages"
	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
	"lifecycle-sync/services/cache"
	"lifecycle-sync/services/products"
	"lifecycle-sync/web/messages"
)

// tableLimit is the default number of rows of the table.
const tableLimit = 25

// List shows a page of the products that match the filters, as cards or as a table.
func (h *Pages) List(c *fiber.Ctx) error {
	q := request.ParseQuery(c, slices.Concat([]string{"page", "limit", "sort", "view"}, request.ProductFilters())...)
	query := products.Query{Paging: request.Paging(q), Filter: request.ProductFilter(q), Sort: q.Text("sort")}
	isTable := q.Choice("view", "cards", "table") == "table"
	filters := pages.NewFilterQuery(q, append(request.ProductFilters(), "sort", "view", "limit")...)
	if isTable && query.Limit == 0 {
		query.Limit = tableLimit
	}
	page := pages.Page{Template: "products/list", Title: models.NewText("console.nav_products", nil), Section: "products"}
	validationErr := q.Err(query.Check)
	return h.Site.ShowFiltered(c, page, validationErr, func(ctx context.Context, v cache.View) (any, *pages.Filters, error) {
		lists, err := products.Dropdowns(ctx, v)
		list := &productList{Filters: listFilters(filters, lists), IsTable: isTable, query: filters, sort: query.Sort}
		if err != nil || validationErr != nil {
			return list, &list.Filters, err
		}
		result, err := products.List(ctx, v, query, h.Now())
		list.Pager = pages.NewPager(filters.At(pages.ProductsPath), result.Pagination)
		viewer := h.viewer(lists)
		for _, p := range result.Products {
			list.Products = append(list.Products, viewer.product(p))
		}
		return list, nil, err
	})
}

// productList is the data of the list's template.
type productList struct {
	Filters  pages.Filters
	Products []product
	IsTable  bool
	Pager    pages.Pager

	query pages.FilterQuery
	sort  string
}

// listFilters returns the list's filters, including the sort order.
func listFilters(query pages.FilterQuery, lists products.DropdownLists) pages.Filters {
	f := pages.ProductFilters(pages.ProductsPath, query, lists)
	order := pages.FilterSelect("sort", nil)
	order.Blank, order.Value = models.NewText("console_products.sort_newest", nil), query.Get("sort")
	for _, key := range []string{
		"created_at", "produk", "-produk", "-harga", "harga", "-tanggal_launch", "tanggal_launch", "tanggal_stage_end", "-tanggal_stage_end",
		"-updated_at", "updated_at", "id", "-id",
	} {
		code := "console_products.sort_" + strings.Replace(key, "-", "desc_", 1)
		order.Options = append(order.Options, pages.Option{Value: key, Text: models.NewText(code, nil)})
	}
	f.Fields = append(f.Fields, order)
	for _, name := range []string{"view", "limit"} {
		if value := query.Get(name); value != "" {
			f.Hidden = append(f.Hidden, pages.ActiveFilter{Name: name, Value: value})
		}
	}
	return f
}

// as returns the query of the list's first page in another view, whose default page size differs.
func (l productList) as(view string) pages.FilterQuery {
	return l.query.With("view", view).With("limit", "")
}

// AsCards returns the address of the list as cards.
func (l productList) AsCards() string { return l.as("").At(pages.ProductsPath) }

// AsTable returns the address of the list as a table.
func (l productList) AsTable() string { return l.as("table").At(pages.ProductsPath) }

// Export returns the address of the export (csv or xlsx) with the same filters and order.
func (l productList) Export(kind string) string {
	return l.as("").At("/api/product-lifecycle/products/export." + kind)
}

// PastEnd reports whether the page is past the end of the list.
func (l productList) PastEnd() bool { return l.Pager.Total > 0 && len(l.Products) == 0 }

// head is a column heading of the table.
type head struct {
	Label    models.Text
	Address  string // sorts by the column, "" if not sortable
	Order    string // for aria-sort, "" if the list is sorted by another column
	IsNumber bool
}

// Columns returns the table's column headings: name, stage, the facts, and the number of files.
func (l productList) Columns() []head {
	descendsFirst := map[string]bool{"produk": false, "harga": true, "tanggal_launch": true, "tanggal_stage_end": false} // the first sort order
	newHead := func(column string, label models.Text, isNumber bool) head {
		h := head{Label: label, IsNumber: isNumber}
		if descending, sortable := descendsFirst[column]; sortable {
			h.Address, h.Order = l.sortLink(column, descending)
		}
		return h
	}
	heads := []head{newHead("produk", models.NewText("console_products.product", nil), false), newHead("", messages.FieldLabel("id_stage"), false)}
	for _, f := range (viewer{}).product(models.ListedProduct{}).ListFacts() {
		heads = append(heads, newHead(f.Column, messages.FieldLabel(f.Column), f.IsNumber()))
	}
	return append(heads, newHead("", models.NewText("console_products.files", nil), true))
}

// sortLink returns the address that sorts the list by a key, reversed if it is already sorted by it, and the current order.
func (l productList) sortLink(key string, descendsFirst bool) (address, order string) {
	next := key
	if descendsFirst {
		next = "-" + key
	}
	switch l.sort {
	case key:
		next, order = "-"+key, "ascending"
	case "-" + key:
		next, order = key, "descending"
	}
	return l.query.With("sort", next).At(pages.ProductsPath), order
}
