package pages

import (
	"net/url"
	"strconv"
	"strings"

	"lifecycle-sync/models"
)

// Pager links the pages of a list. An address is "" if there is no such page.
type Pager struct {
	Total, Current, Last            int64
	First, Previous, Next, LastPage string
}

// NewPager returns the pager of a list at an address, whose other parameters stay.
func NewPager(address string, p models.Pagination) Pager {
	last := max(p.TotalPages, 1)
	at := func(page int64) string { return withQuery(address, "page", strconv.FormatInt(page, 10)) }
	out := Pager{Total: p.TotalItems, Current: p.CurrentPage, Last: last}
	if p.CurrentPage > 1 {
		out.First, out.Previous = at(1), at(min(p.CurrentPage-1, last))
	}
	if p.CurrentPage < last {
		out.Next, out.LastPage = at(p.CurrentPage+1), at(last)
	}
	return out
}

// withQuery sets a parameter of an address; "" removes it.
func withQuery(address, name, value string) string {
	path, raw, _ := strings.Cut(address, "?")
	query, _ := url.ParseQuery(raw) // the handler has parsed it
	if query.Set(name, value); value == "" {
		query.Del(name)
	}
	if len(query) == 0 {
		return path
	}
	return path + "?" + query.Encode()
}
