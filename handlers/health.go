package handlers

import (
	"context"
	"log/slog"
	"time"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/models"
)

// readyTime bounds the wait for pmo_db: whoever asks whether we are ready wants to know now.
const readyTime = 2 * time.Second

// successes tells whether the mirror has ever had a successful run. Errors: connection, timeout, schema.
type successes interface {
	HasSucceeded(ctx context.Context) (bool, error)
}

// health is what watchers are told.
type health struct {
	Status  string `json:"status"`
	Message string `json:"message,omitempty"`
}

const healthy = "ok"

// Health answers those who watch over the process.
type Health struct {
	runs successes
	log  *slog.Logger
}

// NewHealth returns the handlers on a store.
func NewHealth(runs successes, log *slog.Logger) *Health { return &Health{runs, log} }

// Live answers that the process serves requests, whatever the databases do.
func (h *Health) Live(c *fiber.Ctx) error { return c.JSON(health{Status: healthy}) }

// Ready answers whether there is something to serve: pmo_db answers, and the mirror has had a
// successful run.
func (h *Health) Ready(c *fiber.Ctx) error {
	ctx, cancel := context.WithTimeout(c.UserContext(), readyTime)
	defer cancel()
	synced, err := h.runs.HasSucceeded(ctx)
	switch {
	case err != nil:
		h.log.Warn("not ready", "error", err, "cause", models.AsError(err).Cause)
		return notReady(c, "pmo_db does not answer as it should; the log says why.")
	case !synced:
		return notReady(c, "The mirror in pmo_db has not been synchronised yet.")
	default:
		return c.JSON(health{Status: healthy})
	}
}

func notReady(c *fiber.Ctx, why string) error {
	c.Set(fiber.HeaderRetryAfter, retryAfter)
	return c.Status(fiber.StatusServiceUnavailable).JSON(health{Status: "not ready", Message: why})
}
