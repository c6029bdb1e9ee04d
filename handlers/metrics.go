package handlers

import (
	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/services/metrics"
)

// Metrics answers Prometheus.
type Metrics struct{ figures *metrics.Metrics }

// NewMetrics returns the handler.
func NewMetrics(figures *metrics.Metrics) *Metrics { return &Metrics{figures} }

// Show answers all figures.
func (h *Metrics) Show(c *fiber.Ctx) error {
	c.Set(fiber.HeaderContentType, metrics.Format())
	return h.figures.Write(c.Response().BodyWriter())
}
