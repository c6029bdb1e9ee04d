package routes

import (
	"context"
	"strings"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers"
	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
)

// apiBase is the API's prefix. Below it, callers without read access cannot find out which addresses exist.
const apiBase = "/api/product-lifecycle"

// Access authenticates callers by their tokens. Errors: unauthenticated; forbidden for a token without a known role;
// unavailable while the signing keys cannot be fetched.
type Access interface {
	Caller(ctx context.Context, token string) (models.Caller, error)
}

// Links checks signed download links. Errors: unauthenticated for one that is forged or has expired; connection.
type Links interface {
	Check(ctx context.Context, link models.DownloadLink) error
}

// auth authenticates and authorizes requests.
type auth struct {
	access   Access // nil in local mode
	links    Links
	failures *limiter
}

// authenticate returns the caller, looked up once per request. Errors: as Access; rate_limited.
func (a *auth) authenticate(c *fiber.Ctx) (models.Caller, error) {
	if caller := request.Caller(c); caller.Role != models.Anonymous {
		return caller, nil
	}
	caller, err := a.lookup(c)
	if err != nil {
		return models.Caller{}, err
	}
	request.SetCaller(c, caller)
	channel := models.ConsoleChannel
	if strings.HasPrefix(c.Path(), apiBase) {
		channel = models.APIChannel
	}
	c.SetUserContext(models.WithAuthor(c.UserContext(), models.Author{Actor: models.Actor{ID: caller.Subject, Name: caller.Name}, Channel: channel}))
	return caller, nil
}

func (a *auth) lookup(c *fiber.Ctx) (models.Caller, error) {
	token := bearerToken(c)
	if link, signed := request.DownloadLink(c); signed && (token == "" || a.access == nil) {
		return a.follow(c, link)
	}
	if a.access == nil {
		return models.Caller{Subject: models.LocalActor, Role: models.Admin}, nil
	}
	isPage := token == "" && !strings.HasPrefix(c.Path(), apiBase)
	if token == "" && acceptsSession(c) {
		token = request.SessionToken(c)
	}
	if token == "" {
		c.Set(fiber.HeaderWWWAuthenticate, "Bearer")
		return models.Caller{}, models.NewError(models.Unauthenticated, "http.token_required", nil).WithRemedy("http.token_required_remedy", nil)
	}
	caller, err := a.access.Caller(c.UserContext(), token)
	if e := models.AsError(err); e == nil || e.Class != models.Unauthenticated {
		return caller, err
	}
	// Valid tokens never count, so one client cannot lock out others that share its address. Expired sessions on pages do not
	// count either: otherwise a client could block other users' access to the sign-in page.
	if !isPage {
		if err := a.failures.take(c, clientNetwork(c)); err != nil {
			return models.Caller{}, err
		}
	}
	c.Set(fiber.HeaderWWWAuthenticate, `Bearer error="invalid_token"`)
	return models.Caller{}, err
}

// follow authenticates a download by its signed link, in local mode too, so that links behave alike everywhere. The caller may
// only read this file: no other route has its path. Without a subject, limits count the client's network.
func (a *auth) follow(c *fiber.Ctx, link models.DownloadLink) (models.Caller, error) {
	err := a.links.Check(c.UserContext(), link)
	if e := models.AsError(err); e != nil && e.Class == models.Unauthenticated {
		c.Set(fiber.HeaderWWWAuthenticate, "Bearer")
	}
	return models.Caller{Role: models.Reader}, err
}

// withSession authenticates the console session before show renders an error page, also when the request matched no
// route. Without a valid session the page is anonymous.
func (a *auth) withSession(show func(*fiber.Ctx, int, handlers.Failure) error) func(*fiber.Ctx, int, handlers.Failure) error {
	if show == nil || a.access == nil {
		return show
	}
	return func(c *fiber.Ctx, status int, f handlers.Failure) error {
		token := request.SessionToken(c)
		if status != fiber.StatusUnauthorized && token != "" && acceptsSession(c) && request.Caller(c).Role == models.Anonymous {
			if caller, err := a.access.Caller(c.UserContext(), token); err == nil {
				request.SetCaller(c, caller)
			}
		}
		return show(c, status, f)
	}
}

// acceptsSession reports whether the session cookie authenticates a request: on pages, and for API reads, which the pages
// use for downloads and events. API writes require a token in the header, against cross-site request forgery.
func acceptsSession(c *fiber.Ctx) bool {
	return !strings.HasPrefix(c.Path(), apiBase) || c.Method() == fiber.MethodGet || c.Method() == fiber.MethodHead
}

// bearerToken returns the token of the Authorization header (RFC 6750), "" for none. Several headers count as none:
// a proxy in front may have checked another one.
func bearerToken(c *fiber.Ctx) string {
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

// requireCaller rejects anonymous requests before routing.
func (a *auth) requireCaller(c *fiber.Ctx) error {
	if _, err := a.authenticate(c); err != nil {
		return err
	}
	return c.Next()
}

// requireRole rejects callers below a role.
func (a *auth) requireRole(least models.Role) fiber.Handler {
	return func(c *fiber.Ctx) error {
		if least == models.Anonymous {
			return c.Next()
		}
		caller, err := a.authenticate(c)
		if err != nil {
			return err
		}
		if caller.Role < least {
			return models.NewError(models.Forbidden, "http.forbidden", models.Params{"required": models.NewText("http.only_"+least.String(), nil), "actual": roleName(caller.Role)})
		}
		return c.Next()
	}
}

func roleName(r models.Role) models.Text { return models.NewText("http.role_"+r.String(), nil) }
