// Package routes is the table of everything the server answers, and what every request passes through
// before it.
package routes

import (
	"log/slog"
	"time"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers"
	"lifecycle-sync/models"
	"lifecycle-sync/web/messages"
)

// Options are what the server needs.
type Options struct {
	Access      Access // nil is local mode
	Log         *slog.Logger
	Texts       *messages.Printer // renders error messages
	CORSOrigins []string          // other sites whose pages may call the API, as "https://pmo.example.com"
	Now         func() time.Time  // for the durations in the access log, and allowances

	// Observe is told of every request: the pattern of its route, "" when it reached none. May be nil.
	Observe func(route, method string, status int, took time.Duration)

	WriteRate, SyncRate int // requests a minute that each caller has for writes, and for synchronisation
}

// New returns the server. Without Access it is in local mode: every caller is the local administrator,
// so it must be given a listener on loopback only, and it refuses what another site's page could send
// there.
func New(o Options, h Handlers, p Pages) *fiber.App {
	if p.Site == nil {
		return newServer(o, h.table(), nil, nil)
	}
	return newServer(o, h.table(), p.table(), p.Site.Failure)
}

// Handlers are what the table names.
type Handlers struct {
	Health    *handlers.Health
	Products  *handlers.Products
	Dropdowns *handlers.Dropdowns
	Histories *handlers.Histories
	Dashboard *handlers.Dashboard
	Sync      *handlers.Sync
	Docs      *handlers.Docs
	Exports   *handlers.Exports

	ProductWrites *handlers.ProductWrites
	HistoryWrites *handlers.HistoryWrites
	Attachments   *handlers.Attachments
	Metrics       *handlers.Metrics
}

// route is a line of the table.
type route struct {
	method, path string
	role         models.Role   // the least that a caller must be
	draws        allowance     // which of the caller's allowances a request draws on
	timeout      time.Duration // see brief, long and endless
	handle       fiber.Handler
}

// table is everything the API answers, in the order in which paths are tried: an exact one stands before one
// with a parameter. A GET answers HEAD too.
func (h Handlers) table() []route {
	const (
		get, post, put, del = fiber.MethodGet, fiber.MethodPost, fiber.MethodPut, fiber.MethodDelete

		api = apiBase

		anyone, reader, manager, admin = models.Anonymous, models.Reader, models.Manager, models.Admin
	)
	return []route{
		{get, "/livez", anyone, unmetered, brief, h.Health.Live},
		{get, "/readyz", anyone, unmetered, brief, h.Health.Ready},
		{get, "/metrics", anyone, unmetered, brief, h.Metrics.Show},
		{get, "/openapi.yaml", anyone, unmetered, brief, h.Docs.Document},
		{get, "/docs", anyone, unmetered, brief, h.Docs.Page},
		{get, "/docs/:file", anyone, unmetered, brief, h.Docs.File},

		{get, api + "/products", reader, unmetered, brief, h.Products.List},
		{post, api + "/products", manager, writes, long, h.ProductWrites.Create},
		{get, api + "/products/export.csv", reader, unmetered, endless, h.Exports.CSV},
		{get, api + "/products/export.xlsx", reader, unmetered, endless, h.Exports.Workbook},
		{get, api + "/products/:id", reader, unmetered, brief, h.Products.One},
		{put, api + "/products/:id", manager, writes, long, h.ProductWrites.Update},
		{del, api + "/products/:id", admin, writes, brief, h.ProductWrites.Delete},
		{get, api + "/products/:id/attachments", reader, unmetered, brief, h.Attachments.List},
		{post, api + "/products/:id/attachments", manager, writes, long, h.Attachments.Add},
		{get, api + "/products/:id/attachments/:attachmentId", reader, unmetered, long, h.Attachments.Download},
		{del, api + "/products/:id/attachments/:attachmentId", admin, writes, brief, h.Attachments.Remove},
		{get, api + "/stage-history", reader, unmetered, brief, h.Histories.List},
		{post, api + "/stage-history", manager, writes, brief, h.HistoryWrites.Record},
		{get, api + "/stage-history/:id", reader, unmetered, brief, h.Histories.One},
		{put, api + "/stage-history/:id", manager, writes, brief, h.HistoryWrites.Correct},
		{del, api + "/stage-history/:id", admin, writes, brief, h.HistoryWrites.Delete},
		{get, api + "/dropdowns", reader, unmetered, brief, h.Dropdowns.All},
		{get, api + "/dashboard", reader, unmetered, minute, h.Dashboard.All},

		{get, api + "/sync", admin, unmetered, brief, h.Sync.Status},
		{post, api + "/sync", admin, syncs, endless, h.Sync.Start},
		{get, api + "/sync/runs", admin, unmetered, brief, h.Sync.Runs},
		{get, api + "/sync/runs/:id", admin, unmetered, brief, h.Sync.Run},
		{get, api + "/sync/runs/:id/changes", admin, unmetered, brief, h.Sync.Changes},
		{post, api + "/sync/runs/:id/cancel", admin, syncs, brief, h.Sync.Cancel},
		{post, api + "/sync/verify", admin, syncs, endless, h.Sync.Verify},
		{get, api + "/sync/quarantine", admin, unmetered, brief, h.Sync.Quarantine},
		{get, api + "/sync/changes", admin, unmetered, brief, h.Sync.RowChanges},
		{get, api + "/sync/events", admin, unmetered, endless, h.Sync.Events},
	}
}

// Entry is what a line of the table promises to the outside.
type Entry struct {
	Method, Path string // parameters as ":name"
	Role         models.Role
	Metered      bool // draws on an allowance of the caller's
}

// Table lists every route of the API.
func Table() []Entry { return entries(Handlers{}.table()) }

func entries(table []route) []Entry {
	var all []Entry
	for _, r := range table {
		all = append(all, Entry{Method: r.method, Path: r.path, Role: r.role, Metered: r.draws != unmetered})
	}
	return all
}
