package pages

import (
	"maps"
	"net/url"

	"lifecycle-sync/handlers/request"
)

// FilterQuery is the part of a page's address that selects rows and says how to show them. Every link to
// another list keeps the filters.
type FilterQuery struct {
	Filters url.Values
	Display url.Values // sort order, kind of view, page size
}

// NewFilterQuery reads the filters that are set, and the parameters that say how to show the rows.
func NewFilterQuery(q *request.Query, filters []string, display ...string) FilterQuery {
	return FilterQuery{Filters: given(q, filters), Display: given(q, display)}
}

// given returns the parameters that are set.
func given(q *request.Query, names []string) url.Values {
	values := url.Values{}
	for _, name := range names {
		if value := q.Text(name); value != "" {
			values.Set(name, value)
		}
	}
	return values
}

// At returns the address of a page with this query.
func (f FilterQuery) At(page string) string {
	all := url.Values{}
	maps.Copy(all, f.Filters)
	maps.Copy(all, f.Display)
	if len(all) == 0 {
		return page
	}
	return page + "?" + all.Encode()
}

// And adds filters, as pairs of name and value. It returns false if one is already set to another value, because
// no row has both.
func (f FilterQuery) And(pairs ...string) (FilterQuery, bool) {
	more := FilterQuery{Filters: maps.Clone(f.Filters), Display: f.Display}
	if more.Filters == nil {
		more.Filters = url.Values{}
	}
	for i := 0; i < len(pairs); i += 2 {
		if set := more.Filters.Get(pairs[i]); set != "" && set != pairs[i+1] {
			return f, false
		}
		more.Filters.Set(pairs[i], pairs[i+1])
	}
	return more, true
}

// Without removes a filter.
func (f FilterQuery) Without(name string) FilterQuery {
	less, _ := f.And()
	less.Filters.Del(name)
	return less
}

// WithDisplay sets a display parameter, "" removes it, and removes others.
func (f FilterQuery) WithDisplay(name, value string, without ...string) FilterQuery {
	other := FilterQuery{Filters: f.Filters, Display: url.Values{}}
	maps.Copy(other.Display, f.Display)
	for _, gone := range append(without, name) {
		other.Display.Del(gone)
	}
	if value != "" {
		other.Display.Set(name, value)
	}
	return other
}

// Products returns the address of the products that match these filters and more, "" if there can be none.
func (f FilterQuery) Products(pairs ...string) string {
	if more, ok := f.And(pairs...); ok {
		return more.At(ProductsPath)
	}
	return ""
}

// ProductsPath is the address of the product list.
const ProductsPath = "/products"
