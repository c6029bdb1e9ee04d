package pages

import (
	"context"
	"time"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers/request"
	"lifecycle-sync/services"
	"lifecycle-sync/services/dashboard"
)

// Overview is the page of figures about the products.
type Overview struct {
	site *Site
	now  func() time.Time // in the time zone whose days and months count
}

// NewOverview returns the handlers.
func NewOverview(site *Site, now func() time.Time) *Overview { return &Overview{site, now} }

type overview struct {
	dashboard.Dashboard
}

// Show shows the figures of the products that the filters let through.
func (h *Overview) Show(c *fiber.Ctx) error {
	q := request.ParseQuery(c, request.ProductFilters()...)
	filter := request.ProductFilter(q)
	if err := q.Err(); err != nil {
		return err
	}
	return h.site.Read(c, Page{Template: "overview/overview", Section: "overview"}, func(ctx context.Context, v *services.View) (string, any, error) {
		d, err := dashboard.Read(ctx, v, filter, h.now())
		return "Overview", overview{d}, err
	})
}
