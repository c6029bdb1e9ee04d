package pages

import (
	"maps"
	"net/url"
	"strings"

	"lifecycle-sync/services/products"
)

// productList is what the template of the list sees.
type productList struct {
	Filters  filters
	Products []shownProduct
	Table    bool
	Pager    pager

	narrow narrow
	sort   string
}

// listPath is where the list is.
const listPath = "/products"

// listFilters are the list's filters, and its order.
func listFilters(n narrow, lists products.DropdownLists) filters {
	f := filtersOf(listPath, n, lists)
	order := filterField{Name: "sort", Label: "Order", Blank: "Newest first", Options: sortings()}
	for i, o := range order.Options {
		order.Options[i].Chosen = o.Value == n.kept.Get(order.Name)
	}
	f.Fields = append(f.Fields, order)
	for _, name := range []string{"view", "limit"} {
		if n.kept.Has(name) {
			f.Hidden = append(f.Hidden, setFilter{Name: name, Value: n.kept.Get(name)})
		}
	}
	return f
}

// sortings are the orders that the list can have, but for the first.
func sortings() []filterOption {
	return []filterOption{
		{Value: "created_at", Text: "Oldest first"},
		{Value: "produk", Text: "Name, A to Z"}, {Value: "-produk", Text: "Name, Z to A"},
		{Value: "-harga", Text: "Price, highest first"}, {Value: "harga", Text: "Price, lowest first"},
		{Value: "-tanggal_launch", Text: "Launch, latest first"}, {Value: "tanggal_launch", Text: "Launch, earliest first"},
		{Value: "tanggal_stage_end", Text: "Stage end, earliest first"}, {Value: "-tanggal_stage_end", Text: "Stage end, latest first"},
		{Value: "-updated_at", Text: "Changed last"}, {Value: "updated_at", Text: "Changed longest ago"},
		{Value: "id", Text: "Number, lowest first"}, {Value: "-id", Text: "Number, highest first"},
	}
}

// with is where the list begins that is shown in another way: without some of what is kept, and with a value
// of a name, unless that is "".
func (l productList) with(name, value string, without ...string) string {
	other := narrow{query: l.narrow.query, kept: url.Values{}}
	maps.Copy(other.kept, l.narrow.kept)
	for _, gone := range append(without, name) {
		other.kept.Del(gone)
	}
	if value != "" {
		other.kept.Set(name, value)
	}
	return other.at(listPath)
}

// AsCards is where the list is cards.
func (l productList) AsCards() string { return l.with("view", "", "limit") }

// AsTable is where the list is a table.
func (l productList) AsTable() string { return l.with("view", "table", "limit") }

// Export is where the list is a file of a kind, csv or xlsx, with the same filters and order.
func (l productList) Export(kind string) string {
	return "/api/product-lifecycle/products/export." + kind + strings.TrimPrefix(l.with("view", "", "limit"), listPath)
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
	return l.with("sort", next), order
}
