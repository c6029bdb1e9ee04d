package routes

import (
	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers/pages"
	"lifecycle-sync/models"
)

// Pages are what the console's table names. Without Site there is no console.
type Pages struct {
	Site     *pages.Site
	Session  *pages.Session
	Overview *pages.Overview
	Products *pages.Products

	ProductForms *pages.ProductForms

	Histories    *pages.Histories
	HistoryForms *pages.HistoryForms
	Quarantine   *pages.Quarantine
	Changes      *pages.Changes
	Doctor       *pages.Doctor
	Sync         *pages.Sync
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
		{post, "/products", manager, writes, long, p.ProductForms.Create},
		{get, "/products/new", manager, unmetered, brief, p.ProductForms.New},
		{get, "/products/:id", reader, unmetered, brief, p.ProductForms.Show},
		{get, "/products/:id/edit", manager, unmetered, brief, p.ProductForms.Edit},
		{post, "/products/:id/edit", manager, writes, minute, p.ProductForms.Update},
		{get, "/products/:id/delete", admin, unmetered, brief, p.ProductForms.AskDelete},
		{post, "/products/:id/delete", admin, writes, brief, p.ProductForms.Delete},
		{post, "/products/:id/transitions", manager, writes, brief, p.ProductForms.Move},
		{post, "/products/:id/attachments", manager, writes, long, p.ProductForms.AddFiles},
		{get, "/products/:id/attachments/:attachmentId/delete", admin, unmetered, brief, p.ProductForms.AskRemoveFile},
		{post, "/products/:id/attachments/:attachmentId/delete", admin, writes, brief, p.ProductForms.RemoveFile},

		{get, "/stage-history", reader, unmetered, brief, p.Histories.List},
		{get, "/stage-history/matrix", reader, unmetered, minute, p.Histories.Matrix},
		{get, "/stage-history/:id/edit", manager, unmetered, brief, p.HistoryForms.Edit},
		{post, "/stage-history/:id/edit", manager, writes, brief, p.HistoryForms.Correct},
		{get, "/stage-history/:id/delete", admin, unmetered, brief, p.HistoryForms.AskDelete},
		{post, "/stage-history/:id/delete", admin, writes, brief, p.HistoryForms.Delete},

		{get, "/sync", admin, unmetered, brief, p.Sync.Show},
		{post, "/sync/dry-run", admin, syncs, endless, p.Sync.DryRun},
		{post, "/sync/verify", admin, syncs, endless, p.Sync.Verify},
		{get, "/sync/runs", admin, unmetered, brief, p.Sync.List},
		{post, "/sync/runs", admin, syncs, brief, p.Sync.Start},
		{get, "/sync/runs/:id", admin, unmetered, brief, p.Sync.ShowRun},
		{get, "/sync/runs/:id/cancel", admin, unmetered, brief, p.Sync.AskCancel},
		{post, "/sync/runs/:id/cancel", admin, syncs, brief, p.Sync.Cancel},
		{get, "/sync/quarantine", admin, unmetered, brief, p.Quarantine.Show},
		{get, "/sync/changes", admin, unmetered, brief, p.Changes.Show},
		{get, "/sync/doctor", admin, unmetered, minute, p.Doctor.Show},
	}
}

// PageTable lists every route of the console.
func PageTable() []Entry { return entries(Pages{}.table()) }
