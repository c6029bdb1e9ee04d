package handlers

import (
	"context"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers/request"
	"lifecycle-sync/services"
)

// Histories answers requests for the stage history.
type Histories struct{ answers *services.Answers }

// NewHistories returns the handlers.
func NewHistories(answers *services.Answers) *Histories { return &Histories{answers} }

// List answers a page of the stage history, newest first: of one product, or all of it.
func (h *Histories) List(c *fiber.Ctx) error {
	q := request.ParseQuery(c, "productId", "page", "limit")
	asked := services.TransitionQuery{Paging: request.Paging(q), ProductID: q.ID("productId")}
	if err := q.Err(); err != nil {
		return err
	}
	return read(c, h.answers, func(ctx context.Context, v *services.View) (success, error) {
		page, err := services.ListTransitions(ctx, v, asked)
		return success{Data: page.Transitions, Pagination: &page.Pagination}, err
	})
}

// One answers one transition.
func (h *Histories) One(c *fiber.Ctx) error {
	id, err := request.ID(c)
	if err != nil {
		return err
	}
	if err := request.ParseQuery(c).Err(); err != nil {
		return err
	}
	return read(c, h.answers, func(ctx context.Context, v *services.View) (success, error) {
		transition, err := v.Transition(ctx, id)
		return success{Data: transition}, err
	})
}
