package app

import (
	"context"
	"time"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers"
	"lifecycle-sync/models"
	"lifecycle-sync/routes"
	"lifecycle-sync/services"
	"lifecycle-sync/services/access"
	"lifecycle-sync/services/syncing"
)

// server wires what answers requests. Errors: configuration.
func (a *App) server(ctx context.Context, syncs *syncing.Service) (*fiber.App, error) {
	options := routes.Options{Log: a.log, CORSOrigins: a.cfg.CORSOrigins, Now: time.Now, WriteRate: a.cfg.WriteRate, SyncRate: a.cfg.SyncRate}
	if a.cfg.authenticates() {
		var err error
		if options.Access, err = access.New(ctx, a.accessOptions()); err != nil {
			return nil, err
		}
	}
	return routes.New(options, routes.Handlers{
		Health:    handlers.NewHealth(a.web, a.log),
		Products:  handlers.NewProducts(a.answers),
		Dropdowns: handlers.NewDropdowns(a.answers),
		Histories: handlers.NewHistories(a.answers),
		Sync:      handlers.NewSync(syncs, services.NewRuns(a.web, models.Tables())),
	}), nil
}
