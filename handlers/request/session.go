package request

import (
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/models"
)

// sessionCookie holds the token of a console user.
const sessionCookie = "lifecycle_session"

// maxSession is the maximum size of a token in bytes: browsers silently drop cookies over 4096 bytes.
const maxSession = 4000

// StartSession stores a token in a cookie until the browser is closed. Scripts cannot read it, and browsers do not send
// it with forms of other sites. Errors: validation_failed for a token that is too long for a cookie.
func StartSession(c *fiber.Ctx, token string) error {
	if len(token) > maxSession {
		return Invalid("token", "too_long", "request.token_too_long", models.Params{"length": len(token), "max": maxSession})
	}
	setSession(c, fiber.Cookie{Value: token, SessionOnly: true})
	return nil
}

// EndSession deletes the cookie.
func EndSession(c *fiber.Ctx) { setSession(c, fiber.Cookie{Expires: time.Unix(1, 0)}) }

func setSession(c *fiber.Ctx, cookie fiber.Cookie) {
	cookie.Name, cookie.Path, cookie.HTTPOnly, cookie.SameSite, cookie.Secure = sessionName(c), "/", true, fiber.CookieSameSiteLaxMode, isSecure(c)
	c.Cookie(&cookie)
}

// sessionName returns the cookie's name. With HTTPS it has the __Host- prefix, so that applications on other hosts of
// the domain cannot set it.
func sessionName(c *fiber.Ctx) string {
	if isSecure(c) {
		return "__Host-" + sessionCookie
	}
	return sessionCookie
}

// isSecure reports whether the browser uses HTTPS, also to a proxy in front.
func isSecure(c *fiber.Ctx) bool { return c.Protocol() == "https" }

// SessionToken returns the token of the console user, "" for none.
func SessionToken(c *fiber.Ctx) string { return strings.Clone(c.Cookies(sessionName(c))) }
