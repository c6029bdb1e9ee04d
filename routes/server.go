package routes

import (
	"context"
	"log/slog"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/cors"
	recovery "github.com/gofiber/fiber/v2/middleware/recover"
	"github.com/valyala/fasthttp"

	"lifecycle-sync/handlers"
)

// brief is what most requests' queries may take together.
const brief = 10 * time.Second

// The limits of a request. Addresses have room for a search that is too long, so that the answer can
// say so. There is no write timeout: it would cut off a stream of events.
const (
	readTimeout = 30 * time.Second
	idleTimeout = 2 * time.Minute
	bodyLimit   = 1 << 20
	headLimit   = 32 << 10
)

// newServer returns a server with a table of routes. What a request passes through stands in the order
// in which it does.
func newServer(o Options, table []route) *fiber.App {
	fail := handlers.Errors(o.Log)
	web := fiber.New(fiber.Config{
		DisableStartupMessage: true,
		CaseSensitive:         true,
		ReadTimeout:           readTimeout,
		IdleTimeout:           idleTimeout,
		BodyLimit:             bodyLimit,
		ReadBufferSize:        headLimit,
		ErrorHandler: func(c *fiber.Ctx, err error) error {
			mark(c) // a request that cannot be read has passed through nothing
			return fail(c, err)
		},
	})
	web.Server().Handler = knownMethod(web, web.Server().Handler)
	gate := &gate{access: o.Access}
	web.Use(marked, logged(o.Log, o.Now), recovered(o.Log))
	if o.Access == nil {
		web.Use(localOnly(o.CORSOrigins))
	}
	web.Use(crossOrigin(o.CORSOrigins))
	web.Use(apiBase, gate.known)
	for _, r := range table {
		add := web.Add
		if r.method == fiber.MethodGet {
			add = func(_, path string, chain ...fiber.Handler) fiber.Router { return web.Get(path, chain...) } // and HEAD
		}
		add(r.method, r.path, gate.admits(r), limited(r.timeout), r.handle)
	}
	return web
}

// knownMethod answers methods that HTTP does not have as every other error is answered; Fiber would
// answer in plain text.
func knownMethod(web *fiber.App, serve fasthttp.RequestHandler) fasthttp.RequestHandler {
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

// limited bounds the time that a request's queries may take; 0 does not.
func limited(timeout time.Duration) fiber.Handler {
	return func(c *fiber.Ctx) error {
		if timeout == 0 {
			return c.Next()
		}
		ctx, cancel := context.WithTimeout(c.UserContext(), timeout)
		defer cancel()
		c.SetUserContext(ctx)
		return c.Next()
	}
}

// recovered turns a panic into an error and logs where it was.
func recovered(log *slog.Logger) fiber.Handler {
	return recovery.New(recovery.Config{
		EnableStackTrace: true,
		StackTraceHandler: func(_ *fiber.Ctx, e any) {
			log.Error("panic in a handler", "panic", e, "stack", string(debug.Stack()))
		},
	})
}

// crossOrigin lets the pages of the listed origins call the API and read the headers it relies on.
func crossOrigin(origins []string) fiber.Handler {
	listed := originSet(origins)
	return cors.New(cors.Config{
		AllowOriginsFunc: func(origin string) bool { return listed[origin] },
		AllowHeaders:     "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID",
		ExposeHeaders:    "ETag, Link, Location, Retry-After, " + fiber.HeaderXRequestID,
		MaxAge:           int(10 * time.Minute / time.Second),
	})
}

// originSet holds origins as browsers write them.
func originSet(origins []string) map[string]bool {
	set := make(map[string]bool, len(origins))
	for _, origin := range origins {
		set[strings.ToLower(strings.TrimRight(strings.TrimSpace(origin), "/"))] = true
	}
	return set
}
