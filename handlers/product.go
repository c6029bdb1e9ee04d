package handlers

import (
	"context"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
	"lifecycle-sync/services/attachments"
	"lifecycle-sync/services/cache"
	"lifecycle-sync/services/products"
)

// One answers one product with its files and latest transitions. The ETag's first part is of the
// product's own columns: If-Match compares it.
func (h *Products) One(c *fiber.Ctx) error {
	id, err := request.OnlyID(c)
	if err != nil {
		return err
	}
	return read(c, h.answers, func(ctx context.Context, v cache.View) (success, error) {
		product, tag, err := products.Get(ctx, v, id)
		if err != nil {
			return success{}, err
		}
		files, err := attachments.List(ctx, v, id)
		return success{Data: productDetail{Detail: product, Attachments: files}, row: tag}, err
	})
}

// productDetail is a product as it is shown alone.
type productDetail struct {
	products.Detail

	Attachments []models.ListedAttachment `json:"attachments"`
}
