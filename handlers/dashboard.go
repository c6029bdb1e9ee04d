package handlers

import (
	"context"
	"time"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/services"
	"lifecycle-sync/services/dashboard"
)

// Dashboard answers the figures about the products.
type Dashboard struct {
	answers *services.Answers
	now     func() time.Time
}

// NewDashboard returns the handlers. now tells the time in the time zone whose days and months count, as
// it does to the answers.
func NewDashboard(answers *services.Answers, now func() time.Time) *Dashboard {
	return &Dashboard{answers, now}
}

// All answers the dashboard of the products that the query's filters let through.
func (h *Dashboard) All(c *fiber.Ctx) error {
	q := parseQuery(c, productFilters()...)
	request := services.ProductQuery{Filter: productFilter(q)}
	if err := q.err(); err != nil {
		return err
	}
	if err := request.Check(); err != nil {
		return err
	}
	return read(c, h.answers, func(ctx context.Context, v *services.View) (success, error) {
		figures, err := dashboard.Read(ctx, v, request.Filter, h.now())
		return success{Data: figures}, err
	})
}
