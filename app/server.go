package app

import (
	"context"
	"time"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers"
	productpages "lifecycle-sync/handlers/pages/products"
	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
	history "lifecycle-sync/repositories/pmo/journal"
	"lifecycle-sync/routes"
	"lifecycle-sync/services/access"
	"lifecycle-sync/services/attachments"
	"lifecycle-sync/services/metrics"
	"lifecycle-sync/services/products"
	"lifecycle-sync/services/runs"
	"lifecycle-sync/services/stages"
)

// server wires what answers requests. Errors: configuration.
func (a *App) server(ctx context.Context, syncs *runs.Service, figures *metrics.Metrics) (*fiber.App, error) {
	options := routes.Options{Log: a.log, Texts: a.texts, CORSOrigins: a.cfg.CORSOrigins, Now: time.Now, WriteRate: a.cfg.WriteRate, SyncRate: a.cfg.SyncRate, Observe: figures.Request}
	if a.cfg.authenticates() {
		var err error
		if options.Access, err = access.New(ctx, a.accessOptions()); err != nil {
			return nil, err
		}
	}
	examiner, err := a.doctor()
	if err != nil {
		return nil, err
	}
	journal := runs.NewJournal(a.web, models.Tables())
	staging := attachments.NewStaging(a.files, a.cfg.UploadFileLimit, a.log)
	limits := request.FormLimits{Files: a.cfg.UploadFiles, Bytes: a.cfg.UploadRequestLimit}
	products, histories := products.NewWriter(a.writer, a.web, a.zone), stages.NewWriter(a.writer, a.zone)
	files := attachments.NewFiles(a.writer, a.web, a.files, a.log)
	return routes.New(options, routes.Handlers{
		Health:       handlers.NewHealth(history.New(a.web.Session), a.log),
		Metrics:      handlers.Metrics(figures),
		Docs:         handlers.NewDocs(),
		Products:     handlers.NewProducts(a.answers, a.local, products, limits, staging),
		Exports:      handlers.NewExports(a.exports, a.local),
		Attachments:  handlers.NewAttachments(a.answers, files, staging, limits),
		StageHistory: handlers.NewStageHistory(a.answers, a.zone, histories),
		Dropdowns:    handlers.NewDropdowns(a.answers),
		Dashboard:    handlers.NewDashboard(a.answers, a.local),
		Sync:         handlers.NewSync(syncs, journal, a.writer, a.texts),
	}, a.pages(syncs, journal, options.Access, examiner, productpages.Options{
		Products: products, Histories: histories, Files: files, Uploads: staging, Limits: limits, FileBytes: a.cfg.UploadFileLimit, Now: a.local,
	})), nil
}
