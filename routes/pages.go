package routes

import (
	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers/pages"
	"lifecycle-sync/handlers/pages/overview"
	"lifecycle-sync/handlers/pages/products"
	"lifecycle-sync/handlers/pages/session"
	"lifecycle-sync/handlers/pages/stages"
	syncpages "lifecycle-sync/handlers/pages/sync"
	"lifecycle-sync/models"
)

// Pages are what the console's table names. Without Site there is no console.
type Pages struct {
	Site     *pages.Site
	Session  *session.Pages
	Overview *overview.Pages
	Products *products.Pages
	Stages   *stages.Pages
	Sync     *syncpages.Pages
}

// table is everything the console answers, as Handlers.table for the API. Forms are sent by POST alone.
func (p Pages) table() []route {
	const (
		get, post = fiber.MethodGet, fiber.MethodPost

		anyone, reader, manager, admin = models.Anonymous, models.Reader, models.Manager, models.Admin
	)
	return []route{
		{get, "/assets/:file", anyone, unmetered, brief, p.Site.Asset},
		{get, "/sign-in", anyone, unmetered, brief, p.Session.Ask},
		{post, "/sign-in", anyone, signIns, brief, p.Session.SignIn},
		{post, "/sign-out", anyone, unmetered, brief, p.Session.SignOut},

		{get, "/", reader, unmetered, minute, p.Overview.Show},

		{get, "/products", reader, unmetered, minute, p.Products.List},
		{post, "/products", manager, writes, long, p.Products.Create},
		{get, "/products/new", manager, unmetered, brief, p.Products.New},
		{get, "/products/:id", reader, unmetered, brief, p.Products.Show},
		{get, "/products/:id/edit", manager, unmetered, brief, p.Products.Edit},
		{post, "/products/:id/edit", manager, writes, minute, p.Products.Update},
		{get, "/products/:id/delete", admin, unmetered, brief, p.Products.AskDelete},
		{post, "/products/:id/delete", admin, writes, brief, p.Products.Delete},
		{post, "/products/:id/transitions", manager, writes, brief, p.Products.Move},
		{post, "/products/:id/attachments", manager, writes, long, p.Products.AddFiles},
		{get, "/products/:id/attachments/:attachmentId/delete", admin, unmetered, brief, p.Products.AskRemoveFile},
		{post, "/products/:id/attachments/:attachmentId/delete", admin, writes, brief, p.Products.RemoveFile},

		{get, "/stage-history", reader, unmetered, brief, p.Stages.List},
		{get, "/stage-history/matrix", reader, unmetered, minute, p.Stages.Matrix},
		{get, "/stage-history/:id/edit", manager, unmetered, brief, p.Stages.Edit},
		{post, "/stage-history/:id/edit", manager, writes, brief, p.Stages.Correct},
		{get, "/stage-history/:id/delete", admin, unmetered, brief, p.Stages.AskDelete},
		{post, "/stage-history/:id/delete", admin, writes, brief, p.Stages.Delete},

		{get, "/sync", admin, unmetered, brief, p.Sync.Show},
		{post, "/sync/dry-run", admin, syncs, endless, p.Sync.DryRun},
		{post, "/sync/verify", admin, syncs, endless, p.Sync.Verify},
		{get, "/sync/runs", admin, unmetered, brief, p.Sync.List},
		{post, "/sync/runs", admin, syncs, brief, p.Sync.Start},
		{get, "/sync/runs/:id", admin, unmetered, brief, p.Sync.ShowRun},
		{get, "/sync/runs/:id/cancel", admin, unmetered, brief, p.Sync.AskCancel},
		{post, "/sync/runs/:id/cancel", admin, syncs, brief, p.Sync.Cancel},
		{get, "/sync/quarantine", admin, unmetered, brief, p.Sync.Quarantine},
		{get, "/sync/changes", admin, unmetered, brief, p.Sync.Changes},
		{get, "/sync/doctor", admin, unmetered, minute, p.Sync.Doctor},
	}
}

// PageTable lists every route of the console.
func PageTable() []Entry { return entries(Pages{}.table()) }
