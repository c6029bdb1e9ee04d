package routes

import (
	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers"
	"lifecycle-sync/handlers/pages"
	"lifecycle-sync/handlers/pages/activity"
	"lifecycle-sync/handlers/pages/overview"
	"lifecycle-sync/handlers/pages/products"
	"lifecycle-sync/handlers/pages/session"
	"lifecycle-sync/handlers/pages/stages"
	syncpages "lifecycle-sync/handlers/pages/sync"
	"lifecycle-sync/models"
)

// Pages are the handlers of the console. If Site is nil, there is no console.
type Pages struct {
	Site     *pages.Site
	Session  *session.Pages
	Overview *overview.Pages
	Products *products.Pages
	Stages   *stages.Pages
	Activity *activity.Pages
	Sync     *syncpages.Pages
}

// table lists the routes of the console, as Handlers.table does for the API. Forms use POST.
func (p Pages) table() []Route {
	const (
		get, post = fiber.MethodGet, fiber.MethodPost

		anyone, reader, manager, admin = models.Anonymous, models.Reader, models.Manager, models.Admin
	)
	noQuery := handlers.WithoutQuery
	return []Route{
		{get, "/assets/:file", anyone, unlimited, brief, p.Site.Asset},
		{get, "/sign-in", anyone, unlimited, brief, p.Session.Ask},
		{post, "/sign-in", anyone, signIns, brief, p.Session.SignIn},
		{post, "/sign-out", anyone, unlimited, brief, p.Session.SignOut},
		{post, "/language", anyone, unlimited, brief, p.Session.ChooseLanguage},

		{get, "/", reader, reads, minute, p.Overview.Show},

		{get, "/products", reader, reads, minute, p.Products.List},
		{post, "/products", manager, writes, long, p.Products.Create},
		{get, "/products/new", manager, reads, brief, noQuery(p.Products.New)},
		{post, "/products/selected/move", manager, reads, brief, p.Products.SelectMove},
		{post, "/products/selected/edit", manager, reads, brief, p.Products.SelectEdit},
		{post, "/products/selected/export.csv", reader, exports, long, p.Products.SelectCSV},
		{post, "/products/selected/export.xlsx", reader, exports, long, p.Products.SelectWorkbook},
		{post, "/products/bulk/move", manager, writes, long, p.Products.BulkMove},
		{post, "/products/bulk/edit", manager, writes, brief, p.Products.BulkEdit},
		{get, "/products/import", manager, reads, brief, noQuery(p.Products.ImportForm)},
		{post, "/products/import", manager, writes, long, noQuery(p.Products.Import)},
		{get, "/products/:id", reader, reads, brief, noQuery(p.Products.Show)},
		{get, "/products/:id/edit", manager, reads, brief, noQuery(p.Products.Edit)},
		{post, "/products/:id/edit", manager, writes, minute, p.Products.Update},
		{get, "/products/:id/delete", admin, reads, brief, noQuery(p.Products.Delete)},
		{post, "/products/:id/delete", admin, writes, brief, p.Products.Delete},
		{post, "/products/:id/transitions", manager, writes, long, p.Products.Move},
		{post, "/products/:id/attachments", manager, writes, long, p.Products.AddFiles},
		{get, "/products/:id/attachments/:attachmentId/delete", manager, reads, brief, noQuery(p.Products.DeleteFile)},
		{post, "/products/:id/attachments/:attachmentId/delete", manager, writes, brief, p.Products.DeleteFile},

		{get, "/views/new", reader, reads, brief, p.Products.NewView},
		{post, "/views", reader, writes, brief, p.Products.CreateView},
		{get, "/views/:id/edit", reader, reads, brief, noQuery(p.Products.EditView)},
		{post, "/views/:id/edit", reader, writes, brief, p.Products.UpdateView},
		{get, "/views/:id/delete", reader, reads, brief, noQuery(p.Products.DeleteView)},
		{post, "/views/:id/delete", reader, writes, brief, p.Products.DeleteView},

		{get, "/stage-history", reader, reads, brief, p.Stages.List},
		{get, "/stage-history/matrix", reader, reads, minute, noQuery(p.Stages.Matrix)},
		{get, "/stage-history/:id/edit", manager, reads, brief, noQuery(p.Stages.Edit)},
		{post, "/stage-history/:id/edit", manager, writes, brief, p.Stages.Correct},
		{get, "/stage-history/:id/delete", admin, reads, brief, noQuery(p.Stages.Delete)},
		{post, "/stage-history/:id/delete", admin, writes, brief, p.Stages.Delete},

		{get, "/activity", manager, reads, brief, p.Activity.List},
		{get, "/activity/:id", manager, reads, brief, p.Activity.Show},
		{post, "/activity/:id/undo", manager, writes, long, noQuery(p.Activity.Undo)},
		{get, "/deleted-products", manager, reads, brief, p.Activity.Deleted},
		{post, "/deleted-products/:id/restore", admin, writes, long, noQuery(p.Activity.Restore)},

		{get, "/sync", admin, reads, brief, noQuery(p.Sync.Show)},
		{post, "/sync/dry-run", admin, syncs, endless, p.Sync.DryRun},
		{post, "/sync/verify", admin, syncs, endless, p.Sync.Verify},
		{get, "/sync/runs", admin, reads, brief, p.Sync.List},
		{post, "/sync/runs", admin, syncs, brief, p.Sync.Start},
		{get, "/sync/runs/:id", admin, reads, brief, p.Sync.ShowRun},
		{get, "/sync/runs/:id/cancel", admin, reads, brief, noQuery(p.Sync.Cancel)},
		{post, "/sync/runs/:id/cancel", admin, syncs, brief, p.Sync.Cancel},
		{get, "/sync/quarantine", admin, reads, brief, p.Sync.Quarantine},
		{get, "/sync/changes", admin, reads, brief, p.Sync.Changes},
		{get, "/sync/doctor", admin, reads, minute, noQuery(p.Sync.Doctor)},
	}
}
