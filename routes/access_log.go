package routes

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

// logged writes a line a request, without its query: what people search for is nobody's business. It
// answers errors itself, so that the line has the status that the client got.
func logged(log *slog.Logger, now func() time.Time) fiber.Handler {
	return func(c *fiber.Ctx) error {
		start := now()
		if err := c.Next(); err != nil {
			if err := c.App().ErrorHandler(c, err); err != nil {
				return err
			}
		}
		// Fiber uses the memory of its strings again.
		log.LogAttrs(context.Background(), slog.LevelInfo, "request",
			slog.String("request_id", strings.Clone(c.GetRespHeader(fiber.HeaderXRequestID))),
			slog.String("method", strings.Clone(c.Method())), slog.String("path", strings.Clone(c.Path())),
			slog.Int("status", c.Response().StatusCode()), slog.Int("bytes", length(c.Response())),
			slog.Duration("duration", now().Sub(start)), slog.String("remote", c.IP()))
		return nil
	}
}

// length is how long an answer's body is, -1 when it is still to be written. (Body would read a stream
// to its end.)
func length(r *fasthttp.Response) int {
	if r.IsBodyStream() {
		return -1
	}
	return len(r.Body())
}
