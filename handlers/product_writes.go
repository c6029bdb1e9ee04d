package handlers

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/models"
	"lifecycle-sync/services"
)

// writeTime is what a write may take, once its request has arrived.
const writeTime = 10 * time.Second

// ProductWrites answers requests that change products.
type ProductWrites struct {
	limits  FormLimits
	files   uploads
	checker checker
	writer  *services.ProductWriter
}

// NewProductWrites returns the handlers on their use cases.
func NewProductWrites(w *services.ProductWriter, limits FormLimits, files uploads) *ProductWrites {
	return &ProductWrites{limits: limits, files: files, checker: newChecker(), writer: w}
}

// Create makes a product, with its files.
func (h *ProductWrites) Create(c *fiber.Ctx) error {
	key, err := idempotencyKey(c)
	if err != nil {
		return err
	}
	in, files, err := h.readProduct(c, true)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.UserContext(), writeTime)
	defer cancel()
	written, err := h.writer.Create(ctx, in, services.WriteRequest{Key: key, Fingerprint: services.Fingerprint(in, files), Files: files})
	if err != nil {
		return err
	}
	locate(c, written.RowID)
	return answerWrite(c, fiber.StatusCreated, "The product was created.", written)
}

// Update changes the fields of a product that were sent, and adds files.
func (h *ProductWrites) Update(c *fiber.Ctx) error {
	id, err := idOf(c)
	if err != nil {
		return err
	}
	ifMatch, err := ifMatchOf(c)
	if err != nil {
		return err
	}
	in, files, err := h.readProduct(c, false)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.UserContext(), writeTime)
	defer cancel()
	written, err := h.writer.Update(ctx, id, in, ifMatch, services.WriteRequest{Files: files})
	if err != nil {
		return withCurrentETag(c, err)
	}
	return answerWrite(c, fiber.StatusOK, "The product was changed.", written)
}

// Delete deletes a product with its stage history and files.
func (h *ProductWrites) Delete(c *fiber.Ctx) error {
	id, err := idOf(c)
	if err != nil {
		return err
	}
	ifMatch, err := ifMatchOf(c)
	if err != nil {
		return err
	}
	written, err := h.writer.Delete(c.UserContext(), id, ifMatch)
	if err != nil {
		return withCurrentETag(c, err)
	}
	return answerWrite(c, fiber.StatusOK, "The product was deleted, with its stage history and files.", written)
}

// ifMatchOf reads the header, of which there may be several; "" when there is none. An empty one is a
// client's mistake, which must not make a guarded write an unguarded one. Errors: validation_failed.
func ifMatchOf(c *fiber.Ctx) (services.IfMatch, error) {
	var tags []string
	for _, line := range c.Request().Header.PeekAll(fiber.HeaderIfMatch) {
		if strings.TrimSpace(string(line)) == "" {
			return "", invalid(fiber.HeaderIfMatch, "required", "If-Match must be an ETag, or several, or *")
		}
		tags = append(tags, string(line))
	}
	return services.IfMatch(strings.Join(tags, ",")), nil
}

// withCurrentETag tells whoever was refused which state the row is in.
func withCurrentETag(c *fiber.Ctx, err error) error {
	if e := models.AsError(err); e.Class == models.PreconditionFailed {
		if current, ok := e.Data.(services.Current); ok {
			c.Set(fiber.HeaderETag, current.ETag)
		}
	}
	return err
}

// locate says where what was made can be read, below the address that it was sent to.
func locate(c *fiber.Ctx, id int64) {
	c.Location(fmt.Sprintf("%s/%d", strings.TrimRight(c.Path(), "/"), id))
}

// answerWrite answers a write that was done.
func answerWrite(c *fiber.Ctx, status int, message string, w services.Written) error {
	if w.ETag != "" {
		c.Set(fiber.HeaderETag, w.ETag)
	}
	if !w.Followed {
		message += " What is read here follows with the next synchronisation."
	}
	return c.Status(status).JSON(success{Success: true, Message: message, Data: json.RawMessage(w.Data)})
}

// maxKey is how many characters an Idempotency-Key may have.
const maxKey = 255

// idempotencyKey reads the header, nil when there is none. Errors: validation_failed.
func idempotencyKey(c *fiber.Ctx) (*services.IdempotencyKey, error) {
	const header = "Idempotency-Key"
	if c.Request().Header.Peek(header) == nil {
		return nil, nil //nolint:nilnil // as documented
	}
	key := strings.Clone(c.Get(header))
	if key == "" || len(key) > maxKey || strings.ContainsFunc(key, func(r rune) bool { return r < ' ' || r > '~' }) {
		return nil, models.NewInvalid(models.FieldError{Field: header, Code: "length", Message: "Idempotency-Key must be 1 to 255 printable ASCII characters"})
	}
	return &services.IdempotencyKey{Caller: Caller(c).Subject, Route: c.Method() + " " + c.Route().Path, Key: key}, nil
}
