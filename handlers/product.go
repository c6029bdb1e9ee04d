package handlers

import (
	"context"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
	"lifecycle-sync/services"
)

// One answers one product with its files and latest transitions. The ETag's first part is of the
// product's own columns: If-Match compares it.
func (h *Products) One(c *fiber.Ctx) error {
	id, err := request.OnlyID(c)
	if err != nil {
		return err
	}
	return read(c, h.answers, func(ctx context.Context, v *services.View) (success, error) {
		product, tag, err := services.Product(ctx, v, id)
		if err != nil {
			return success{}, err
		}
		files, err := services.ListFiles(ctx, v, id)
		return success{Data: productDetail{ProductDetail: product, Attachments: files}, row: tag}, err
	})
}

// productDetail is a product as it is shown alone.
type productDetail struct {
	services.ProductDetail

	Attachments []models.ListedAttachment `json:"attachments"`
}
