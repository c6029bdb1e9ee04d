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
}

// table is everything the console answers, as Handlers.table for the API. Forms are sent by POST alone.
func (p Pages) table() []route {
	const (
		get, post = fiber.MethodGet, fiber.MethodPost

		anyone, reader = models.Anonymous, models.Reader
	)
	return []route{
		{get, "/assets/:file", anyone, unmetered, brief, p.Site.Asset},
		{get, "/sign-in", anyone, unmetered, brief, p.Session.Ask},
		{post, "/sign-in", anyone, signIns, brief, p.Session.SignIn},
		{post, "/sign-out", anyone, unmetered, brief, p.Session.SignOut},

		{get, "/", reader, unmetered, minute, p.Overview.Show},
	}
}
