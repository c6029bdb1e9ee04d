package handlers

import (
	"context"
	"fmt"
	"strings"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers/request"
	"lifecycle-sync/services/cache"
	"lifecycle-sync/services/outbox"
	"lifecycle-sync/services/views"
)

// Views serves /views.
type Views struct {
	Responses *cache.Responses
	Writer    *views.Writer
	Checker   request.Checker
}

// List serves the views that the caller sees.
func (h *Views) List(c *fiber.Ctx) error {
	caller, printer := request.Caller(c), PrinterOf(c)
	variant := caller.Role.String() + " " + caller.Subject + " " + printer.Language
	return serveCachedVariant(c, nil, h.Responses, variant, func(ctx context.Context, v cache.View) (success, error) {
		list, err := views.List(ctx, v, caller)
		for i, view := range list {
			if view.BuiltIn {
				list[i].Name = printer.Text(view.Title)
			}
		}
		return success{Data: list}, err
	})
}

// Create saves a view of the caller.
func (h *Views) Create(c *fiber.Ctx) error {
	key, err := request.IdempotencyKey(c)
	if err != nil {
		return err
	}
	in, err := h.Checker.ReadView(c, true)
	if err != nil {
		return err
	}
	result, err := h.Writer.Create(c.UserContext(), request.Caller(c), in, outbox.Request{Key: key, Fingerprint: outbox.Fingerprint(in, nil)})
	if err != nil {
		return err
	}
	c.Location(fmt.Sprintf("%s/%d", strings.TrimRight(c.Path(), "/"), result.RowID))
	return respondChanged(c.Status(fiber.StatusCreated), "done.view_created", result, nil)
}

// Update changes the fields of a view that were sent.
func (h *Views) Update(c *fiber.Ctx) error {
	id, err := request.BigID(c)
	if err != nil {
		return err
	}
	in, err := h.Checker.ReadView(c, false)
	if err != nil {
		return err
	}
	result, err := h.Writer.Update(c.UserContext(), request.Caller(c), id, in)
	return respondChanged(c, "done.view_changed", result, err)
}

// Delete deletes a view.
func (h *Views) Delete(c *fiber.Ctx) error {
	id, err := request.BigID(c)
	if err != nil {
		return err
	}
	result, err := h.Writer.Delete(c.UserContext(), request.Caller(c), id)
	return respondChanged(c, "done.view_deleted", result, err)
}
