package routes

import (
	"context"
	"strings"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers"
	"lifecycle-sync/handlers/request"
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
type gate struct {
	access     Access // nil in local mode
	allowances map[allowance]*buckets
	refusals   *buckets // of tokens, by address
}

func newGate(o Options) *gate {
	return &gate{
		access:     o.Access,
		allowances: map[allowance]*buckets{writes: newBuckets(o.WriteRate, o.Now), syncs: newBuckets(o.SyncRate, o.Now), signIns: newBuckets(tries, o.Now)},
		refusals:   newBuckets(refusals, o.Now),
	}
}

// identified finds out who sends the request, once. Errors: as Access; rate limited.
func (g *gate) identified(c *fiber.Ctx) (models.Caller, error) {
	if caller := request.Caller(c); caller.Role != models.Anonymous {
		return caller, nil
	}
	caller, err := g.ask(c)
	if err != nil {
		return models.Caller{}, err
	}
	request.SetCaller(c, caller)
	return caller, nil
}

func (g *gate) ask(c *fiber.Ctx) (models.Caller, error) {
	if g.access == nil {
		return models.Caller{Subject: "local", Role: models.Admin}, nil
	}
	token := bearer(c)
	onPage := token == "" && !strings.HasPrefix(c.Path(), apiBase)
	if token == "" && ofSession(c) {
		token = request.SessionToken(c)
	}
	if token == "" {
		c.Set(fiber.HeaderWWWAuthenticate, "Bearer")
		return models.Caller{}, models.NewError(models.Unauthenticated, "http.token_required", nil).WithRemedy("http.token_required_remedy", nil)
	}
	caller, err := g.access.Caller(c.UserContext(), token)
	if e := models.AsError(err); e == nil || e.Class != models.Unauthenticated {
		return caller, err
	}
	// Valid tokens are never counted, so nobody can lock out those who share an address. Nor are those of sessions that
	// have ended, on pages: strangers could keep their people from being led to sign in.
	if !onPage {
		if limited := g.refusals.take(c, network(c)); limited != nil {
			return models.Caller{}, limited
		}
	}
	c.Set(fiber.HeaderWWWAuthenticate, `Bearer error="invalid_token"`)
	return models.Caller{}, err
}

// greeting lets a page that shows an error know whoever has signed in, also where the request reached no route that
// asks. Who cannot be known sees it as a stranger does.
func (g *gate) greeting(show func(*fiber.Ctx, int, handlers.Failure) error) func(*fiber.Ctx, int, handlers.Failure) error {
	if show == nil || g.access == nil {
		return show
	}
	return func(c *fiber.Ctx, status int, f handlers.Failure) error {
		token := request.SessionToken(c)
		if status != fiber.StatusUnauthorized && token != "" && ofSession(c) && request.Caller(c).Role == models.Anonymous {
			if caller, err := g.access.Caller(c.UserContext(), token); err == nil {
				request.SetCaller(c, caller)
			}
		}
		return show(c, status, f)
	}
}

// ofSession reports whether whoever has signed in to the console is known by that: on its pages, and where the
// API only reads, for their downloads and events. What else the API does takes a token that no other site can
// make a browser send.
func ofSession(c *fiber.Ctx) bool {
	return !strings.HasPrefix(c.Path(), apiBase) || c.Method() == fiber.MethodGet || c.Method() == fiber.MethodHead
}

// bearer returns the token of the Authorization header (RFC 6750), "" when there is none, or when there
// are several headers, of which others may believe another.
func bearer(c *fiber.Ctx) string {
	headers := c.Request().Header.PeekAll(fiber.HeaderAuthorization)
	if len(headers) != 1 {
		return ""
	}
	scheme, token, _ := strings.Cut(string(headers[0]), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// known stops whoever is not known, before the path is looked for.
func (g *gate) known(c *fiber.Ctx) error {
	if _, err := g.identified(c); err != nil {
		return err
	}
	return c.Next()
}

// admits stops whoever may not use the route.
func (g *gate) admits(least models.Role) fiber.Handler {
	return func(c *fiber.Ctx) error {
		if least == models.Anonymous {
			return c.Next()
		}
		caller, err := g.identified(c)
		if err != nil {
			return err
		}
		if caller.Role < least {
			return models.NewError(models.Forbidden, "http.forbidden", models.Params{"required": roleName(least), "actual": roleName(caller.Role)})
		}
		return c.Next()
	}
}

func roleName(r models.Role) models.Text {
	switch r {
	case models.Reader:
		return models.NewText("http.role_reader", nil)
	case models.Manager:
		return models.NewText("http.role_manager", nil)
	case models.Admin:
		return models.NewText("http.role_admin", nil)
	case models.Anonymous:
	}
	return models.NewText("http.role_anonymous", nil)
}
