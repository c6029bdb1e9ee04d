package handlers

import (
	"context"
	"log/slog"
	"time"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/models"
	"lifecycle-sync/services/metrics"
)

// readyTimeout is the timeout of the readiness check.
const readyTimeout = 2 * time.Second

// runHistory reads the runs. Errors: connection, timeout, schema.
type runHistory interface {
	HasSucceeded(ctx context.Context) (bool, error)
}

// health is the response of a health check.
type health struct {
	Status  string `json:"status"`
	Message string `json:"message,omitempty"`
}

// Health serves the health checks.
type Health struct {
	Runs runHistory
	Log  *slog.Logger
}

// Live reports that the process serves requests, whatever the state of the databases.
func (h *Health) Live(c *fiber.Ctx) error { return c.JSON(health{Status: "ok"}) }

// Ready reports whether pmo_db responds and the mirror has been synchronized.
func (h *Health) Ready(c *fiber.Ctx) error {
	ctx, cancel := context.WithTimeout(c.UserContext(), readyTimeout)
	defer cancel()
	synced, err := h.Runs.HasSucceeded(ctx)
	if err == nil && synced {
		return c.JSON(health{Status: "ok"})
	}
	reason := "http.never_synced"
	if err != nil {
		h.Log.Warn("not ready", "error", err, "cause", models.AsError(err).Cause)
		reason = "http.pmo_db_not_ready"
	}
	c.Set(fiber.HeaderRetryAfter, retryAfter)
	return c.Status(fiber.StatusServiceUnavailable).JSON(health{Status: "not ready", Message: PrinterOf(c).Text(models.NewText(reason, nil))})
}

// Metrics serves the metrics to Prometheus.
func Metrics(m *metrics.Metrics) fiber.Handler {
	return func(c *fiber.Ctx) error {
		c.Set(fiber.HeaderContentType, metrics.Format())
		return m.Write(c.Response().BodyWriter())
	}
}
