package routes

import (
	"net"
	"strings"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/models"
)

// localOnly refuses what a page of another site could make a browser on this machine send: a name of
// its own that it has pointed to loopback (DNS rebinding), or a request across sites.
func localOnly(origins []string) fiber.Handler {
	listed := originSet(origins)
	return func(c *fiber.Ctx) error {
		// Not c.Hostname(): that believes X-Forwarded-Host, which any page can set.
		host := string(c.Request().Header.Host())
		if !loopback(host) || !loopback(string(c.Request().URI().Host())) { // they differ in GET http://…
			return models.NewError(models.Forbidden, "http.local_mode_host", nil)
		}
		if foreign(strings.ToLower(c.Get(fiber.HeaderOrigin)), c.Get("Sec-Fetch-Site"), host, listed) {
			return models.NewError(models.Forbidden, "http.cross_site_request", nil).WithRemedy("http.cross_site_request_remedy", nil)
		}
		return c.Next()
	}
}

// loopback reports whether a Host header names this machine.
func loopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// foreign reports whether another site's page sent the request. A browser that sends no Origin, as with
// an image, tells at least whether the request crosses sites; what is no browser tells nothing.
func foreign(origin, fetchSite, host string, listed map[string]bool) bool {
	if origin == "" {
		return strings.EqualFold(fetchSite, "cross-site")
	}
	_, from, _ := strings.Cut(origin, "://")
	return !listed[origin] && !strings.EqualFold(from, host)
}
