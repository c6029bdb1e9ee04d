package handlers

import (
	"net/url"
	"strconv"
	"strings"

	"lifecycle-sync/models"
)

// links says where the first, previous, next and last page of a list are (RFC 8288): the request for
// uri, with another page.
func links(uri string, p models.Pagination) string {
	path, rawQuery, _ := strings.Cut(uri, "?")
	query, _ := url.ParseQuery(rawQuery) // it was read before
	var links []string
	link := func(rel string, page int64) {
		query.Set("page", strconv.FormatInt(page, 10))
		links = append(links, "<"+path+"?"+query.Encode()+`>; rel="`+rel+`"`)
	}
	last := max(p.TotalPages, 1)
	link("first", 1)
	if p.CurrentPage > 1 {
		link("prev", min(p.CurrentPage-1, last))
	}
	if p.CurrentPage < last {
		link("next", p.CurrentPage+1)
	}
	link("last", last)
	return strings.Join(links, ", ")
}
