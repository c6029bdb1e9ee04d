package request

import (
	"strings"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/services"
)

// IfMatch reads the header, of which there may be several; "" when there is none. An empty one is a
// client's mistake, which must not make a guarded write an unguarded one. Errors: validation_failed.
func IfMatch(c *fiber.Ctx) (services.IfMatch, error) {
	var tags []string
	for _, line := range c.Request().Header.PeekAll(fiber.HeaderIfMatch) {
		if strings.TrimSpace(string(line)) == "" {
			return "", Invalid(fiber.HeaderIfMatch, "required", "If-Match must be an ETag, or several, or *")
		}
		tags = append(tags, string(line))
	}
	return services.IfMatch(strings.Join(tags, ",")), nil
}

// maxKey is how many characters an Idempotency-Key may have.
const maxKey = 255

// IdempotencyKey reads the header, nil when there is none. Errors: validation_failed.
func IdempotencyKey(c *fiber.Ctx) (*services.IdempotencyKey, error) {
	const header = "Idempotency-Key"
	if c.Request().Header.Peek(header) == nil {
		return nil, nil //nolint:nilnil // as documented
	}
	return keyOf(c, header, strings.Clone(c.Get(header)))
}

// FormKey is the key that a form was made with, so that sending it twice does once what it asks for. Errors:
// validation_failed.
func FormKey(c *fiber.Ctx, key string) (*services.IdempotencyKey, error) {
	return keyOf(c, KeyField, key)
}

// KeyField is the field of a form that holds its key.
const KeyField = "key"

func keyOf(c *fiber.Ctx, name, key string) (*services.IdempotencyKey, error) {
	if key == "" || len(key) > maxKey || strings.ContainsFunc(key, func(r rune) bool { return r < ' ' || r > '~' }) {
		return nil, Invalid(name, "length", "%s must be 1 to 255 printable ASCII characters", name)
	}
	return &services.IdempotencyKey{Caller: Caller(c).Subject, Route: c.Method() + " " + c.Route().Path, Key: key}, nil
}
