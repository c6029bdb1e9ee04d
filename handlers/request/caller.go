package request

import (
	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/models"
)

// callerKey is where a request keeps its caller.
type callerKey struct{}

// SetCaller notes who sends a request; what every request passes through does so before its handler.
func SetCaller(c *fiber.Ctx, caller models.Caller) { c.Locals(callerKey{}, caller) }

// Caller is who sends a request: anonymous, with no subject, where the route asks nobody.
func Caller(c *fiber.Ctx) models.Caller {
	caller, _ := c.Locals(callerKey{}).(models.Caller)
	return caller
}
