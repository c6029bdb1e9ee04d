// Package routes holds the route tables of the API and the console, and the middleware that requests pass through.
package routes

import (
	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers"
	"lifecycle-sync/models"
)

// Handlers are the handlers of the API.
type Handlers struct {
	Health       *handlers.Health
	Metrics      fiber.Handler // Prometheus
	Docs         *handlers.Docs
	Products     *handlers.Products
	StageHistory *handlers.StageHistory
	Views        *handlers.Views
	Activity     *handlers.Activity
	Changes      *handlers.Changes
	Sync         *handlers.Sync
}

// table lists the routes of the API with the required role, rate limit and time limit. Fiber tries them in this order,
// so an exact path comes before one with a parameter.
func (h Handlers) table() []Route {
	const (
		get, post, put, del = fiber.MethodGet, fiber.MethodPost, fiber.MethodPut, fiber.MethodDelete

		api = apiBase

		anyone, reader, manager, admin = models.Anonymous, models.Reader, models.Manager, models.Admin
	)
	noQuery := handlers.WithoutQuery
	return []Route{
		{get, "/livez", anyone, unlimited, brief, h.Health.Live},
		{get, "/readyz", anyone, unlimited, brief, h.Health.Ready},
		{get, "/metrics", anyone, unlimited, brief, h.Metrics},
		{get, "/openapi.yaml", anyone, unlimited, brief, h.Docs.Document},
		{get, "/docs", anyone, unlimited, brief, h.Docs.Page},
		{get, "/docs/:file", anyone, unlimited, brief, h.Docs.File},

		{get, api + "/products", reader, reads, brief, h.Products.List},
		{post, api + "/products", manager, writes, long, h.Products.Create},
		{post, api + "/products/bulk", manager, writes, long, h.Products.Bulk},
		{post, api + "/products/import", manager, writes, long, noQuery(h.Products.Import)},
		{get, api + "/products/export.csv", reader, exports, long, h.Products.CSV},
		{get, api + "/products/export.xlsx", reader, exports, long, h.Products.Workbook},
		{get, api + "/products/:id", reader, reads, brief, noQuery(h.Products.Get)},
		{put, api + "/products/:id", manager, writes, long, h.Products.Update},
		{del, api + "/products/:id", admin, writes, brief, h.Products.Delete},
		{get, api + "/products/:id/attachments", reader, reads, brief, noQuery(h.Products.ListFiles)},
		{post, api + "/products/:id/attachments", manager, writes, long, h.Products.AddFiles},
		{get, api + "/products/:id/attachments/:attachmentId", reader, downloads, brief, h.Products.Download},
		{del, api + "/products/:id/attachments/:attachmentId", manager, writes, brief, h.Products.DeleteFile},
		{get, api + "/products/:id/activity", manager, reads, brief, h.Activity.OfProduct},
		{get, api + "/activity", manager, reads, brief, h.Activity.List},
		{get, api + "/activity/:id", manager, reads, brief, h.Activity.Get},
		{post, api + "/activity/:id/undo", manager, writes, long, noQuery(h.Activity.Undo)},
		{get, api + "/stage-history", reader, reads, brief, h.StageHistory.List},
		{post, api + "/stage-history", manager, writes, brief, h.StageHistory.Record},
		{get, api + "/stage-history/:id", reader, reads, brief, noQuery(h.StageHistory.Get)},
		{put, api + "/stage-history/:id", manager, writes, brief, h.StageHistory.Correct},
		{del, api + "/stage-history/:id", admin, writes, brief, h.StageHistory.Delete},
		{get, api + "/views", reader, reads, brief, noQuery(h.Views.List)},
		{post, api + "/views", reader, writes, brief, noQuery(h.Views.Create)},
		{put, api + "/views/:id", reader, writes, brief, noQuery(h.Views.Update)},
		{del, api + "/views/:id", reader, writes, brief, noQuery(h.Views.Delete)},
		{get, api + "/dropdowns", reader, reads, brief, noQuery(h.Products.Dropdowns)},
		{get, api + "/dashboard", reader, reads, minute, h.Products.Dashboard},
		{get, api + "/events", reader, changeStreams, endless, noQuery(h.Changes.Stream)},

		{get, api + "/sync", admin, reads, brief, noQuery(h.Sync.Status)},
		{post, api + "/sync", admin, syncs, endless, noQuery(h.Sync.Start)},
		{get, api + "/sync/runs", admin, reads, brief, h.Sync.Runs},
		{get, api + "/sync/runs/:id", admin, reads, brief, noQuery(h.Sync.Run)},
		{get, api + "/sync/runs/:id/changes", admin, reads, brief, h.Sync.Changes},
		{post, api + "/sync/runs/:id/cancel", admin, syncs, brief, noQuery(h.Sync.Cancel)},
		{post, api + "/sync/verify", admin, syncs, endless, noQuery(h.Sync.Verify)},
		{get, api + "/sync/quarantine", admin, reads, brief, h.Sync.Quarantine},
		{get, api + "/sync/changes", admin, reads, brief, h.Sync.RowChanges},
		{post, api + "/sync/changes/:id/restore", admin, writes, long, noQuery(h.Activity.Restore)},
		{get, api + "/sync/events", admin, streams, endless, noQuery(h.Sync.Events)},
	}
}
