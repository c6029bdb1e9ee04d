package routes

import (
	"context"
	"strings"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers"
	"lifecycle-sync/models"
)

// apiBase is where the API begins. Nothing below it is told to those who may not even read, not even
// whether it is there.
const apiBase = "/api/product-lifecycle"

// Access knows callers by their tokens. Errors: unauthenticated; forbidden for a role that may nothing;
// unavailable while the keys that tokens are checked with cannot be had.
type Access interface {
	Caller(ctx context.Context, token string) (models.Caller, error)
}

// gate lets requests in to the routes of the table.
type gate struct{ access Access }

// identified finds out who sends the request, once. Errors: as Access.
func (g *gate) identified(c *fiber.Ctx) (models.Caller, error) {
	if caller := handlers.Caller(c); caller.Role != models.Anonymous {
		return caller, nil
	}
	if g.access == nil {
		local := models.Caller{Subject: "local", Role: models.Admin}
		handlers.SetCaller(c, local)
		return local, nil
	}
	token, given := bearer(c.Get(fiber.HeaderAuthorization))
	if !given {
		c.Set(fiber.HeaderWWWAuthenticate, "Bearer")
		return models.Caller{}, &models.Error{Class: models.Unauthenticated, Message: "This needs a token",
			Remedy: "Send it as Authorization: Bearer …"}
	}
	caller, err := g.access.Caller(c.UserContext(), token)
	if models.AsError(err) != nil && models.AsError(err).Class == models.Unauthenticated {
		c.Set(fiber.HeaderWWWAuthenticate, `Bearer error="invalid_token"`)
	}
	if err != nil {
		return models.Caller{}, err
	}
	handlers.SetCaller(c, caller)
	return caller, nil
}

// bearer returns the token of an Authorization header (RFC 6750).
func bearer(header string) (token string, given bool) {
	scheme, token, _ := strings.Cut(header, " ")
	token = strings.Clone(strings.TrimSpace(token)) // Fiber uses the memory of its strings again
	return token, strings.EqualFold(scheme, "Bearer") && token != ""
}

// known stops whoever is not known, before the path is looked for.
func (g *gate) known(c *fiber.Ctx) error {
	if _, err := g.identified(c); err != nil {
		return err
	}
	return c.Next()
}

// admits stops whoever may not use the route.
func (g *gate) admits(r route) fiber.Handler {
	return func(c *fiber.Ctx) error {
		if r.role == models.Anonymous {
			return c.Next()
		}
		caller, err := g.identified(c)
		if err != nil {
			return err
		}
		if caller.Role < r.role {
			return &models.Error{Class: models.Forbidden, Message: "This takes the role of " + r.role.String() + ", and the token's is that of " + caller.Role.String()}
		}
		return c.Next()
	}
}
