// Package request parses and validates requests: paths, queries, headers, forms with files, and JSON. Errors name the
// invalid fields. The API and the console share it.
package request

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"mime"
	"net"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/models"
)

// Most clients read the response only after they have sent the whole body. So of a rejected request this much more is
// read before the connection is closed.
const (
	drainTimeout = 2 * time.Second
	drainLimit   = 64 << 20 // bytes
)

// noBudget lets a body be read up to its limit.
const noBudget = math.MaxInt64

// limited reads a request's body. Errors: too_large beyond the limit; io.ErrUnexpectedEOF if the body ends before its
// Content-Length.
type limited struct {
	from      io.Reader
	limit     int64
	read      int64
	announced int64 // Content-Length, -1 for none
	budget    int64 // bytes that may still be read, as for the headers of a part
}

// bodyOf returns a request's body with a limit in bytes.
func bodyOf(c *fiber.Ctx, limit int64) *limited {
	from := c.Context().RequestBodyStream()
	if from == nil {
		from = bytes.NewReader(c.Context().Request.Body())
	}
	return &limited{from: from, limit: limit, announced: int64(max(c.Context().Request.Header.ContentLength(), -1)), budget: noBudget}
}

// Read implements io.Reader.
func (b *limited) Read(p []byte) (int, error) {
	if b.budget == 0 {
		return 0, errBudget
	}
	n, err := b.from.Read(p[:min(int64(len(p)), max(b.limit-b.read+1, 0), b.budget)])
	b.read, b.budget = b.read+int64(n), b.budget-int64(n)
	switch {
	case b.read > b.limit:
		return 0, models.NewError(models.TooLarge, "request.too_large", models.Params{"limit": b.limit})
	case errors.Is(err, io.EOF) && b.announced > b.read:
		return n, io.ErrUnexpectedEOF
	default:
		return n, err
	}
}

var errBudget = errors.New("over the read budget")

// unreadable drains a body that could not be read, and returns the error: the client's mistake, with the text code, unless
// err is more specific.
func unreadable(c *fiber.Ctx, err error, code string) error {
	drain(c)
	if own, ok := errors.AsType[*models.Error](err); ok {
		return own
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if network, ok := errors.AsType[net.Error](err); ok && network.Timeout() {
		return fiber.ErrRequestTimeout
	}
	return models.NewError(models.Invalid, code, nil).WithCause(err)
}

// drain reads the rest of a rejected body within limits, so that the client sees the response, and closes the connection
// if there is more.
func drain(c *fiber.Ctx) {
	stream := c.Context().RequestBodyStream()
	if stream == nil {
		return
	}
	_ = c.Context().SetReadDeadline(time.Now().Add(drainTimeout)) // fails if the client has disconnected
	if n, err := io.CopyN(io.Discard, stream, drainLimit); err == nil && n == drainLimit || err != nil && !errors.Is(err, io.EOF) {
		c.Context().SetConnectionClose()
	}
}

// mediaType returns the media type of a request's body with its parameters, "" for an unreadable or compressed one.
func mediaType(c *fiber.Ctx) (string, map[string]string) {
	if encoding := c.Get(fiber.HeaderContentEncoding); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return "", nil
	}
	kind, parameters, err := mime.ParseMediaType(c.Get(fiber.HeaderContentType))
	if err != nil {
		return "", nil
	}
	return kind, parameters
}

// unsupported drains the body and returns the error that its type is not one of types.
func unsupported(c *fiber.Ctx, types ...string) error {
	drain(c)
	return models.NewError(models.UnsupportedType, "request.unsupported_type", models.Params{"types": types})
}

// isText reports whether the databases can store a text: UTF-8 without NUL.
func isText(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }

// Invalid returns the error for one invalid field; text is a code of the message catalogue, which gets the
// parameter "field".
func Invalid(field, code, text string, params models.Params) error {
	return models.NewInvalid(models.NewFieldError(field, code, text, params))
}

func unknownField(name string, known []string) error {
	return Invalid(clip(name), "unknown", "request.unknown_field", models.Params{"known": known})
}

// clip shortens client input so that a message can repeat it.
func clip(s string) string {
	const limit = 40
	s = strings.ToValidUTF8(s, "�")
	if runes := []rune(s); len(runes) > limit {
		return string(runes[:limit]) + "…"
	}
	return s
}
