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
	"lifecycle-sync/services/realtime"
	"lifecycle-sync/services/runs"
)

const (
	shutdownTime = 5 * time.Second  // for pending requests at shutdown
	retryPause   = 30 * time.Second // between attempts at the very first run
	metricsTime  = 2 * time.Second  // for reading metrics from the databases
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
	defer out.close()
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
	if a.cfg.Realtime && !a.follows {
		a.log.Warn("real-time sync needs PostgreSQL", "setting", "SYNC_REALTIME")
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
		switch succeeded, storeErr := journal.New(a.web.Session).HasSucceeded(ctx); {
		case storeErr != nil:
			return errors.Join(err, storeErr)
		case succeeded:
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

// followInForeground is sync --follow. It ends with ctx, or with an error that needs action.
func (a *App) followInForeground(ctx context.Context, out *console) error {
	defer out.close()
	if !a.source.Features().Replication {
		return models.NewError(models.Config, "cli.no_realtime", nil).WithRemedy("cli.no_realtime_remedy", nil)
	}
	out.line("🔄 Following lifecycle_db (Ctrl-C ends)...")
	if err := a.prepare(ctx, out); err != nil {
		return err
	}
	options := a.followerOptions()
	options.FailFast = true
	options.Run = func(ctx context.Context, req mirror.Request) error {
		ctx, cancel := mirror.WithTimeout(ctx, a.cfg.SyncTimeout)
		defer cancel()
		req.RetryTime, req.OnRetry = a.cfg.SyncRetryTime, out.retrying
		result, err := a.engine.Sync(ctx, req, out)
		if err == nil {
			a.printReasons(out, result.Run)
		}
		return err
	}
	options.Changed = func(s realtime.Status) {
		switch s.State {
		case realtime.Following:
			out.line("📡 Following: every change is mirrored as soon as it is committed")
		case realtime.Standby:
			out.line("⏳ Another process follows lifecycle_db; on standby")
		case realtime.Stopped, realtime.Unavailable:
			report(out.out, a.texts, s.Err)
		case realtime.Starting:
		}
	}
	if watch := a.alerting(true, func(alerts.Alert, alerts.Result) {}); watch != nil {
		watch.Check(ctx)
		defer start(ctx, watch.Run)()
	}
	return realtime.New(options).Follow(ctx)
}

// realtimeMetrics returns false if real-time sync is off or a database does not answer.
func (a *App) realtimeMetrics() (figures metrics.RealTime, known bool) {
	if !a.follows {
		return figures, false
	}
	ctx, cancel := context.WithTimeout(context.Background(), metricsTime)
	defer cancel()
	standing, err := journal.New(a.web.Session).SyncStatus(ctx)
	if err != nil || standing.Lag == nil {
		return figures, false
	}
	name, nameErr := journal.New(a.web.Session).SlotName(ctx)
	slots, err := a.origin.Slots(ctx)
	for _, slot := range slots {
		if slot.Name == name {
			figures.Retained = slot.Retained
		}
	}
	figures.Lag = *standing.Lag
	return figures, nameErr == nil && err == nil
}

// followerOptions are common to both followers.
func (a *App) followerOptions() realtime.Options {
	return realtime.Options{Source: a.source, Store: a.store, Engine: a.engine, Tables: models.Tables(),
		Committed: func(int64) {}, Changed: func(realtime.Status) {}}
}
