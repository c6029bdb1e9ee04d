package request

import (
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/models"
	"lifecycle-sync/services/outbox"
)

// Target reads the id of a write's row from the path, and the row versions that If-Match allows. Errors:
// validation_failed.
func Target(c *fiber.Ctx) (id int64, versions models.RowVersions, err error) {
	if id, err = ID(c); err == nil {
		versions, err = ifMatch(c)
	}
	return id, versions, err
}

// ifMatch reads the row versions in the If-Match headers; without a header, or for "*", it returns nil, which allows any.
// The row version is the part of an ETag before the dot; the rest identifies the response. As RFC 9110 requires, a weak
// ETag never matches; neither does a malformed one. An empty header is an error, so that it never turns a conditional
// write into an unconditional one. Errors: validation_failed.
func ifMatch(c *fiber.Ctx) (models.RowVersions, error) {
	lines := c.Request().Header.PeekAll(fiber.HeaderIfMatch)
	if len(lines) == 0 {
		return nil, nil
	}
	versions := models.RowVersions{}
	for _, line := range lines {
		if strings.TrimSpace(string(line)) == "" {
			return nil, Invalid(fiber.HeaderIfMatch, "required", "request.if_match", nil)
		}
		for candidate := range strings.SplitSeq(string(line), ",") {
			candidate = strings.TrimSpace(candidate)
			if candidate == "*" {
				return nil, nil
			}
			if version, _, _ := strings.Cut(strings.Trim(candidate, `"`), "."); strings.HasPrefix(candidate, `"`) {
				versions = append(versions, version)
			}
		}
	}
	return versions, nil
}

// maxKeyLength is the maximum length of an Idempotency-Key.
const maxKeyLength = 255

// IdempotencyKey reads the header, nil for none. Errors: validation_failed.
func IdempotencyKey(c *fiber.Ctx) (*outbox.Key, error) {
	const header = "Idempotency-Key"
	if c.Request().Header.Peek(header) == nil {
		return nil, nil //nolint:nilnil // as documented
	}
	return keyOf(c, header, strings.Clone(c.Get(header)))
}

// KeyField is the form field with the form's idempotency key.
const KeyField = "key"

// FormKey returns the idempotency key of a form. Errors: validation_failed.
func FormKey(c *fiber.Ctx, key string) (*outbox.Key, error) { return keyOf(c, KeyField, key) }

func keyOf(c *fiber.Ctx, name, key string) (*outbox.Key, error) {
	if key == "" || len(key) > maxKeyLength || strings.ContainsFunc(key, func(r rune) bool { return r < ' ' || r > '~' }) {
		return nil, Invalid(name, "length", "request.key", models.Params{"max": maxKeyLength})
	}
	return &outbox.Key{Caller: Caller(c).Subject, Route: c.Method() + " " + c.Route().Path, Key: key}, nil
}

// callerKey is the key of the caller in a request's locals.
type callerKey struct{}

// SetCaller sets a request's caller; authentication calls it before the handler runs.
func SetCaller(c *fiber.Ctx, caller models.Caller) { c.Locals(callerKey{}, caller) }

// Caller returns a request's caller: anonymous without a subject if the route does not authenticate.
func Caller(c *fiber.Ctx) models.Caller {
	caller, _ := c.Locals(callerKey{}).(models.Caller)
	return caller
}

// sessionCookie holds the token of a console user.
const sessionCookie = "lifecycle_session"

// maxTokenSize is the maximum size of a token in bytes: browsers silently drop cookies over 4096 bytes.
const maxTokenSize = 4000

// StartSession stores a token in a session cookie. Scripts cannot read it, and browsers do not send it with forms of
// other sites. Errors: validation_failed for a token that is too long for a cookie.
func StartSession(c *fiber.Ctx, token string) error {
	if len(token) > maxTokenSize {
		return Invalid("token", "too_long", "request.token_too_long", models.Params{"length": len(token), "max": maxTokenSize})
	}
	setSession(c, fiber.Cookie{Value: token, SessionOnly: true})
	return nil
}

// EndSession deletes the session cookie.
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

// isSecure reports whether the browser uses HTTPS, directly or to a reverse proxy.
func isSecure(c *fiber.Ctx) bool { return c.Protocol() == "https" }

// SessionToken returns the token of the console user, "" for none.
func SessionToken(c *fiber.Ctx) string { return strings.Clone(c.Cookies(sessionName(c))) }

// languageCookie holds the language that the user chose in the console.
const languageCookie = "lifecycle_language"

// Language returns the language that the user chose, "" for none.
func Language(c *fiber.Ctx) string { return strings.Clone(c.Cookies(languageCookie)) }

// SetLanguage stores the language that the user chose.
func SetLanguage(c *fiber.Ctx, language string) {
	const year = 365 * 24 * 60 * 60 // seconds
	c.Cookie(&fiber.Cookie{Name: languageCookie, Value: language, Path: "/", MaxAge: year, HTTPOnly: true, SameSite: fiber.CookieSameSiteLaxMode, Secure: isSecure(c)})
}
