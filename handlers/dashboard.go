package handlers

import (
	"context"
	"time"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers/request"
	"lifecycle-sync/services/cache"
	"lifecycle-sync/services/products"
	"lifecycle-sync/services/reports"
)

// Dashboard answers the figures about the products.
type Dashboard struct {
	answers *cache.Answers
	now     func() time.Time
}

// NewDashboard returns the handlers. now tells the time in the time zone whose days and months count, as
// it does to the answers.
func NewDashboard(answers *cache.Answers, now func() time.Time) *Dashboard {
	return &Dashboard{answers, now}
}

// All answers the dashboard of the products that the query's filters let through.
func (h *Dashboard) All(c *fiber.Ctx) error {
	q := request.ParseQuery(c, request.ProductFilters()...)
	asked := products.Query{Filter: request.ProductFilter(q)}
	if err := q.Err(asked.Check); err != nil {
		return err
	}
	return read(c, h.answers, func(ctx context.Context, v cache.View) (success, error) {
		figures, err := reports.Read(ctx, v, asked.Filter, h.now())
		return success{Data: figures}, err
	})
}
