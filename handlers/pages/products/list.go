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
	filters := pages.NewFilterQuery(q, request.ProductFilters(), "sort", "view", "limit")
	if isTable && query.Limit == 0 {
		query.Limit = tableLimit
	}
	page := pages.Page{Template: "products/list", Title: models.NewText("console.nav_products", nil), Section: "products"}
	invalid := q.Err(query.Check)
	return h.site.ShowFiltered(c, page, invalid, func(ctx context.Context, v cache.View) (any, *pages.Filters, error) {
		lists, err := products.Dropdowns(ctx, v)
		list := &productList{Filters: listFilters(filters, lists), Table: isTable, query: filters, sort: query.Sort}
		if err != nil || invalid != nil {
			return list, &list.Filters, err
		}
		found, err := products.List(ctx, v, query, h.now())
		list.Pager = pages.NewPager(filters.At(pages.ProductsPath), found.Pagination)
		viewer := h.viewer(lists)
		for _, p := range found.Products {
			list.Products = append(list.Products, viewer.product(p))
		}
		return list, nil, err
	})
}

// productList is what the template of the list sees.
type productList struct {
	Filters  pages.Filters
	Products []product
	Table    bool
	Pager    pages.Pager

	query pages.FilterQuery
	sort  string
}

// listFilters returns the list's filters and its order.
func listFilters(query pages.FilterQuery, lists products.DropdownLists) pages.Filters {
	f := pages.ProductFilters(pages.ProductsPath, query, lists)
	order := pages.FilterSelect("sort", nil)
	order.Blank, order.Value = models.NewText("console_products.sort_newest", nil), query.Display.Get("sort")
	for _, key := range []string{
		"created_at", "produk", "-produk", "-harga", "harga", "-tanggal_launch", "tanggal_launch", "tanggal_stage_end", "-tanggal_stage_end",
		"-updated_at", "updated_at", "id", "-id",
	} {
		code := "console_products.sort_" + strings.Replace(key, "-", "desc_", 1)
		order.Options = append(order.Options, pages.Option{Value: key, Text: models.NewText(code, nil)})
	}
	f.Fields = append(f.Fields, order)
	for _, name := range []string{"view", "limit"} {
		if query.Display.Has(name) {
			f.Hidden = append(f.Hidden, pages.SetFilter{Name: name, Value: query.Display.Get(name)})
		}
	}
	return f
}

// at returns the address of the list's first page, shown in another way.
func (l productList) at(name, value string, without ...string) string {
	return l.query.WithDisplay(name, value, without...).At(pages.ProductsPath)
}

// AsCards is the address of the list as cards.
func (l productList) AsCards() string { return l.at("view", "", "limit") }

// AsTable is the address of the list as a table.
func (l productList) AsTable() string { return l.at("view", "table", "limit") }

// Export is the address of the list as a csv or xlsx file, with the same filters and order.
func (l productList) Export(kind string) string {
	return "/api/product-lifecycle/products/export." + kind + strings.TrimPrefix(l.at("view", "", "limit"), pages.ProductsPath)
}

// PastEnd reports whether the list has pages, but not this one.
func (l productList) PastEnd() bool { return l.Pager.Total > 0 && len(l.Products) == 0 }

// head is the head of a column of the table.
type head struct {
	Label    models.Text
	Address  string // sorts by the column, "" if that is not possible
	Order    string // for aria-sort, "" if the list is sorted by another column
	IsNumber bool
}

// Columns are the heads of the table's columns: name, stage, the facts, and the number of files.
func (l productList) Columns() []head {
	descends := map[string]bool{"produk": false, "harga": true, "tanggal_launch": true, "tanggal_stage_end": false} // at first
	of := func(column string, label models.Text, isNumber bool) head {
		h := head{Label: label, IsNumber: isNumber}
		if first, sortable := descends[column]; sortable {
			h.Address, h.Order = l.sortLink(column, first)
		}
		return h
	}
	heads := []head{of("produk", models.NewText("console_products.product", nil), false), of("", messages.FieldLabel("id_stage"), false)}
	for _, f := range (viewer{}).product(models.ListedProduct{}).ListFacts() {
		heads = append(heads, of(f.Column, messages.FieldLabel(f.Column), f.IsNumber()))
	}
	return append(heads, of("", models.NewText("console_products.files", nil), true))
}

// sortLink sorts the list by a key, in reverse if it already is, and says how it is sorted by it now.
func (l productList) sortLink(key string, descends bool) (address, order string) {
	next := key
	if descends {
		next = "-" + key
	}
	switch l.sort {
	case key:
		next, order = "-"+key, "ascending"
	case "-" + key:
		next, order = key, "descending"
	}
	return l.at("sort", next), order
}
