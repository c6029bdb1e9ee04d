package request

import (
	"io"
	"net/url"
	"slices"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/models"
)

// plainFormLimit is how many bytes a form without files may have.
const plainFormLimit = 1 << 20

// ReadPlainForm reads a form without files (application/x-www-form-urlencoded), in which only known fields may
// stand, each once. What was not sent is "". Errors: unsupported_type, too_large, validation_failed.
func ReadPlainForm(c *fiber.Ctx, known ...string) (map[string]string, error) {
	if kind, _ := mediaType(c); kind != fiber.MIMEApplicationForm {
		refused(c)
		return nil, unsupported(fiber.MIMEApplicationForm)
	}
	text, err := io.ReadAll(bodyOf(c, plainFormLimit))
	if err != nil {
		refused(c)
		return nil, unreadable(err, "request.truncated")
	}
	sent, err := url.ParseQuery(string(text))
	if err != nil {
		return nil, models.NewError(models.Invalid, "request.malformed_form", nil).WithCause(err)
	}
	fields := map[string]string{}
	for name, values := range sent {
		switch {
		case !slices.Contains(known, name):
			return nil, unknownField(name, known)
		case len(values) > 1:
			return nil, Invalid(name, "duplicate", "request.duplicate", nil)
		case !isText(values[0]):
			return nil, encodingError(name)
		}
		fields[name] = values[0]
	}
	return fields, nil
}
