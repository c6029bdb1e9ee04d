package handlers

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/services"
)

// setLinks tells in a Link header (RFC 8288) where the first, previous, next and last page are: the
// same request with another page.
func setLinks(c *fiber.Ctx, p services.Pagination) {
	query := url.Values{}
	for k, v := range c.Context().QueryArgs().All() {
		query.Set(string(k), string(v))
	}
	var links []string
	link := func(rel string, page int64) {
		query.Set("page", strconv.FormatInt(page, 10))
		target := url.URL{Path: c.Path(), RawQuery: query.Encode()}
		links = append(links, "<"+target.String()+`>; rel="`+rel+`"`)
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
	c.Set(fiber.HeaderLink, strings.Join(links, ", "))
}
