package pages

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers/request"
	"lifecycle-sync/services/cache"
	"lifecycle-sync/services/products"
)

// Products are the list of products; ProductForms have the page of each.
type Products struct {
	site *Site
	now  func() time.Time // in the time zone whose days count
}

// NewProducts returns the handlers.
func NewProducts(site *Site, now func() time.Time) *Products { return &Products{site, now} }

// tableLimit is how many rows the table has unless another number is asked for.
const tableLimit = 25

// List shows a page of the products that the filters let through, as cards or as a table.
func (h *Products) List(c *fiber.Ctx) error {
	q := request.ParseQuery(c, slices.Concat([]string{"page", "limit", "sort", "view"}, request.ProductFilters())...)
	asked := products.Query{Paging: request.Paging(q), Filter: request.ProductFilter(q), Sort: q.Text("sort")}
	isTable := q.Choice("view", "cards", "table") == "table"
	n := narrowOf(q)
	n.kept = given(q, "sort", "view", "limit")
	if err := cmp.Or(q.Err(), asked.Check()); err != nil {
		return h.refuse(c, n, err)
	}
	if isTable && asked.Limit == 0 {
		asked.Limit = tableLimit
	}
	return h.site.Read(c, Page{Template: "products/list", Section: "products"}, func(ctx context.Context, v cache.View) (string, any, error) {
		lists, err := products.Dropdowns(ctx, v)
		if err != nil {
			return "", nil, err
		}
		page, err := products.List(ctx, v, asked, h.now())
		if err != nil {
			return "", nil, err
		}
		list := productList{
			Filters: listFilters(n, lists), Table: isTable, Pager: pagerOf(n.at(listPath), page.Pagination), narrow: n, sort: asked.Sort,
		}
		show := shownOn(h.now(), lists)
		for _, p := range page.Products {
			list.Products = append(list.Products, show(p))
		}
		return "Products", list, nil
	})
}

// refuse shows the filters again, with what is wrong with them.
func (h *Products) refuse(c *fiber.Ctx, n narrow, err error) error {
	lists, readErr := h.site.lists(c)
	if readErr != nil {
		return readErr
	}
	list := productList{Filters: listFilters(n, lists), narrow: n}
	return h.site.Show(c, list.Filters.refuse(h.site.texts, err), Page{Template: "products/list", Title: "Products", Section: "products", Data: list})
}
