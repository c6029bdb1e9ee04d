// Package app wires the program: configuration, databases, logger, engine, server and commands. No other package wires it
// and contains no business rules.
package app

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/gofiber/fiber/v2"
	"golang.org/x/sync/errgroup"

	"lifecycle-sync/handlers"
	"lifecycle-sync/handlers/pages"
	activitypages "lifecycle-sync/handlers/pages/activity"
	"lifecycle-sync/handlers/pages/overview"
	productpages "lifecycle-sync/handlers/pages/products"
	"lifecycle-sync/handlers/pages/session"
	stagepages "lifecycle-sync/handlers/pages/stages"
	syncpages "lifecycle-sync/handlers/pages/sync"
	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/files"
	"lifecycle-sync/repositories/lifecycle"
	"lifecycle-sync/repositories/pmo"
	attachmentsdb "lifecycle-sync/repositories/pmo/attachments"
	"lifecycle-sync/repositories/pmo/journal"
	"lifecycle-sync/routes"
	"lifecycle-sync/services/access"
	"lifecycle-sync/services/activity"
	"lifecycle-sync/services/alerts"
	"lifecycle-sync/services/attachments"
	"lifecycle-sync/services/cache"
	"lifecycle-sync/services/demo"
	"lifecycle-sync/services/export"
	"lifecycle-sync/services/imports"
	"lifecycle-sync/services/metrics"
	"lifecycle-sync/services/mirror"
	"lifecycle-sync/services/outbox"
	"lifecycle-sync/services/products"
	"lifecycle-sync/services/realtime"
	"lifecycle-sync/services/runs"
	"lifecycle-sync/services/schedule"
	"lifecycle-sync/services/stages"
	"lifecycle-sync/services/views"
	"lifecycle-sync/web/messages"
)

// Pool sizes. A run, an API write and the follower use two connections to each database; the API's reads have a pool of
// their own.
const (
	syncConns = 8
	apiConns  = 10
)

// apiWait is how long a request waits for a free connection.
const apiWait = time.Second

// App is the program, ready to run a command.
type App struct {
	cfg          Config
	log          *slog.Logger
	source       *lifecycle.Source // the sync's connections to lifecycle_db
	apiSource    *lifecycle.Source // the API's, for writes
	store        *pmo.Store        // the sync's connections to pmo_db
	apiStore     *pmo.Store        // the API's, so that neither waits for the other
	engine       *mirror.Engine
	printer      *messages.Printer  // of the terminal and the log
	printers     *messages.Printers // of the console, the API and alerts
	zone         *time.Location     // of days, months and schedules
	plan         schedule.Plan
	responses    *cache.Responses // of the API's reads
	files        files.Files      // the contents of attachments
	data         files.Files      // DATA_DIR
	follows      bool             // real-time sync is on and possible
	writer       *outbox.Writer   // the API's writes
	synchronized chan struct{}    // receives after each successful run of this process
	exports      *export.Exports
	pools        []*database.DB
}

// New opens the pools and wires everything. It does not connect. Errors: configuration.
func New(cfg Config, log *slog.Logger, catalogue *messages.Catalogue) (*App, error) {
	plan, problems := cfg.plan()
	if problems != nil {
		return nil, &models.Error{Class: models.Config, Text: problems[0].Text}
	}
	contents, err := files.Open(cfg.UploadsURL)
	data, dataErr := files.Open("file:" + cfg.DataDir)
	if err := cmp.Or(err, dataErr); err != nil {
		return nil, err
	}
	a := &App{
		cfg: cfg, log: log, printer: catalogue.Terminal(cfg.Zone), printers: catalogue.Printers(cfg.Language, cfg.Zone), zone: cfg.Zone, plan: plan,
		files: contents, data: data, synchronized: make(chan struct{}, 1),
	}
	tables := models.Tables()
	source, sourceErr := a.open("lifecycle_db", cfg.LifecycleURL, cfg.LifecycleDirectURL, syncConns, 0)
	apiSource, apiSourceErr := a.open("lifecycle_db", cfg.LifecycleURL, cfg.LifecycleDirectURL, apiConns, apiWait)
	store, storeErr := a.open("pmo_db", cfg.PMOURL, cfg.PMODirectURL, syncConns, 0)
	apiStore, apiStoreErr := a.open("pmo_db", cfg.PMOURL, cfg.PMODirectURL, apiConns, apiWait)
	if err := cmp.Or(sourceErr, apiSourceErr, storeErr, apiStoreErr); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	a.source, a.apiSource = lifecycle.New(source), lifecycle.New(apiSource)
	a.store, a.apiStore = pmo.New(store, tables), pmo.New(apiStore, tables)
	a.follows = cfg.Realtime && source.Features().Replication
	a.engine = mirror.New(a.source, a.store, tables, cfg.ChangeLogRetention, now)
	a.responses = cache.New(a.apiStore, cache.Options{Now: a.local})
	a.exports = export.New(a.apiStore, filepath.Join(cfg.DataDir, "exports"))
	a.writer = outbox.NewWriter(a.apiSource, a.apiStore, a.engine, a.responses, contents, log)
	return a, nil
}

// now is the clock in UTC, to the microsecond as the databases store it.
func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// local is the clock in the configured time zone.
func (a *App) local() time.Time { return time.Now().In(a.zone) }

func (a *App) open(name, url, directURL string, conns int, wait time.Duration) (*database.DB, error) {
	db, err := database.Open(url, database.Options{
		Name: name, DirectURL: directURL, MaxConns: conns, Wait: wait, ConnectTimeout: a.cfg.ConnectTimeout, NetworkTimeout: a.cfg.NetworkTimeout,
	})
	if err == nil {
		a.pools = append(a.pools, db)
	}
	return db, err
}

// Close closes all pools at once.
func (a *App) Close() error {
	var group errgroup.Group
	for _, db := range a.pools {
		group.Go(db.Close)
	}
	return group.Wait()
}

// prepare connects to both databases, migrates pmo_db and prints each step. It retries transient errors. The embedded
// source is filled with demo data the first time.
func (a *App) prepare(ctx context.Context, out *terminal) error {
	if err := a.fillDemo(ctx); err != nil {
		return err
	}
	retry := func(try func() error) error { return mirror.Retry(ctx, a.cfg.SyncRetryTime, out.retrying, try) }
	err := retry(func() error {
		group, groupCtx := errgroup.WithContext(ctx) // connecting takes a while
		group.Go(func() error { return a.source.Ping(groupCtx) })
		group.Go(func() error { return a.store.Ping(groupCtx) })
		return group.Wait()
	})
	if err != nil {
		return err
	}
	out.line("✅ Connected to lifecycle_db")
	return retry(func() error { return a.migrate(ctx, out) })
}

func (a *App) migrate(ctx context.Context, out *terminal) error {
	out.line("📋 Creating tables if they don't exist...")
	_, err := a.store.Migrate(ctx)
	if err == nil {
		out.line("✅ Tables created/verified")
	}
	return err
}

// fillDemo fills the embedded source with demo data unless a run has succeeded: later, an empty source is intended.
func (a *App) fillDemo(ctx context.Context) error {
	if !a.cfg.Embedded {
		return nil
	}
	if succeeded, err := journal.New(a.store.Session).HasSucceeded(ctx); err == nil && succeeded {
		return nil
	}
	empty, err := a.source.Empty(ctx)
	if err != nil || !empty {
		return err
	}
	return demo.Fill(ctx, a.source, demo.Products, demo.Histories, nil)
}

// server wires the HTTP server. Errors: configuration.
func (a *App) server(ctx context.Context, runService *runs.Service, appMetrics *metrics.Metrics) (*fiber.App, error) {
	links := attachments.NewLinks(attachmentsdb.New(a.apiStore.Session), time.Now)
	options := routes.Options{
		Log: a.log, Printers: a.printers, CORSOrigins: a.cfg.CORSOrigins, Now: time.Now, Observe: appMetrics.Request, Links: links,
		ReadRate: a.cfg.ReadRate, WriteRate: a.cfg.WriteRate, SyncRate: a.cfg.SyncRate,
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
	history := runs.NewJournal(a.apiStore, models.Tables())
	limits := request.FormLimits{Files: a.cfg.UploadFiles, Bytes: a.cfg.UploadRequestLimit}
	products, histories := products.NewWriter(a.writer, a.apiStore, a.zone), stages.NewWriter(a.writer, a.zone)
	files := &attachments.Files{Writer: a.writer, Source: a.apiSource, Store: a.apiStore, Contents: a.files, Limit: a.cfg.UploadFileLimit, Log: a.log}
	importer := a.importer(products)
	savedViews := views.NewWriter(a.writer, now)
	activities := activity.New(a.writer, a.apiStore, models.Tables())
	site := pages.NewSite(pages.Options{Responses: a.responses, Status: runService, Zone: a.zone, Printers: a.printers, RequiresSignIn: options.Access != nil,
		Retention: a.cfg.ChangeLogRetention, Log: a.log})
	return routes.New(options, routes.Handlers{
		Health:  &handlers.Health{Runs: journal.New(a.apiStore.Session), Log: a.log},
		Metrics: handlers.Metrics(appMetrics),
		Docs:    handlers.NewDocs(),
		Products: &handlers.Products{
			Responses: a.responses, Now: a.local, Writer: products, Moves: histories, Files: files, Links: links,
			Exports: a.exports, Imports: importer, Checker: request.NewChecker(), Limits: limits,
		},
		StageHistory: &handlers.StageHistory{Responses: a.responses, Zone: a.zone, Writer: histories, Checker: request.NewChecker()},
		Views:        &handlers.Views{Responses: a.responses, Writer: savedViews, Checker: request.NewChecker()},
		Activity:     &handlers.Activity{Service: activities, Zone: a.zone},
		Changes:      &handlers.Changes{Responses: a.responses, Ended: ctx.Done()},
		Sync:         &handlers.Sync{Service: runService, Journal: history, Keys: a.writer, Checker: request.NewChecker()},
	}, routes.Pages{
		Site:     site,
		Session:  &session.Pages{Site: site, Access: options.Access},
		Overview: &overview.Pages{Site: site, Now: a.local},
		Products: &productpages.Pages{
			Site: site, Products: products, Histories: histories, Files: files, Exports: a.exports, Imports: importer,
			Checker: request.NewChecker(), Limits: limits, Views: savedViews, Now: a.local,
		},
		Stages:   &stagepages.Pages{Site: site, Checker: request.NewChecker(), Writer: histories, Zone: a.zone},
		Activity: &activitypages.Pages{Site: site, Service: activities, Now: a.local},
		Sync:     syncpages.New(site, runService, history, a.doctor()),
	}), nil
}

// importer wires the service of imports. Their headings may be in any language of the catalogue.
func (a *App) importer(products *products.Writer) *imports.Service {
	printers := a.printers.All()
	return imports.NewService(a.writer, products, a.apiStore, request.NewChecker(), a.local,
		printers[messages.English].Text, printers[messages.Indonesian].Text)
}

// newRunService wires the service that starts, watches and cancels runs for the API, and the follower, which is nil unless
// real-time sync is on. alertWatch may be nil.
func (a *App) newRunService(appMetrics *metrics.Metrics, alertWatch *alerts.Watch) (*runs.Service, *realtime.Follower) {
	options := runs.Options{
		Engine: a.engine, Store: a.apiStore, Timeout: a.cfg.SyncTimeout, RetryTime: a.cfg.SyncRetryTime, StaleAfter: a.cfg.StaleAfter, Now: time.Now, Log: a.log,
		NextRun: func() (time.Time, bool) { return a.plan.Next(a.local()) }, Ended: appMetrics.RunEnded, Committed: a.runCommitted,
	}
	if alertWatch != nil {
		options.Ended = func(o runs.Outcome) {
			appMetrics.RunEnded(o)
			alertWatch.RunEnded(o.Run)
		}
		options.NotBegun = alertWatch.RunNotStarted
	}
	if !a.follows {
		return runs.New(options), nil
	}
	var runService *runs.Service
	following := a.followerOptions()
	following.Committed = a.responses.Advance
	following.Run = func(ctx context.Context, req mirror.Request) error {
		_, err := runService.Run(ctx, req, mirror.Silent{})
		return err
	}
	appMetrics.RealTimeState(realtime.Starting)
	following.Changed = func(s realtime.Status) {
		appMetrics.RealTimeState(s.State)
		if e := models.AsError(s.Err); e != nil {
			a.log.Warn("real-time sync", "state", s.State, "class", e.Class, "error", a.printer.Message(e), "remedy", a.printer.RemedyOf(e), "cause", e.Cause)
			return
		}
		a.log.Info("real-time sync", "state", s.State)
	}
	follower := realtime.New(following)
	options.Realtime = follower.Status
	runService = runs.New(options)
	return runService, follower
}

// runCommitted moves the cache to the mirror version of a run, and triggers the search index.
func (a *App) runCommitted(version int64) {
	a.responses.Advance(version)
	select {
	case a.synchronized <- struct{}{}:
	default: // it is triggered already
	}
}
