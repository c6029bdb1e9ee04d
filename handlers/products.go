package handlers

import (
	"context"
	"time"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers/request"
	"lifecycle-sync/services/cache"
	"lifecycle-sync/services/products"
)

// Products answers requests for products.
type Products struct {
	answers *cache.Answers
	now     func() time.Time
}

// NewProducts returns the handlers. now tells the time in the time zone whose days count, as it does to the
// answers.
func NewProducts(answers *cache.Answers, now func() time.Time) *Products {
	return &Products{answers, now}
}

// List answers a page of the products that the query's filters let through.
func (h *Products) List(c *fiber.Ctx) error {
	q := request.ParseQuery(c, append(append([]string{"page", "limit"}, request.ProductFilters()...), "sort")...)
	asked := products.Query{
		Paging: request.Paging(q),
		Filter: request.ProductFilter(q),
		Sort:   q.Text("sort"),
	}
	if err := q.Err(); err != nil {
		return err
	}
	if err := asked.Check(); err != nil {
		return err
	}
	return read(c, h.answers, func(ctx context.Context, v cache.View) (success, error) {
		page, err := products.List(ctx, v, asked, h.now())
		return success{Data: page.Products, Pagination: &page.Pagination}, err
	})
}
