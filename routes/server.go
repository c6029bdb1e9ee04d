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

// How long a request may take: its body to arrive, its queries, and its answer to be taken.
const (
	brief   = 10 * time.Second
	minute  = time.Minute     // figures of millions of rows, on a busy server
	long    = 5 * time.Minute // with files
	endless = 0               // its handler bounds it, as it does a stream's parts
)

// The limits of a request. Addresses have room for a search that is too long, so that the answer can
// say so. Bodies are read by the handlers that take one, each with its own limit; of others, a few
// hundred kilobytes are skipped and then the connection is closed. There is no write timeout for all: it
// would cut off a stream of events.
const (
	readTimeout = 30 * time.Second // to the end of the body
	idleTimeout = 2 * time.Minute
	headLimit   = 32 << 10
)

// newServer returns a server with the API's table of routes and the console's, which shows people errors. What
// a request passes through stands in the order in which it does.
func newServer(o Options, api, pages []route, show func(*fiber.Ctx, int, handlers.Failure) error) *fiber.App {
	gate := newGate(o)
	fail := handlers.Errors(o.Log, o.Texts, gate.greeting(show))
	web := fiber.New(fiber.Config{
		DisableStartupMessage: true,
		CaseSensitive:         true,
		ReadTimeout:           readTimeout,
		IdleTimeout:           idleTimeout,
		ReadBufferSize:        headLimit,
		StreamRequestBody:     true,
		// Else forms are read, with files on the disk, before it is known who sends them.
		DisablePreParseMultipartForm: true,
		ErrorHandler: func(c *fiber.Ctx, err error) error {
			mark(c) // a request that cannot be read has passed through nothing
			return fail(c, err)
		},
	})
	web.Server().Handler = knownMethod(web, web.Server().Handler)
	web.Use(marked, observed(o), logged(o.Log, o.Now), recovered(o.Log))
	if o.Access == nil {
		web.Use(localOnly(o.CORSOrigins))
	}
	web.Use(crossOrigin(o.CORSOrigins))
	web.Use(apiBase, gate.known)
	for _, r := range api {
		add(web, r, gate.admits(r.role), gate.metered(r.draws), limited(r.timeout), r.handle)
	}
	for _, r := range pages {
		add(web, r, ownForms, gate.admits(r.role), gate.metered(r.draws), limited(r.timeout), r.handle)
	}
	return web
}

// add adds a route to a server. A GET answers HEAD too.
func add(web *fiber.App, r route, chain ...fiber.Handler) {
	chain = append([]fiber.Handler{reaching(r.path)}, chain...)
	if r.method == fiber.MethodGet {
		web.Get(r.path, chain...)
		return
	}
	web.Add(r.method, r.path, chain...)
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

// limited bounds the time that a request may take.
func limited(timeout time.Duration) fiber.Handler {
	return func(c *fiber.Ctx) error {
		if timeout == endless {
			return c.Next()
		}
		if timeout > readTimeout {
			_ = c.Context().SetReadDeadline(time.Now().Add(timeout)) // fails where the client is gone
		}
		ctx, cancel := context.WithTimeout(c.UserContext(), timeout)
		defer cancel()
		c.SetUserContext(ctx)
		err := c.Next()
		_ = c.Context().SetWriteDeadline(time.Now().Add(max(timeout, readTimeout)))
		return err
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
		AllowMethods:     "GET, HEAD, POST, PUT, DELETE",
		AllowHeaders:     "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID",
		ExposeHeaders:    "ETag, Link, Location, Retry-After, Content-Disposition, " + fiber.HeaderXRequestID,
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
