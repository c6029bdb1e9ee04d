package routes

import (
	"net"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/cors"

	"lifecycle-sync/models"
)

// localOnly protects local mode, where every caller is the Admin, from pages of other sites: it rejects foreign host
// names (DNS rebinding) and cross-site requests.
func localOnly(origins []string) fiber.Handler {
	allowed := originSet(origins)
	return func(c *fiber.Ctx) error {
		// Not c.Hostname(), which trusts X-Forwarded-Host. Header and URI differ in "GET http://…".
		host := string(c.Request().Header.Host())
		if !isLoopback(host) || !isLoopback(string(c.Request().URI().Host())) {
			return models.NewError(models.Forbidden, "http.local_mode_host", nil)
		}
		if isCrossSite(strings.ToLower(c.Get(fiber.HeaderOrigin)), c.Get("Sec-Fetch-Site"), host, allowed) {
			return models.NewError(models.Forbidden, "http.cross_site_request", nil).WithRemedy("http.cross_site_request_remedy", nil)
		}
		return c.Next()
	}
}

// isLoopback reports whether a Host header names this machine.
func isLoopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// isCrossSite reports whether a page of another site sent the request. Browsers that send no Origin, as for images,
// send Sec-Fetch-Site; clients other than browsers send neither.
func isCrossSite(origin, fetchSite, host string, allowed map[string]bool) bool {
	if origin == "" {
		return strings.EqualFold(fetchSite, "cross-site")
	}
	_, from, _ := strings.Cut(origin, "://")
	return !allowed[origin] && !strings.EqualFold(from, host)
}

// rejectCrossSiteForms protects the console's forms from cross-site request forgery by the headers with which browsers
// say where a form comes from. Fiber's csrf middleware would need a token in every form and storage for it.
func rejectCrossSiteForms(c *fiber.Ctx) error {
	site, origin := c.Get("Sec-Fetch-Site"), strings.ToLower(c.Get(fiber.HeaderOrigin))
	_, from, _ := strings.Cut(origin, "://")
	sameSite := strings.EqualFold(site, "same-origin") || site == "" && origin != "" && strings.EqualFold(from, string(c.Request().Header.Host()))
	if c.Method() != fiber.MethodGet && c.Method() != fiber.MethodHead && !sameSite {
		return models.NewError(models.Forbidden, "http.cross_site_form", nil).WithRemedy("http.cross_site_form_remedy", nil)
	}
	return c.Next()
}

// crossOrigin lets the pages of the listed origins call the API and read its headers.
func crossOrigin(origins []string) fiber.Handler {
	allowed := originSet(origins)
	return cors.New(cors.Config{
		AllowOriginsFunc: func(origin string) bool { return allowed[origin] },
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
