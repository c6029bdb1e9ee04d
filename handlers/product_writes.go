package handlers

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
	"lifecycle-sync/services/outbox"
	"lifecycle-sync/services/products"
	"lifecycle-sync/services/stages"
)

// ProductWrites answers requests that change products.
type ProductWrites struct {
	limits  request.FormLimits
	files   request.Uploads
	checker request.Checker
	writer  *products.Writer
}

// NewProductWrites returns the handlers on their use cases.
func NewProductWrites(w *products.Writer, limits request.FormLimits, files request.Uploads) *ProductWrites {
	return &ProductWrites{limits: limits, files: files, checker: request.NewChecker(), writer: w}
}

// Create makes a product, with its files.
func (h *ProductWrites) Create(c *fiber.Ctx) error {
	key, err := request.IdempotencyKey(c)
	if err != nil {
		return err
	}
	in, files, err := h.readProduct(c, true)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.UserContext(), outbox.WriteTimeout)
	defer cancel()
	written, err := h.writer.Create(ctx, in, outbox.Request{Key: key, Fingerprint: outbox.Fingerprint(in, files), Files: files})
	if err != nil {
		return err
	}
	locate(c, written.RowID)
	return answerWrite(c, fiber.StatusCreated, "The product was created.", written)
}

// Update changes the fields of a product that were sent, and adds files.
func (h *ProductWrites) Update(c *fiber.Ctx) error {
	id, err := request.ID(c)
	if err != nil {
		return err
	}
	versions, err := request.IfMatch(c)
	if err != nil {
		return err
	}
	key, err := request.IdempotencyKey(c)
	if err != nil {
		return err
	}
	in, files, err := h.readProduct(c, false)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.UserContext(), outbox.WriteTimeout)
	defer cancel()
	written, err := h.writer.Update(ctx, id, in, versions, outbox.Request{Key: key, Fingerprint: outbox.Fingerprint([]any{id, in}, files), Files: files})
	if err != nil {
		return withCurrentETag(c, err)
	}
	return answerWrite(c, fiber.StatusOK, "The product was changed.", written)
}

// Delete deletes a product with its stage history and files.
func (h *ProductWrites) Delete(c *fiber.Ctx) error {
	id, err := request.ID(c)
	if err != nil {
		return err
	}
	ifMatch, err := request.IfMatch(c)
	if err != nil {
		return err
	}
	written, err := h.writer.Delete(c.UserContext(), id, ifMatch)
	if err != nil {
		return withCurrentETag(c, err)
	}
	return answerWrite(c, fiber.StatusOK, "The product was deleted, with its stage history and files.", written)
}

// withCurrentETag tells whoever was refused which state the row is in.
func withCurrentETag(c *fiber.Ctx, err error) error {
	if e := models.AsError(err); e.Class == models.PreconditionFailed {
		switch current := e.Data.(type) {
		case products.Current:
			c.Set(fiber.HeaderETag, quote(current.Version))
		case stages.Current:
			c.Set(fiber.HeaderETag, quote(current.Version))
		}
	}
	return err
}

// locate says where what was made can be read, below the address that it was sent to.
func locate(c *fiber.Ctx, id int64) {
	c.Location(fmt.Sprintf("%s/%d", strings.TrimRight(c.Path(), "/"), id))
}

// answerWrite answers a write that was done.
func answerWrite(c *fiber.Ctx, status int, message string, w outbox.Result) error {
	if w.Version != "" {
		c.Set(fiber.HeaderETag, quote(w.Version))
	}
	if !w.Followed {
		message += " What is read here follows with the next synchronisation."
	}
	return c.Status(status).JSON(success{Success: true, Message: message, Data: json.RawMessage(w.Data)})
}

// readProduct reads a product from a form or from JSON, whole or as far as it was sent. The files are the
// caller's. Errors: unsupported_type, too_large, validation_failed, unavailable; no file is then left.
func (h *ProductWrites) readProduct(c *fiber.Ctx, whole bool) (products.Input, []models.Upload, error) {
	read, err := request.ReadFields(c, h.limits, h.files, request.ProductColumns()...)
	if err != nil {
		return products.Input{}, nil, err
	}
	in, err := h.checker.Product(read.Fields, whole)
	if err != nil {
		h.files.Discard(c.UserContext(), read.Files)
		return products.Input{}, nil, err
	}
	return in, read.Files, nil
}
