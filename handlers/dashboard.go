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

// Dashboard serves /dashboard.
type Dashboard struct {
	answers *cache.Answers
	now     func() time.Time
}

// NewDashboard returns the handlers. now is in the time zone whose days and months count, as for the answers.
func NewDashboard(answers *cache.Answers, now func() time.Time) *Dashboard {
	return &Dashboard{answers, now}
}

// All serves the dashboard of the products that match the query.
func (h *Dashboard) All(c *fiber.Ctx) error {
	q := request.ParseQuery(c, request.ProductFilters()...)
	query := products.Query{Filter: request.ProductFilter(q)}
	if err := q.Err(query.Check); err != nil {
		return err
	}
	return read(c, h.answers, func(ctx context.Context, v cache.View) (success, error) {
		figures, err := reports.Read(ctx, v, query.Filter, h.now())
		return success{Data: figures}, err
	})
}
