package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/pmo/journal"
	"lifecycle-sync/routes"
	"lifecycle-sync/services/alerts"
	"lifecycle-sync/services/metrics"
	"lifecycle-sync/services/mirror"
	"lifecycle-sync/services/realtime"
	"lifecycle-sync/services/runs"
)

const (
	shutdownTimeout = 5 * time.Second  // for pending requests
	retryPause      = 30 * time.Second // between attempts at the very first run
	metricsTimeout  = 2 * time.Second  // for reading metrics from the databases
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

// healthTimeout limits the wait for the server's response.
const healthTimeout = 5 * time.Second

type healthCommand struct{}

// Run asks the server at HOST and PORT whether it is alive. Errors: connection.
func (*healthCommand) Run(env *environment) error {
	host := env.config.Host
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	address := net.JoinHostPort(host, strconv.Itoa(env.config.Port))
	ctx, cancel := context.WithTimeout(env.ctx, healthTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/livez", nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err == nil {
		err = response.Body.Close()
	}
	if err != nil || response.StatusCode != http.StatusOK {
		return models.NewError(models.Connection, "cli.no_server", models.Params{"address": address}).WithCause(err)
	}
	return nil
}

// Serve answers requests immediately (/readyz with 503 until the first successful run), syncs at startup and then on
// schedule. It ends with ctx and closes the listener. Progress is printed to stdout.
func (a *App) Serve(ctx context.Context, listener net.Listener, stdout io.Writer) error {
	out := newTerminal(stdout, a.printer)
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
	appMetrics := metrics.New(journal.New(a.apiStore.Session), a.responses.Stats, a.realtimeMetrics)
	alertWatch := a.alerting(a.cfg.Realtime, appMetrics.AlertEnded)
	runService, follower := a.newRunService(appMetrics, alertWatch)
	server, err := a.server(ctx, runService, appMetrics)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	defer a.startJobs(ctx, alertWatch)()
	serving := make(chan error, 1)
	go func() { serving <- server.Listener(routes.Pace(listener)) }()
	defer a.stop(server, runService, serving)

	if err := a.syncAtStart(ctx, runService, alertWatch, out); err != nil {
		return err
	}
	defer a.startSyncJobs(ctx, runService, follower)()
	out.line("🌐 Console at http://%s/", listener.Addr())
	out.line("🌐 Serving http://%s/api/product-lifecycle/products (Ctrl-C to stop)", listener.Addr())
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
func (a *App) stop(server *fiber.App, runService *runs.Service, serving chan error) {
	runService.Close()
	a.exports.Close()
	_ = server.ShutdownWithTimeout(shutdownTimeout) // remaining connections are then closed
	if err := <-serving; err != nil {
		a.log.Warn("server shutdown failed", "error", err)
	}
}

// syncAtStart runs a sync at startup: a full one if no run has succeeded yet. If it fails, the mirror of the last
// successful run is served; if there is none, the run is repeated until it succeeds. Errors: pmo_db without its tables.
func (a *App) syncAtStart(ctx context.Context, runService *runs.Service, alertWatch *alerts.Watch, out *terminal) error {
	mode := models.FullRun
	if succeeded, err := journal.New(a.apiStore.Session).HasSucceeded(ctx); err != nil {
		return err
	} else if succeeded {
		mode = models.IncrementalRun
	}
	for {
		result, err := a.sync(ctx, runService.Run, mirror.Request{Mode: mode}, out)
		if err == nil || ctx.Err() != nil {
			return nil //nolint:nilerr // a requested shutdown is no failure
		}
		switch { // the run service does not report runs that failed before they started
		case alertWatch == nil:
		case result.Run != nil:
			alertWatch.RunEnded(*result.Run)
		default:
			alertWatch.RunNotStarted(err)
		}
		report(out.out, a.printer, err)
		switch succeeded, storeErr := journal.New(a.apiStore.Session).HasSucceeded(ctx); {
		case storeErr != nil:
			return errors.Join(err, storeErr)
		case succeeded:
			out.line("⚠️ Serving the mirror of the last successful run")
			return nil
		}
		out.line("⏳ No run has succeeded yet. Retrying in %s", retryPause)
		if !database.Pause(ctx, retryPause) {
			return nil
		}
	}
}

// followInForeground implements sync --follow. It returns when ctx ends or when an error needs action.
func (a *App) followInForeground(ctx context.Context, out *terminal) error {
	defer out.close()
	if !a.source.Features().Replication {
		return models.NewError(models.Config, "cli.no_realtime", nil).WithRemedy("cli.no_realtime_remedy", nil)
	}
	out.line("🔄 Following lifecycle_db (Ctrl-C to stop)...")
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
			report(out.out, a.printer, s.Err)
		case realtime.Starting:
		}
	}
	if alertWatch := a.alerting(true, func(alerts.Alert, alerts.Result) {}); alertWatch != nil {
		alertWatch.Check(ctx)
		defer start(ctx, alertWatch.Run)()
	}
	return realtime.New(options).Follow(ctx)
}

// realtimeMetrics leaves out what a database does not answer.
func (a *App) realtimeMetrics() (progress metrics.RealTime) {
	if !a.source.Features().Replication {
		return progress
	}
	ctx, cancel := context.WithTimeout(context.Background(), metricsTimeout)
	defer cancel()
	if status, err := journal.New(a.apiStore.Session).SyncStatus(ctx); err == nil && a.follows {
		progress.Lag = status.Lag
	}
	name, err := journal.New(a.apiStore.Session).SlotName(ctx)
	if err != nil {
		return progress
	}
	slots, _ := a.apiSource.Slots(ctx)
	for _, slot := range slots {
		if slot.Name == name {
			progress.Retained = &slot.Retained
		}
	}
	return progress
}

// followerOptions returns the options shared by serve and sync --follow.
func (a *App) followerOptions() realtime.Options {
	return realtime.Options{Source: a.source, Store: a.store, Engine: a.engine, Tables: models.Tables(),
		Committed: func(int64) {}, Changed: func(realtime.Status) {}}
}
