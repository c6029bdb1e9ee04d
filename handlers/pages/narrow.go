package pages

import (
	"maps"
	"net/url"

	"lifecycle-sync/handlers/request"
)

// narrow is the filters of a page that shows products. They go along to wherever it leads.
type narrow struct {
	query url.Values
	kept  url.Values // what else says how the page shows them
}

// narrowOf reads the filters that are set.
func narrowOf(q *request.Query) narrow {
	return narrow{query: given(q, request.ProductFilters()...)}
}

// given are the parameters that are set.
func given(q *request.Query, names ...string) url.Values {
	values := url.Values{}
	for _, name := range names {
		if value := q.Text(name); value != "" {
			values.Set(name, value)
		}
	}
	return values
}

// at is the address of a page with these filters.
func (n narrow) at(page string) string {
	all := url.Values{}
	maps.Copy(all, n.query)
	maps.Copy(all, n.kept)
	if len(all) == 0 {
		return page
	}
	return page + "?" + all.Encode()
}

// and is the same filters and more, as pairs of name and value; false when one of them is set to something
// else, because no list has both.
func (n narrow) and(pairs ...string) (narrow, bool) {
	more := narrow{query: maps.Clone(n.query), kept: n.kept}
	for i := 0; i < len(pairs); i += 2 {
		if set := more.query.Get(pairs[i]); set != "" && set != pairs[i+1] {
			return n, false
		}
		more.query.Set(pairs[i], pairs[i+1])
	}
	return more, true
}

// without is the same filters but one.
func (n narrow) without(name string) narrow {
	less, _ := n.and()
	less.query.Del(name)
	return less
}

// list is the address of the list of the products that meet these filters and more; "" where there is none.
func (n narrow) list(pairs ...string) string {
	if more, ok := n.and(pairs...); ok {
		return more.at("/products")
	}
	return ""
}
