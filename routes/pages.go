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
	}
}
