package handlers

import (
	"context"
	"time"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers/request"
	"lifecycle-sync/services/cache"
	"lifecycle-sync/services/outbox"
	"lifecycle-sync/services/stages"
)

// StageHistory serves /stage-history.
type StageHistory struct {
	Responses *cache.Responses
	Zone      *time.Location // of dates in queries
	Writer    *stages.Writer
	Checker   request.Checker
}

// List serves a page of the moves that match the query, newest first.
func (h *StageHistory) List(c *fiber.Ctx) error {
	q := request.ParseQuery(c, append(request.MoveFilters(), "page", "limit")...)
	query := request.MoveQuery(q)
	return serveCached(c, q.Err(query.Check), h.Responses, func(ctx context.Context, v cache.View) (success, error) {
		page, err := stages.List(ctx, v, query, h.Zone)
		return success{Data: page.Records, Pagination: &page.Pagination}, err
	})
}

// Get serves a move. Its ETag begins with the row version, for If-Match.
func (h *StageHistory) Get(c *fiber.Ctx) error {
	id, err := request.ID(c)
	return serveCached(c, err, h.Responses, func(ctx context.Context, v cache.View) (success, error) {
		move, version, err := stages.Get(ctx, v, id)
		return success{Data: move, version: version}, err
	})
}

// Record records a move.
func (h *StageHistory) Record(c *fiber.Ctx) error {
	key, err := request.IdempotencyKey(c)
	if err != nil {
		return err
	}
	in, err := h.Checker.ReadMove(c)
	if err != nil {
		return err
	}
	result, err := h.Writer.Record(c.UserContext(), in, outbox.Request{Key: key, Fingerprint: outbox.Fingerprint(in, nil)})
	return respondCreated(c, "done.move_recorded", result, err)
}

// Correct changes note, time and metrics of a move.
func (h *StageHistory) Correct(c *fiber.Ctx) error {
	id, versions, err := request.Target(c)
	if err != nil {
		return err
	}
	in, err := h.Checker.ReadCorrection(c)
	if err != nil {
		return err
	}
	result, err := h.Writer.Correct(c.UserContext(), id, in, versions, nil)
	return respondChanged(c, "done.move_changed", result, err)
}

// Delete deletes a move.
func (h *StageHistory) Delete(c *fiber.Ctx) error {
	id, versions, err := request.Target(c)
	if err != nil {
		return err
	}
	result, err := h.Writer.Delete(c.UserContext(), id, versions)
	return respondChanged(c, "done.move_deleted", result, err)
}
