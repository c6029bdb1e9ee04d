// Package routes is the table of everything the server answers, and what every request passes through
// before it.
package routes

import (
	"log/slog"
	"time"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers"
	"lifecycle-sync/repositories/pmo"
	"lifecycle-sync/services"
)

// Options are what the server needs.
type Options struct {
	Store       *pmo.Store // a pool of its own, so that requests do not wait for a run
	Log         *slog.Logger
	CORSOrigins []string         // other sites whose pages may call the API, as "https://pmo.example.com"
	Now         func() time.Time // for the durations in the access log
}

// New returns the server, in local mode: every caller is the local administrator, so it must be given
// a listener on loopback only, and it refuses what another site's page could send there.
func New(o Options) *fiber.App {
	health := handlers.NewHealth(o.Store, o.Log)
	products := handlers.NewProducts(services.NewProductList(o.Store))
	dropdowns := handlers.NewDropdowns(services.NewDropdowns(o.Store))

	web := newServer(o)
	web.Get("/livez", health.Live)
	web.Get("/readyz", health.Ready)

	api := web.Group("/api/product-lifecycle")
	api.Get("/products", products.List)
	api.Get("/dropdowns", dropdowns.All)
	return web
}
