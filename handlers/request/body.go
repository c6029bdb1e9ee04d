package request

import (
	"bytes"
	"context"
	"errors"
	"io"
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

// limited reads a request's body. Errors: too_large beyond the limit; io.ErrUnexpectedEOF if the body ends before its
// Content-Length.
type limited struct {
	from      io.Reader
	limit     int64
	read      int64
	announced int64 // Content-Length, -1 for none
	budget    int64 // bytes that may still be read, as for the headers of a part; -1 for no budget
}

// bodyOf returns a request's body with a limit in bytes.
func bodyOf(c *fiber.Ctx, limit int64) *limited {
	body := &limited{limit: limit, announced: -1, budget: -1, from: c.Context().RequestBodyStream()}
	if body.from == nil {
		body.from = bytes.NewReader(c.Context().Request.Body())
	}
	if length := c.Context().Request.Header.ContentLength(); length >= 0 {
		body.announced = int64(length)
	}
	return body
}

// isTooLarge reports whether the announced size is over the limit.
func (b *limited) isTooLarge() bool { return b.announced > b.limit }

// Read implements io.Reader.
func (b *limited) Read(p []byte) (int, error) {
	if b.read > b.limit {
		return 0, tooLarge(b.limit)
	}
	if b.budget == 0 {
		return 0, errBudget
	}
	p = p[:min(int64(len(p)), b.limit-b.read+1)]
	if b.budget > 0 {
		p = p[:min(int64(len(p)), b.budget)]
	}
	n, err := b.from.Read(p)
	b.read += int64(n)
	if b.budget > 0 {
		b.budget -= int64(n)
	}
	if b.read > b.limit {
		return 0, tooLarge(b.limit)
	}
	if errors.Is(err, io.EOF) && b.announced > b.read {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

var errBudget = errors.New("over the read budget")

func tooLarge(limit int64) error {
	return models.NewError(models.TooLarge, "request.too_large", models.Params{"limit": limit})
}

// unreadable returns the error for a body that could not be read: the client's mistake, with the text code, unless err
// is more specific.
func unreadable(err error, code string) error {
	var own *models.Error
	var network net.Error
	switch {
	case errors.As(err, &own):
		return own
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.As(err, &network) && network.Timeout():
		return fiber.ErrRequestTimeout
	default:
		return models.NewError(models.Invalid, code, nil).WithCause(err)
	}
}

// drain reads the rest of a rejected body within limits, so that the client sees the response, and closes the connection
// if there is more.
func drain(c *fiber.Ctx) {
	stream := c.Context().RequestBodyStream()
	if stream == nil {
		return
	}
	_ = c.Context().SetReadDeadline(time.Now().Add(drainTimeout)) // fails if the client is gone
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

// unsupported returns the error for a body whose type is not one of types.
func unsupported(types ...string) error {
	return models.NewError(models.UnsupportedType, "request.unsupported_type", models.Params{"types": types})
}

// isText reports whether the databases can store a text: UTF-8 without NUL.
func isText(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }

func encodingError(field string) error {
	return Invalid(field, "encoding", "request.encoding", nil)
}
