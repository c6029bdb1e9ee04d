package routes

import (
	"slices"

	"github.com/gofiber/fiber/v2"
)

// observed tells of each request by the pattern of its route: addresses are without number, and say what
// people look at.
func observed(o Options, table []route) fiber.Handler {
	patterns := map[string]string{} // by itself: Fiber uses the memory of its strings again
	for _, r := range table {
		patterns[r.path] = r.path
	}
	return func(c *fiber.Ctx) error {
		if o.Observe == nil {
			return c.Next()
		}
		start := o.Now()
		err := c.Next()
		method := fiber.DefaultMethods[slices.Index(fiber.DefaultMethods, c.Method())] // knownMethod lets no other pass
		o.Observe(patterns[c.Route().Path], method, c.Response().StatusCode(), o.Now().Sub(start))
		return err
	}
}
