package handlers

import (
	"context"
	"math"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/services"
)

// Products answers requests for products.
type Products struct{ answers *services.Answers }

// NewProducts returns the handlers.
func NewProducts(answers *services.Answers) *Products { return &Products{answers} }

// productFilters are the parameters that say which products are meant.
func productFilters() []string {
	return []string{"search", "stageId", "segmentId", "categoryId", "stage", "segmen", "kategori"}
}

// List answers a page of the products that the query's filters let through.
func (h *Products) List(c *fiber.Ctx) error {
	q := parseQuery(c, append(append([]string{"page", "limit"}, productFilters()...), "sort")...)
	request := services.ProductQuery{
		Paging: paging(q),
		Filter: productFilter(q),
		Sort:   q.text("sort"),
	}
	if err := q.err(); err != nil {
		return err
	}
	if err := request.Check(); err != nil {
		return err
	}
	return read(c, h.answers, func(ctx context.Context, v *services.View) (success, error) {
		page, err := services.ListProducts(ctx, v, request)
		return success{Data: page.Products, Pagination: &page.Pagination}, err
	})
}

// paging reads which page is asked for.
func paging(q *query) services.Paging {
	return services.Paging{Page: q.number("page", math.MaxInt32), Limit: q.number("limit", math.MaxInt64)}
}

// productFilter reads the filters; an empty one filters nothing.
func productFilter(q *query) services.ProductFilter {
	return services.ProductFilter{
		Search:  q.text("search"),
		StageID: q.id("stageId"), SegmentID: q.id("segmentId"), CategoryID: q.id("categoryId"),
		Stage: q.text("stage"), Segment: q.text("segmen"), Category: q.text("kategori"),
	}
}
