package routes

import (
	"log/slog"
	"time"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers"
	"lifecycle-sync/models"
	"lifecycle-sync/web/messages"
)

// Options configure the server.
type Options struct {
	Access      Access // nil is local mode
	Links       Links
	Log         *slog.Logger
	Printers    *messages.Printers
	CORSOrigins []string         // other sites whose pages may call the API, such as "https://pmo.example.com"
	Now         func() time.Time // for durations in the access log and rate limits

	// Observe, if not nil, is called for every request with its route's pattern, "" for none.
	Observe func(route, method string, status int, took time.Duration)

	ReadRate, WriteRate, SyncRate int // requests per minute and caller
}

// The time limits of requests.
const (
	brief   = 10 * time.Second
	minute  = time.Minute     // aggregates over millions of rows
	long    = 5 * time.Minute // uploads and exports
	endless = 0               // the handler sets its own deadlines
)

// The limits of connections. The header limit is large enough that a search that is too long gets a specific error.
// Handlers limit the bodies that they read; of unread bodies a few hundred kilobytes are skipped, then the connection is
// closed. There is no general write timeout, which would end event streams: see Pace.
const (
	readTimeout = 30 * time.Second // up to the end of the body
	idleTimeout = 2 * time.Minute
	headerLimit = 32 << 10
)

// New returns the server. Without Access it is in local mode: every caller is the local Admin, so it must listen on
// loopback only, and it rejects requests that other sites could send.
func New(o Options, h Handlers, p Pages) *fiber.App {
	if p.Site == nil {
		return newServer(o, h.table(), nil, nil)
	}
	return newServer(o, h.table(), p.table(), p.Site.Failure)
}

// newServer returns a server with the routes of the API and the console. show renders errors for browsers.
func newServer(o Options, api, pages []Route, show func(*fiber.Ctx, int, handlers.Failure) error) *fiber.App {
	auth := &auth{access: o.Access, links: o.Links, failures: newLimiter("tokens", authFailureRate, o.Now)}
	fail := handlers.Errors(o.Log, o.Printers, auth.withSession(show))
	web := fiber.New(fiber.Config{
		DisableStartupMessage: true,
		CaseSensitive:         true,
		ReadTimeout:           readTimeout,
		IdleTimeout:           idleTimeout,
		ReadBufferSize:        headerLimit,
		StreamRequestBody:     true,
		// Otherwise Fiber would store the files of forms before the sender is authenticated.
		DisablePreParseMultipartForm: true,
		ErrorHandler: func(c *fiber.Ctx, err error) error {
			setHeaders(c) // an unreadable request has passed no middleware
			return fail(c, err)
		},
	})
	web.Server().Handler = rejectUnknownMethods(web, web.Server().Handler)
	web.Use(func(c *fiber.Ctx) error { setHeaders(c); return c.Next() })
	web.Use(observe(o), handlers.Compress, respondToErrors, recoverPanics(o.Log), handlers.SetPrinter(o.Printers))
	if o.Access == nil {
		web.Use(localOnly(o.CORSOrigins))
	}
	web.Use(crossOrigin(o.CORSOrigins))
	web.Group(apiBase, auth.requireCaller)
	limits := newLimits(o)
	for _, r := range api {
		add(web, r, auth.requireRole(r.Role), limits.count(r.Limit), setTimeout(r.Timeout), r.Handle)
	}
	for _, r := range pages {
		add(web, r, rejectCrossSiteForms, auth.requireRole(r.Role), limits.count(r.Limit), setTimeout(r.Timeout), r.Handle)
	}
	return web
}

// add adds a route. A GET route also serves HEAD.
func add(web *fiber.App, r Route, chain ...fiber.Handler) {
	chain = append([]fiber.Handler{setRoute(r.Path)}, chain...)
	if r.Method == fiber.MethodGet {
		web.Get(r.Path, chain...)
		return
	}
	web.Add(r.Method, r.Path, chain...)
}

// Route is an entry of the route table.
type Route struct {
	Method, Path string        // parameters as ":name"
	Role         models.Role   // required
	Limit        limit         // rate limit
	Timeout      time.Duration // brief, minute, long or endless
	Handle       fiber.Handler
}

// Table lists the routes of the API, for tests and documents.
func Table() []Route { return Handlers{}.table() }

// PageTable lists the routes of the console.
func PageTable() []Route { return Pages{}.table() }
