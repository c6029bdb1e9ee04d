package routes

import (
	"crypto/rand"

	"github.com/gofiber/fiber/v2"
)

// marked gives every answer its request id and the headers that keep browsers from doing more with it
// than is meant.
func marked(c *fiber.Ctx) error {
	mark(c)
	return c.Next()
}

func mark(c *fiber.Ctx) {
	if c.GetRespHeader(fiber.HeaderXRequestID) != "" {
		return
	}
	c.Set(fiber.HeaderXRequestID, rand.Text())
	c.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	c.Set(fiber.HeaderContentSecurityPolicy, "default-src 'none'; frame-ancestors 'none'")
	c.Set(fiber.HeaderReferrerPolicy, "no-referrer")
	c.Set(fiber.HeaderCacheControl, "no-store") // reads that can be revalidated say otherwise
}
