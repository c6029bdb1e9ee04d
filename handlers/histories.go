package handlers

import (
	"context"
	"time"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers/request"
	"lifecycle-sync/services/cache"
	"lifecycle-sync/services/stages"
)

// Histories answers requests for the stage history.
type Histories struct {
	answers *cache.Answers
	zone    *time.Location // whose days count
}

// NewHistories returns the handlers. zone is the time zone whose days count.
func NewHistories(answers *cache.Answers, zone *time.Location) *Histories {
	return &Histories{answers, zone}
}

// List answers a page of the transitions that the query's filters let through, newest first.
func (h *Histories) List(c *fiber.Ctx) error {
	q := request.ParseQuery(c, append(request.TransitionFilters(), "page", "limit")...)
	asked := request.Transitions(q)
	if err := q.Err(); err != nil {
		return err
	}
	if err := asked.Check(); err != nil {
		return err
	}
	return read(c, h.answers, func(ctx context.Context, v cache.View) (success, error) {
		page, err := stages.List(ctx, v, asked, h.zone)
		return success{Data: page.Transitions, Pagination: &page.Pagination}, err
	})
}

// One answers one transition.
func (h *Histories) One(c *fiber.Ctx) error {
	id, err := request.OnlyID(c)
	if err != nil {
		return err
	}
	return read(c, h.answers, func(ctx context.Context, v cache.View) (success, error) {
		transition, version, err := stages.Get(ctx, v, id)
		return success{Data: transition, row: version}, err
	})
}
