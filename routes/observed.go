package routes

import (
	"slices"

	"github.com/gofiber/fiber/v2"
)

// routeKey is where a request that has reached a route keeps the route's pattern.
type routeKey struct{}

// reaching notes which route a request has reached. Fiber's own c.Route is, of one that has reached none, what
// it passed through last.
func reaching(pattern string) fiber.Handler {
	return func(c *fiber.Ctx) error {
		c.Locals(routeKey{}, pattern)
		return c.Next()
	}
}

// observed tells of each request by the pattern of its route: addresses are without number, and say what
// people look at.
func observed(o Options) fiber.Handler {
	return func(c *fiber.Ctx) error {
		if o.Observe == nil {
			return c.Next()
		}
		start := o.Now()
		err := c.Next()
		pattern, _ := c.Locals(routeKey{}).(string)
		method := fiber.DefaultMethods[slices.Index(fiber.DefaultMethods, c.Method())] // knownMethod lets no other pass
		o.Observe(pattern, method, c.Response().StatusCode(), o.Now().Sub(start))
		return err
	}
}
