package pages

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"lifecycle-sync/handlers/request"
	"lifecycle-sync/services"
)

// productList is what the template of the list sees.
type productList struct {
	Products []shownProduct
	Table    bool
	Sort     string
	Sorts    []option
	Choices  choices
	Missing  []option
	Pager    pager

	address string // of the list, without what is empty
	paging  services.Paging
}

// sortings are the orders that the list can have.
func sortings() []option {
	return []option{
		{"", "Newest first"}, {"created_at", "Oldest first"},
		{"produk", "Name, A to Z"}, {"-produk", "Name, Z to A"},
		{"-harga", "Price, highest first"}, {"harga", "Price, lowest first"},
		{"-tanggal_launch", "Launch, latest first"}, {"tanggal_launch", "Launch, earliest first"},
		{"tanggal_stage_end", "End of stage, earliest first"}, {"-tanggal_stage_end", "End of stage, latest first"},
		{"-updated_at", "Changed last"}, {"updated_at", "Changed longest ago"},
		{"id", "Number, lowest first"}, {"-id", "Number, highest first"},
	}
}

// missings are what can be asked to be missing.
func missings() []option {
	return []option{
		{"segment", "Without a segment"}, {"stage", "Without a stage"}, {"category", "Without a category"},
		{"price", "Without a price"}, {"launchDate", "Without a launch date"},
	}
}

// Value is the value of a parameter in the list's address.
func (l productList) Value(name string) string {
	_, raw, _ := strings.Cut(l.address, "?")
	query, _ := url.ParseQuery(raw) // it was read before
	return query.Get(name)
}

// Filters are the filters that are on, with where the list is without each.
func (l productList) Filters() (on []link) {
	for _, name := range request.ProductFilters() {
		if value := l.Value(name); value != "" {
			on = append(on, link{l.with(name, ""), l.filterText(name, value)})
		}
	}
	return on
}

func (l productList) filterText(name, value string) string {
	switch name {
	case "search":
		return "Text: " + value
	case "stageId":
		return "Stage: " + chosen(l.Choices.Stages, value)
	case "segmentId":
		return "Segment: " + chosen(l.Choices.Segments, value)
	case "categoryId":
		return "Category: " + chosen(l.Choices.Categories, value)
	case "stage":
		return "Stage: " + value
	case "segmen":
		return "Segment: " + value
	case "kategori":
		return "Category: " + value
	case "missing":
		return chosen(l.Missing, value)
	case "overdue":
		return "Overdue"
	default:
		return name + ": " + value
	}
}

// Further are the parameters that the filter form has no fields for, and keeps.
func (l productList) Further() (further []option) {
	for _, name := range []string{"view", "limit", "stage", "segmen", "kategori"} {
		if value := l.Value(name); value != "" {
			further = append(further, option{name, value})
		}
	}
	return further
}

// with is where the list begins with another value of a parameter.
func (l productList) with(name, value string) string {
	return withQuery(withQuery(l.address, "page", ""), name, value)
}

// Clear is where the list is without any filter.
func (l productList) Clear() string {
	address := l.with("page", "")
	for _, name := range request.ProductFilters() {
		address = withQuery(address, name, "")
	}
	return address
}

// AsCards is where the list is cards.
func (l productList) AsCards() string { return withQuery(l.with("view", ""), "limit", "") }

// AsTable is where the list is a table.
func (l productList) AsTable() string { return withQuery(l.with("view", "table"), "limit", "") }

// Export is where the list is a file of a kind, csv or xlsx, with the same filters and order.
func (l productList) Export(kind string) string {
	address := l.with("view", "")
	_, query, has := strings.Cut(withQuery(address, "limit", ""), "?")
	if has {
		query = "?" + query
	}
	return "/api/product-lifecycle/products/export." + kind + query
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
		{text: "End of stage", sort: "tanggal_stage_end"}, {text: "Files", class: "n"},
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
	switch l.Sort {
	case key:
		next, order = "-"+key, "ascending"
	case "-" + key:
		next, order = key, "descending"
	}
	return l.with("sort", next), order
}

// tidy is an address without the parameters that are empty, as a form sends what was not filled in.
func tidy(address string) string {
	path, raw, _ := strings.Cut(address, "?")
	query, _ := url.ParseQuery(raw)
	for name, values := range query {
		if !slices.ContainsFunc(values, func(v string) bool { return v != "" }) {
			query.Del(name)
		}
	}
	if query.Get("page") == strconv.Itoa(1) {
		query.Del("page")
	}
	if len(query) == 0 {
		return path
	}
	return path + "?" + query.Encode()
}
