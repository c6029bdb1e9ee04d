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

// A client that is still sending when its request is refused would not see why: most read the answer
// only when they have sent everything. So much more is taken from it before the connection is closed.
const (
	patience      = 2 * time.Second
	patientlyRead = 64 << 20 // bytes
)

// limited reads a request's body and fails, with too_large, as soon as there is more of it than limit.
// What it returns at the end is io.EOF only when the body is whole.
type limited struct {
	from     io.Reader
	limit    int64
	read     int64
	announce int64 // Content-Length, -1 when the client did not say
	scarce   int64 // while it is not negative, so much more may be read and no more
}

// bodyOf returns a request's body, of which at most limit bytes are read.
func bodyOf(c *fiber.Ctx, limit int64) *limited {
	body := &limited{limit: limit, announce: -1, scarce: -1, from: c.Context().RequestBodyStream()}
	if body.from == nil {
		body.from = bytes.NewReader(c.Context().Request.Body())
	}
	if length := c.Context().Request.Header.ContentLength(); length >= 0 {
		body.announce = int64(length)
	}
	return body
}

// isTooLarge reports whether the client has announced more than is read.
func (b *limited) isTooLarge() bool { return b.announce > b.limit }

// Read implements io.Reader.
func (b *limited) Read(p []byte) (int, error) {
	if b.read > b.limit {
		return 0, tooLarge(b.limit)
	}
	if b.scarce == 0 {
		return 0, errScarce
	}
	p = p[:min(int64(len(p)), b.limit-b.read+1)]
	if b.scarce > 0 {
		p = p[:min(int64(len(p)), b.scarce)]
	}
	n, err := b.from.Read(p)
	b.read += int64(n)
	if b.scarce > 0 {
		b.scarce -= int64(n)
	}
	if b.read > b.limit {
		return 0, tooLarge(b.limit)
	}
	if errors.Is(err, io.EOF) && b.announce > b.read {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

var errScarce = errors.New("more than there may be")

func tooLarge(limit int64) error {
	return models.NewError(models.TooLarge, "request.too_large", models.Params{"limit": limit})
}

// unreadable is the error for a body that could not be read to its end: the client's mistake, unless it
// is an error of another kind already.
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

// refused lets a client that is still sending see the answer, within limits, and closes the connection
// if it has not come to its end by then.
func refused(c *fiber.Ctx) {
	stream := c.Context().RequestBodyStream()
	if stream == nil {
		return
	}
	_ = c.Context().SetReadDeadline(time.Now().Add(patience)) // fails where the client is gone
	if n, err := io.CopyN(io.Discard, stream, patientlyRead); err == nil && n == patientlyRead || err != nil && !errors.Is(err, io.EOF) {
		c.Context().SetConnectionClose()
	}
}

// mediaType is the type of a request's body, with its parameters, or "" for one that cannot be read.
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

// isText reports whether a text can be kept: UTF-8 without NUL.
func isText(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }

func encodingError(field string) error {
	return Invalid(field, "encoding", "request.encoding", nil)
}
