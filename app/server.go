package app

import (
	"context"
	"time"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers"
	"lifecycle-sync/handlers/pages"
	"lifecycle-sync/handlers/pages/overview"
	productpages "lifecycle-sync/handlers/pages/products"
	"lifecycle-sync/handlers/pages/session"
	stagepages "lifecycle-sync/handlers/pages/stages"
	syncpages "lifecycle-sync/handlers/pages/sync"
	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
	history "lifecycle-sync/repositories/pmo/journal"
	"lifecycle-sync/routes"
	"lifecycle-sync/services/access"
	"lifecycle-sync/services/alerts"
	"lifecycle-sync/services/attachments"
	"lifecycle-sync/services/metrics"
	"lifecycle-sync/services/mirror"
	"lifecycle-sync/services/products"
	"lifecycle-sync/services/realtime"
	"lifecycle-sync/services/runs"
	"lifecycle-sync/services/stages"
)

// server wires the HTTP server. Errors: configuration.
func (a *App) server(ctx context.Context, syncs *runs.Service, figures *metrics.Metrics) (*fiber.App, error) {
	options := routes.Options{
		Log: a.log, Texts: a.texts, CORSOrigins: a.cfg.CORSOrigins, Now: time.Now, WriteRate: a.cfg.WriteRate, SyncRate: a.cfg.SyncRate, Observe: figures.Request,
	}
	if a.cfg.authenticates() {
		var err error
		if options.Access, err = access.New(ctx, access.Options{
			Secret: a.cfg.JWTSecret, JWKSURL: a.cfg.JWKSURL, Issuer: a.cfg.Issuer, Audience: a.cfg.Audience, AllowNoExpiry: a.cfg.AllowNoExpiry,
			AdminRoles: a.cfg.AdminRoles, ManagerRoles: a.cfg.ManagerRoles, ReaderRoles: a.cfg.ReaderRoles, Log: a.log, Now: now,
		}); err != nil {
			return nil, err
		}
	}
	journal := runs.NewJournal(a.web, models.Tables())
	staging := attachments.NewStaging(a.files, a.cfg.UploadFileLimit, a.log)
	limits := request.FormLimits{Files: a.cfg.UploadFiles, Bytes: a.cfg.UploadRequestLimit}
	products, histories := products.NewWriter(a.writer, a.web, a.zone), stages.NewWriter(a.writer, a.zone)
	files := attachments.NewFiles(a.writer, a.web, a.files, a.log)
	site := pages.NewSite(pages.Options{Answers: a.answers, Status: syncs, Zone: a.zone, Texts: a.texts, SignsIn: options.Access != nil, Log: a.log})
	return routes.New(options, routes.Handlers{
		Health:  &handlers.Health{Runs: history.New(a.web.Session), Log: a.log},
		Metrics: handlers.Metrics(figures),
		Docs:    handlers.NewDocs(),
		Products: &handlers.Products{
			Answers: a.answers, Now: a.local, Writer: products, Files: files, Exports: a.exports, Checker: request.NewChecker(), Uploads: staging, Limits: limits,
		},
		StageHistory: &handlers.StageHistory{Answers: a.answers, Zone: a.zone, Writer: histories, Checker: request.NewChecker()},
		Sync:         &handlers.Sync{Service: syncs, Journal: journal, Keys: a.writer, Checker: request.NewChecker(), Texts: a.texts},
	}, routes.Pages{
		Site:     site,
		Session:  session.New(site, options.Access),
		Overview: overview.New(site, a.local),
		Products: productpages.New(site, productpages.Options{
			Products: products, Histories: histories, Files: files, Uploads: staging, Limits: limits, FileBytes: a.cfg.UploadFileLimit, Now: a.local,
		}),
		Stages: stagepages.New(site, histories, a.zone),
		Sync:   syncpages.New(site, syncs, journal, a.doctor()),
	}), nil
}

// runService wires the service that starts, watches and cancels runs for the API, and the follower, which is nil unless
// real-time sync is on. watch may be nil.
func (a *App) runService(figures *metrics.Metrics, watch *alerts.Watch) (*runs.Service, *realtime.Follower) {
	options := runs.Options{
		Engine: a.engine, Store: a.web, Timeout: a.cfg.SyncTimeout, RetryTime: a.cfg.SyncRetryTime, StaleAfter: a.cfg.StaleAfter, Now: time.Now, Log: a.log,
		NextRun: func() (time.Time, bool) { return a.plan.Next(a.local()) }, Ended: figures.RunEnded, Committed: a.runCommitted,
	}
	if watch != nil {
		options.Ended = func(o runs.Outcome) {
			figures.RunEnded(o)
			watch.RunEnded(o.Run)
		}
		options.NotBegun = watch.RunNotStarted
	}
	if !a.follows {
		return runs.New(options), nil
	}
	var syncs *runs.Service
	following := a.followerOptions()
	following.Committed = a.answers.Advance
	following.Run = func(ctx context.Context, req mirror.Request) error {
		_, err := syncs.Run(ctx, req, mirror.Silent{})
		return err
	}
	following.Changed = func(s realtime.Status) {
		if e := models.AsError(s.Err); e != nil {
			a.log.Warn("real-time sync", "state", s.State, "class", e.Class, "error", a.texts.Message(e), "remedy", a.texts.RemedyOf(e), "cause", e.Cause)
			return
		}
		a.log.Info("real-time sync", "state", s.State)
	}
	follower := realtime.New(following)
	options.Realtime = follower.Status
	syncs = runs.New(options)
	return syncs, follower
}

// runCommitted moves the cache to the mirror version of a run, and triggers the search index.
func (a *App) runCommitted(version int64) {
	a.answers.Advance(version)
	select {
	case a.synchronized <- struct{}{}:
	default: // it is triggered already
	}
}
