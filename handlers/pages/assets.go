package pages

import (
	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/models"
)

// Asset answers a style sheet, script or image of the console. Its address changes with its content.
func (s *Site) Asset(c *fiber.Ctx) error {
	asset, ok := s.console.Asset(c.Params("file"))
	if !ok {
		return models.NewError(models.NotFound, "http.file_not_found", nil)
	}
	c.Set(fiber.HeaderCacheControl, "no-cache")
	if c.Query("v") == asset.Tag {
		c.Set(fiber.HeaderCacheControl, "public, max-age=31536000, immutable")
	}
	c.Set(fiber.HeaderContentType, asset.Type)
	return c.Send(asset.Content)
}
