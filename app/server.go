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
	"lifecycle-sync/services/metrics"
	"lifecycle-sync/services/mirror"
	"lifecycle-sync/services/syncing"
)

// server wires what answers requests. Errors: configuration.
func (a *App) server(ctx context.Context, syncs *syncing.Service, figures *metrics.Metrics) (*fiber.App, error) {
	options := routes.Options{Log: a.log, CORSOrigins: a.cfg.CORSOrigins, Now: time.Now, WriteRate: a.cfg.WriteRate, SyncRate: a.cfg.SyncRate, Observe: figures.Request}
	if a.cfg.authenticates() {
		var err error
		if options.Access, err = access.New(ctx, a.accessOptions()); err != nil {
			return nil, err
		}
	}
	var files noUploads
	writer := services.NewWriter(a.origin, a.web, mirror.NewRefresher(a.engine), a.answers, files, a.log)
	limits := handlers.FormLimits{Files: a.cfg.UploadFiles, Bytes: a.cfg.UploadRequestLimit}
	return routes.New(options, routes.Handlers{
		Health:    handlers.NewHealth(a.web, a.log),
		Products:  handlers.NewProducts(a.answers),
		Dropdowns: handlers.NewDropdowns(a.answers),
		Histories: handlers.NewHistories(a.answers),
		Dashboard: handlers.NewDashboard(a.answers, a.local),
		Sync:      handlers.NewSync(syncs, services.NewRuns(a.web, models.Tables()), writer),

		ProductWrites: handlers.NewProductWrites(services.NewProductWriter(writer, a.web, a.zone), limits, files),
		HistoryWrites: handlers.NewHistoryWrites(services.NewHistoryWriter(writer, a.zone)),
		Metrics:       handlers.NewMetrics(figures),
	}), nil
}
