package request

import (
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
)

// sessionCookie holds the token of whoever has signed in to the console.
const sessionCookie = "lifecycle_session"

// StartSession keeps a token in a cookie until the browser is closed: scripts cannot read it, and pages of
// other sites cannot make a browser send it with a form.
func StartSession(c *fiber.Ctx, token string) { c.Cookie(session(c, token)) }

// EndSession forgets the token.
func EndSession(c *fiber.Ctx) {
	cookie := session(c, "")
	cookie.Expires, cookie.SessionOnly = time.Unix(1, 0), false
	c.Cookie(cookie)
}

func session(c *fiber.Ctx, token string) *fiber.Cookie {
	return &fiber.Cookie{
		Name: sessionCookie, Value: token, Path: "/", SessionOnly: true, HTTPOnly: true, SameSite: fiber.CookieSameSiteLaxMode,
		Secure: c.Protocol() == "https", // as a proxy in front says, too
	}
}

// SessionToken is the token of whoever has signed in, "" when nobody has.
func SessionToken(c *fiber.Ctx) string { return strings.Clone(c.Cookies(sessionCookie)) }
