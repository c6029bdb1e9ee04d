package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo/journal"
	"lifecycle-sync/services/alerts"
	"lifecycle-sync/services/metrics"
	"lifecycle-sync/services/mirror"
	"lifecycle-sync/services/runs"
)

const (
	shutdownTime = 5 * time.Second  // for pending requests at shutdown
	retryPause   = 30 * time.Second // between attempts at the very first run
)

type serveCommand struct{}

// Run serves until ctx ends.
func (*serveCommand) Run(env *environment) error {
	return env.withApp(func(a *App) error {
		a.log.Info("settings", a.cfg.Changed()...)
		address := net.JoinHostPort(a.cfg.Host, strconv.Itoa(a.cfg.Port))
		listener, err := (&net.ListenConfig{}).Listen(env.ctx, "tcp", address)
		if err != nil {
			return models.NewError(models.Config, "cli.cannot_listen", models.Params{"address": address}).WithRemedy("cli.cannot_listen_remedy", nil).WithCause(err)
		}
		return a.Serve(env.ctx, listener, env.stdout)
	})
}

// Serve answers requests immediately (/readyz with 503 until the first successful run), runs once at the start and then
// on schedule. It ends with ctx and closes the listener. Progress is printed to stdout.
func (a *App) Serve(ctx context.Context, listener net.Listener, stdout io.Writer) error {
	out := newConsole(stdout, a.texts)
	err := mirror.Retry(ctx, a.cfg.SyncRetryTime, out.retrying, func() error {
		_, err := a.store.Migrate(ctx)
		return err
	})
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	if err := a.exports.Sweep(); err != nil {
		a.log.Warn("export cleanup failed", "error", err)
	}
	figures := metrics.New(journal.New(a.web.Session), a.answers.Stats, a.realtimeMetrics)
	watch := a.alerting(a.cfg.Realtime, figures.AlertEnded)
	syncs, follower := a.runService(figures, watch)
	server, err := a.server(ctx, syncs, figures)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	defer a.startJobs(ctx, watch)()
	serving := make(chan error, 1)
	go func() { serving <- server.Listener(listener) }()
	defer a.stop(server, syncs, serving)

	if err := a.syncAtStart(ctx, syncs, watch, out); err != nil {
		return err
	}
	defer a.startSyncJobs(ctx, syncs, follower)()
	out.line("🌐 Console at http://%s/", listener.Addr())
	out.line("🌐 Serving http://%s/api/product-lifecycle/products (Ctrl-C ends)", listener.Addr())
	select {
	case <-ctx.Done():
		out.line("👋 Shutting down")
		return nil
	case err := <-serving:
		serving <- nil
		return fmt.Errorf("server stopped: %w", err)
	}
}

// stop cancels runs and ends streams, which would block the shutdown, and lets other requests finish.
func (a *App) stop(server *fiber.App, syncs *runs.Service, serving chan error) {
	syncs.Close()
	a.exports.Close()
	_ = server.ShutdownWithTimeout(shutdownTime) // after it, connections are closed
	if err := <-serving; err != nil {
		a.log.Warn("server shutdown failed", "error", err)
	}
}

// syncAtStart makes a run, the very first a full one. If it fails, the mirror of the last successful run is served; if
// there is none, the run is repeated until it succeeds. Errors: pmo_db without its tables.
func (a *App) syncAtStart(ctx context.Context, syncs *runs.Service, watch *alerts.Watch, out *console) error {
	mode := models.FullRun
	if succeeded, err := journal.New(a.web.Session).HasSucceeded(ctx); err != nil {
		return err
	} else if succeeded {
		mode = models.IncrementalRun
	}
	for {
		result, err := a.sync(ctx, syncs.Run, mirror.Request{Mode: mode}, out)
		if err == nil || ctx.Err() != nil {
			return nil //nolint:nilerr // a requested shutdown is no failure
		}
		switch { // syncs does not know of a run that failed before it started
		case watch == nil:
		case result.Run != nil:
			watch.RunEnded(*result.Run)
		default:
			watch.RunNotStarted(err)
		}
		report(out.out, a.texts, err)
		succeeded, storeErr := journal.New(a.web.Session).HasSucceeded(ctx)
		if storeErr != nil {
			return errors.Join(err, storeErr)
		}
		if succeeded {
			out.line("⚠️ Serving the mirror of the last successful run")
			return nil
		}
		out.line("⏳ No run has succeeded yet. Retrying in %s", retryPause)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(retryPause):
		}
	}
}
