package products

import (
	"strings"

	"lifecycle-sync/handlers/pages"
	"lifecycle-sync/services/products"
)

// productList is what the template of the list sees.
type productList struct {
	Filters  pages.Filters
	Products []shownProduct
	Table    bool
	Pager    pages.Pager

	query pages.FilterQuery
	sort  string
}

// listFilters are the list's filters, and its order.
func listFilters(n pages.FilterQuery, lists products.DropdownLists) pages.Filters {
	f := pages.ProductFilters(pages.ProductsPath, n, lists)
	order := pages.FilterField{Name: "sort", Label: "Order", Blank: "Newest first", Options: sortings()}
	for i, o := range order.Options {
		order.Options[i].Chosen = o.Value == n.Display.Get(order.Name)
	}
	f.Fields = append(f.Fields, order)
	for _, name := range []string{"view", "limit"} {
		if n.Display.Has(name) {
			f.Hidden = append(f.Hidden, pages.SetFilter{Name: name, Value: n.Display.Get(name)})
		}
	}
	return f
}

// sortings are the orders that the list can have, but for the first.
func sortings() []pages.Option {
	return []pages.Option{
		{Value: "created_at", Text: "Oldest first"},
		{Value: "produk", Text: "Name, A to Z"}, {Value: "-produk", Text: "Name, Z to A"},
		{Value: "-harga", Text: "Price, highest first"}, {Value: "harga", Text: "Price, lowest first"},
		{Value: "-tanggal_launch", Text: "Launch, latest first"}, {Value: "tanggal_launch", Text: "Launch, earliest first"},
		{Value: "tanggal_stage_end", Text: "Stage end, earliest first"}, {Value: "-tanggal_stage_end", Text: "Stage end, latest first"},
		{Value: "-updated_at", Text: "Changed last"}, {Value: "updated_at", Text: "Changed longest ago"},
		{Value: "id", Text: "Number, lowest first"}, {Value: "-id", Text: "Number, highest first"},
	}
}

// at is the address of the list's first page shown in another way.
func (l productList) at(name, value string, without ...string) string {
	return l.query.WithDisplay(name, value, without...).At(pages.ProductsPath)
}

// AsCards is where the list is cards.
func (l productList) AsCards() string { return l.at("view", "", "limit") }

// AsTable is where the list is a table.
func (l productList) AsTable() string { return l.at("view", "table", "limit") }

// Export is where the list is a file of a kind, csv or xlsx, with the same filters and order.
func (l productList) Export(kind string) string {
	return "/api/product-lifecycle/products/export." + kind + strings.TrimPrefix(l.at("view", "", "limit"), pages.ProductsPath)
}

// PastEnd reports whether the list has pages, but not this one.
func (l productList) PastEnd() bool { return l.Pager.Total > 0 && len(l.Products) == 0 }

// columnHead is the head of a column of the table, whose link sorts by it.
type columnHead struct {
	Text, Class string
	Address     string // "" where the list cannot be sorted by the column
	Order       string // as aria-sort has it, "" when the list is sorted by another column
}

// Columns are the heads of the table's columns.
func (l productList) Columns() (heads []columnHead) {
	for _, c := range []struct {
		text, sort, class string
		descends          bool // at first
	}{
		{text: "Product", sort: "produk"}, {text: "Stage"}, {text: "Segment"}, {text: "Category"}, {text: "Customer"},
		{text: "Price", sort: "harga", class: "n", descends: true}, {text: "Launch", sort: "tanggal_launch", descends: true},
		{text: "Stage end", sort: "tanggal_stage_end"}, {text: "Files", class: "n"},
	} {
		head := columnHead{Text: c.text, Class: c.class}
		if c.sort != "" {
			head.Address, head.Order = l.sorting(c.sort, c.descends)
		}
		heads = append(heads, head)
	}
	return heads
}

// sorting is where the list is sorted by a key, the other way round when it is already, and how it is sorted
// by it now.
func (l productList) sorting(key string, descends bool) (address, order string) {
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
