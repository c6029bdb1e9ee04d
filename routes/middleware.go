package routes

import (
	"context"
	"crypto/rand"
	"log/slog"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	recovery "github.com/gofiber/fiber/v2/middleware/recover"
	"github.com/valyala/fasthttp"
)

// setHeaders gives every response its request ID and the security headers. Fiber's requestid trusts the client's
// X-Request-ID of any length; helmet sets a dozen headers and, like requestid, misses requests that are rejected
// before routing, which the error handler gives the same headers.
func setHeaders(c *fiber.Ctx) {
	if c.GetRespHeader(fiber.HeaderXRequestID) != "" {
		return
	}
	c.Set(fiber.HeaderXRequestID, rand.Text())
	c.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	c.Set(fiber.HeaderContentSecurityPolicy, "default-src 'none'; frame-ancestors 'none'")
	c.Set(fiber.HeaderReferrerPolicy, "no-referrer")
	c.Set(fiber.HeaderCacheControl, "no-store") // responses with an ETag replace it
}

// routeKey is the key of the matched route's pattern in a request's locals.
type routeKey struct{}

// setRoute records the matched route. Fiber's c.Route() is, without a match, the last middleware.
func setRoute(pattern string) fiber.Handler {
	return func(c *fiber.Ctx) error {
		c.Locals(routeKey{}, pattern)
		return c.Next()
	}
}

// observe writes the access log, without query strings, because searches are private, and reports every request to
// o.Observe by its route's pattern, because addresses are unbounded and may be private.
func observe(o Options) fiber.Handler {
	return func(c *fiber.Ctx) error {
		start := o.Now()
		err := c.Next()
		status, took := c.Response().StatusCode(), o.Now().Sub(start)
		method := fiber.DefaultMethods[slices.Index(fiber.DefaultMethods, c.Method())] // rejectUnknownMethods passes no other
		if o.Observe != nil {
			pattern, _ := c.Locals(routeKey{}).(string)
			o.Observe(pattern, method, status, took)
		}
		// Cloned, because Fiber reuses the memory of its strings.
		o.Log.LogAttrs(context.Background(), slog.LevelInfo, "request",
			slog.String("request_id", strings.Clone(c.GetRespHeader(fiber.HeaderXRequestID))),
			slog.String("method", method), slog.String("path", strings.Clone(c.Path())),
			slog.Int("status", status), slog.Int("bytes", bodySize(c.Response())), slog.Duration("duration", took), slog.String("remote", c.IP()))
		return err
	}
}

// bodySize returns the size of a response's body, -1 for a stream, which Body would read to its end.
func bodySize(r *fasthttp.Response) int {
	if r.IsBodyStream() {
		return -1
	}
	return len(r.Body())
}

// respondToErrors turns errors into responses, so that the middleware before it sees what the client gets.
func respondToErrors(c *fiber.Ctx) error {
	if err := c.Next(); err != nil {
		return c.App().ErrorHandler(c, err)
	}
	return nil
}

// setTimeout bounds a request: reading its body, its queries, and writing its response.
func setTimeout(timeout time.Duration) fiber.Handler {
	return func(c *fiber.Ctx) error {
		if timeout == endless {
			return c.Next()
		}
		if timeout > readTimeout {
			_ = c.Context().SetReadDeadline(time.Now().Add(timeout)) // fails if the client has disconnected
		}
		ctx, cancel := context.WithTimeout(c.UserContext(), timeout)
		defer cancel()
		c.SetUserContext(ctx)
		err := c.Next()
		_ = c.Context().SetWriteDeadline(time.Now().Add(max(timeout, readTimeout)))
		return err
	}
}

// recoverPanics turns a panic into an error and logs its stack.
func recoverPanics(log *slog.Logger) fiber.Handler {
	return recovery.New(recovery.Config{
		EnableStackTrace: true,
		StackTraceHandler: func(_ *fiber.Ctx, e any) {
			log.Error("panic in a handler", "panic", e, "stack", string(debug.Stack()))
		},
	})
}

// rejectUnknownMethods answers methods that HTTP does not have with our error envelope; Fiber would answer in plain
// text.
func rejectUnknownMethods(web *fiber.App, serve fasthttp.RequestHandler) fasthttp.RequestHandler {
	return func(raw *fasthttp.RequestCtx) {
		if slices.Contains(fiber.DefaultMethods, string(raw.Method())) {
			serve(raw)
			return
		}
		c := web.AcquireCtx(raw)
		defer web.ReleaseCtx(c)
		_ = web.ErrorHandler(c, fiber.ErrBadRequest) // fails only when JSON cannot be written
	}
}
