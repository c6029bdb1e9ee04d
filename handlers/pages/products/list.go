package products

import (
	"cmp"
	"context"
	"slices"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers/pages"
	"lifecycle-sync/handlers/request"
	"lifecycle-sync/services/cache"
	"lifecycle-sync/services/products"
)

// tableLimit is how many rows the table has unless another number is asked for.
const tableLimit = 25

// List shows a page of the products that the filters let through, as cards or as a table.
func (h *Pages) List(c *fiber.Ctx) error {
	q := request.ParseQuery(c, slices.Concat([]string{"page", "limit", "sort", "view"}, request.ProductFilters())...)
	asked := products.Query{Paging: request.Paging(q), Filter: request.ProductFilter(q), Sort: q.Text("sort")}
	isTable := q.Choice("view", "cards", "table") == "table"
	n := pages.NewFilterQuery(q, request.ProductFilters(), "sort", "view", "limit")
	if err := cmp.Or(q.Err(), asked.Check()); err != nil {
		return h.refuse(c, n, err)
	}
	if isTable && asked.Limit == 0 {
		asked.Limit = tableLimit
	}
	return h.site.ShowCached(c, pages.Page{Template: "products/list", Section: "products"}, func(ctx context.Context, v cache.View) (string, any, error) {
		lists, err := products.Dropdowns(ctx, v)
		if err != nil {
			return "", nil, err
		}
		page, err := products.List(ctx, v, asked, h.now())
		if err != nil {
			return "", nil, err
		}
		list := productList{
			Filters: listFilters(n, lists), Table: isTable, Pager: pages.NewPager(n.At(pages.ProductsPath), page.Pagination), query: n, sort: asked.Sort,
		}
		show := shownOn(h.now(), lists)
		for _, p := range page.Products {
			list.Products = append(list.Products, show(p))
		}
		return "Products", list, nil
	})
}

// refuse shows the filters again, with what is wrong with them.
func (h *Pages) refuse(c *fiber.Ctx, n pages.FilterQuery, err error) error {
	lists, readErr := h.site.Dropdowns(c)
	if readErr != nil {
		return readErr
	}
	list := productList{Filters: listFilters(n, lists), query: n}
	return h.site.RefuseFilters(c, pages.Page{Template: "products/list", Title: "Products", Section: "products", Data: &list}, &list.Filters, err)
}
