package pages

import (
	"net/url"

	"lifecycle-sync/handlers/request"
)

// narrow is the filters of a page that shows products. They go along to wherever it leads.
type narrow struct{ query url.Values }

// narrowOf reads the filters that are set.
func narrowOf(q *request.Query) narrow {
	n := narrow{url.Values{}}
	for _, name := range request.ProductFilters() {
		if value := q.Text(name); value != "" {
			n.query.Set(name, value)
		}
	}
	return n
}

// at is the address of a page with these filters.
func (n narrow) at(page string) string {
	if len(n.query) == 0 {
		return page
	}
	return page + "?" + n.query.Encode()
}

// and is the same filters and more, as pairs of name and value; false when one of them is set to something
// else, because no list has both.
func (n narrow) and(pairs ...string) (narrow, bool) {
	more := narrow{url.Values{}}
	for name := range n.query {
		more.query.Set(name, n.query.Get(name))
	}
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
