package handlers

import (
	"context"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers/request"
	"lifecycle-sync/services"
)

// Products answers requests for products.
type Products struct{ answers *services.Answers }

// NewProducts returns the handlers.
func NewProducts(answers *services.Answers) *Products { return &Products{answers} }

// List answers a page of the products that the query's filters let through.
func (h *Products) List(c *fiber.Ctx) error {
	q := request.ParseQuery(c, append(append([]string{"page", "limit"}, request.ProductFilters()...), "sort")...)
	asked := services.ProductQuery{
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
	return read(c, h.answers, func(ctx context.Context, v *services.View) (success, error) {
		page, err := services.ListProducts(ctx, v, asked)
		return success{Data: page.Products, Pagination: &page.Pagination}, err
	})
}
