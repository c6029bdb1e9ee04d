package handlers

import (
	"math"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/repositories/pmo"
	"lifecycle-sync/services"
)

// Products answers requests for products.
type Products struct{ list *services.ProductList }

// NewProducts returns the handlers on their use cases.
func NewProducts(list *services.ProductList) *Products { return &Products{list} }

// List answers a page of the products that the query's filters let through.
func (h *Products) List(c *fiber.Ctx) error {
	q := parseQuery(c, "page", "limit", "search", "stageId", "segmentId", "categoryId", "stage", "segmen", "kategori", "sort")
	request := services.ProductQuery{
		Paging: services.Paging{Page: q.number("page", math.MaxInt32), Limit: q.number("limit", math.MaxInt64)},
		Filter: productFilter(q),
		Sort:   q.text("sort"),
	}
	if err := q.err(); err != nil {
		return err
	}
	page, err := h.list.List(c.UserContext(), request)
	if err != nil {
		return err
	}
	setLinks(c, page.Pagination)
	return read(c, success{Data: page.Products, Pagination: &page.Pagination})
}

// productFilter reads the filters; an empty one filters nothing.
func productFilter(q *query) pmo.ProductFilter {
	return pmo.ProductFilter{
		Search:  q.text("search"),
		StageID: q.id("stageId"), SegmentID: q.id("segmentId"), CategoryID: q.id("categoryId"),
		Stage: q.text("stage"), Segment: q.text("segmen"), Category: q.text("kategori"),
	}
}
