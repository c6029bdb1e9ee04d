package request

import (
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/models"
)

// sessionCookie holds the token of whoever has signed in to the console.
const sessionCookie = "lifecycle_session"

// maxSession is how long a token may be, in bytes, so that every browser keeps it: cookies beyond 4096 bytes are
// dropped without a word.
const maxSession = 4000

// StartSession keeps a token in a cookie until the browser is closed: scripts cannot read it, and pages of
// other sites cannot make a browser send it with a form. Errors: validation_failed for a token that no browser
// would keep.
func StartSession(c *fiber.Ctx, token string) error {
	if len(token) > maxSession {
		return Invalid("token", "too_long", "request.token_too_long", models.Params{"length": len(token), "max": maxSession})
	}
	c.Cookie(session(c, token))
	return nil
}

// EndSession forgets the token.
func EndSession(c *fiber.Ctx) {
	cookie := session(c, "")
	cookie.Expires, cookie.SessionOnly = time.Unix(1, 0), false
	c.Cookie(cookie)
}

func session(c *fiber.Ctx, token string) *fiber.Cookie {
	return &fiber.Cookie{
		Name: sessionName(c), Value: token, Path: "/", SessionOnly: true, HTTPOnly: true, SameSite: fiber.CookieSameSiteLaxMode,
		Secure: isSecure(c),
	}
}

// sessionName is the cookie's name. With the prefix, browsers take it from this host alone: an application of
// another host in the domain cannot put somebody else's session into it. They want it to be secure then.
func sessionName(c *fiber.Ctx) string {
	if isSecure(c) {
		return "__Host-" + sessionCookie
	}
	return sessionCookie
}

// isSecure reports whether the browser speaks HTTPS, as a proxy in front says, too.
func isSecure(c *fiber.Ctx) bool { return c.Protocol() == "https" }

// SessionToken is the token of whoever has signed in, "" when nobody has.
func SessionToken(c *fiber.Ctx) string { return strings.Clone(c.Cookies(sessionName(c))) }
