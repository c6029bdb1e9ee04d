package routes

import (
	"strings"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/models"
)

// ownForms refuses forms that a page of another site could make a browser send here with the cookie of whoever
// has signed in. Browsers tell where a form comes from; what tells nothing is no browser that has a session.
func ownForms(c *fiber.Ctx) error {
	site, origin := c.Get("Sec-Fetch-Site"), strings.ToLower(c.Get(fiber.HeaderOrigin))
	_, from, _ := strings.Cut(origin, "://")
	ownSite := strings.EqualFold(site, "same-origin") || site == "" && origin != "" && strings.EqualFold(from, string(c.Request().Header.Host()))
	if c.Method() != fiber.MethodGet && c.Method() != fiber.MethodHead && !ownSite {
		return models.NewError(models.Forbidden, "http.cross_site_form", nil).WithRemedy("http.cross_site_form_remedy", nil)
	}
	return c.Next()
}
