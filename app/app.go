// Package app wires the program: configuration, databases, logger, engine, server, commands. Nothing
// else makes these things, and nothing here holds a rule of the product.
package app

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/files"
	"lifecycle-sync/repositories/lifecycle"
	"lifecycle-sync/repositories/pmo"
	"lifecycle-sync/services/cache"
	"lifecycle-sync/services/export"
	"lifecycle-sync/services/mirror"
	"lifecycle-sync/services/outbox"
	"lifecycle-sync/services/schedule"
	"lifecycle-sync/web/messages"
)

// Pools are small: a run uses two connections to each database, as do bringing what the API wrote to the
// mirror and following lifecycle_db, and the API is served from its own.
const (
	syncConns = 8
	apiConns  = 10
)

// App is the program, ready to run a command.
type App struct {
	cfg          Config
	log          *slog.Logger
	source       *lifecycle.Source // the sync's connections to lifecycle_db
	origin       *lifecycle.Source // the API's, for writes
	store        *pmo.Store        // the sync's connections to pmo_db
	web          *pmo.Store        // the API's, so that neither waits for the other
	engine       *mirror.Engine
	texts        *messages.Printer // English, for messages and the API
	zone         *time.Location    // whose days and months count
	plan         schedule.Plan     // when runs are due
	answers      *cache.Answers    // of the API's reads
	files        files.Files       // the contents of attachments
	writer       *outbox.Writer    // what the API changes
	synchronised chan struct{}     // a run of this process has ended well
	exports      *export.Exports
	pools        []*database.DB
}

// New opens the pools and wires everything; nothing is connected yet. Errors: configuration.
func New(cfg Config, log *slog.Logger) (*App, error) {
	zone, err := time.LoadLocation(cfg.Timezone)
	if err != nil {
		return nil, models.NewError(models.Config, "config.timezone", models.Params{"setting": "TIMEZONE"})
	}
	plan, problems := cfg.plan()
	if problems != nil {
		return nil, &models.Error{Class: models.Config, Text: problems[0].Text}
	}
	contents, err := files.Open(cfg.UploadsURL)
	if err != nil {
		return nil, err
	}
	a := &App{cfg: cfg, log: log, texts: englishTexts(zone), zone: zone, plan: plan, files: contents, synchronised: make(chan struct{}, 1)}
	tables := models.Tables()
	source, err := a.open("lifecycle_db", cfg.LifecycleURL, syncConns)
	if err != nil {
		return nil, err
	}
	origin, err := a.open("lifecycle_db", cfg.LifecycleURL, apiConns)
	if err != nil {
		return nil, err
	}
	store, err := a.open("pmo_db", cfg.PMOURL, syncConns)
	if err != nil {
		return nil, err
	}
	web, err := a.open("pmo_db", cfg.PMOURL, apiConns)
	if err != nil {
		return nil, err
	}
	a.source, a.origin = lifecycle.New(source), lifecycle.New(origin)
	a.store, a.web = pmo.New(store, tables), pmo.New(web, tables)
	a.engine = mirror.New(a.source, a.store, tables, cfg.ChangeLogRetention, now)
	a.answers = cache.New(a.web, cache.Options{Now: a.local})
	a.exports = export.New(a.web, filepath.Join(cfg.DataDir, "exports"), log)
	a.writer = outbox.NewWriter(a.origin, a.web, mirror.NewRefresher(a.engine), a.answers, contents, log)
	return a, nil
}

// englishTexts returns the printer of the command line and the API.
func englishTexts(zone *time.Location) *messages.Printer {
	return messages.New().Printer(messages.English, zone)
}

// now is the clock: UTC to the microsecond, as the databases keep it.
func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// local is the clock in the time zone whose days and months count.
func (a *App) local() time.Time { return time.Now().In(a.zone) }

func (a *App) open(name, url string, conns int) (*database.DB, error) {
	db, err := database.Open(url, database.Options{
		Name: name, MaxConns: conns, ConnectTimeout: a.cfg.ConnectTimeout, NetworkTimeout: a.cfg.NetworkTimeout,
	})
	if err != nil {
		return nil, errors.Join(err, a.Close())
	}
	a.pools = append(a.pools, db)
	return db, nil
}

// Close ends every connection, all pools at once.
func (a *App) Close() error {
	var group errgroup.Group
	for _, db := range a.pools {
		group.Go(db.Close)
	}
	return group.Wait()
}

// prepare connects to both databases and brings pmo_db's tables up to date, reporting each step. What fails
// transiently is tried again. The embedded source is filled with demonstration data the first time.
func (a *App) prepare(ctx context.Context, out *console) error {
	if err := a.fillDemo(ctx); err != nil {
		return err
	}
	err := mirror.Retry(ctx, a.cfg.SyncRetryTime, out.retrying, func() error {
		group, groupCtx := errgroup.WithContext(ctx) // each connection takes a while to make
		group.Go(func() error { return a.source.Ping(groupCtx) })
		group.Go(func() error { return a.store.Ping(groupCtx) })
		return group.Wait()
	})
	if err != nil {
		return err
	}
	out.line("✅ Connected to lifecycle_db")
	return mirror.Retry(ctx, a.cfg.SyncRetryTime, out.retrying, func() error { return a.migrate(ctx, out) })
}

func (a *App) migrate(ctx context.Context, out *console) error {
	out.line("📋 Creating tables if they don't exist...")
	if _, err := a.store.Migrate(ctx); err != nil {
		return err
	}
	out.line("✅ Tables created/verified")
	return nil
}
