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
	shutdownTime = 5 * time.Second  // for requests under way when the process is told to end
	retryPause   = 30 * time.Second // between attempts at the very first synchronisation
)

type serveCommand struct{}

// Run serves until the process is told to end.
func (*serveCommand) Run(env *environment) error {
	return env.withApp(func(a *App) error {
		a.log.Info("settings", a.cfg.Changed()...)
		address := net.JoinHostPort(a.cfg.Host, strconv.Itoa(a.cfg.Port))
		listener, err := (&net.ListenConfig{}).Listen(env.ctx, "tcp", address)
		if err != nil {
			return &models.Error{Class: models.Config, LegacyMessage: "cannot listen on " + address, Cause: err,
				LegacyRemedy: "Another program uses it, or it is not this machine's: set HOST and PORT."}
		}
		return a.Serve(env.ctx, listener, env.stdout)
	})
}

// Serve answers requests at once, /readyz with 503 until the mirror has been synchronised, and
// synchronises at the start, so that what is served is current, and on schedule. It ends with ctx, and
// closes the listener. What people are to see goes to stdout.
func (a *App) Serve(ctx context.Context, listener net.Listener, stdout io.Writer) error {
	out := newConsole(stdout)
	err := mirror.Retry(ctx, a.cfg.SyncRetryTime, out.retrying, func() error {
		_, err := a.store.Migrate(ctx)
		return err
	})
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	if err := a.exports.Sweep(); err != nil {
		a.log.Warn("what an export left stays in DATA_DIR", "error", err)
	}
	figures := metrics.New(journal.New(a.web.Session), a.answers.Stats, a.realtimeFigures)
	watch := a.alerting(a.cfg.Realtime, figures.AlertEnded)
	syncs, follower := a.steering(figures, watch)
	server, err := a.server(ctx, syncs, figures)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	defer a.background(ctx, watch)()
	serving := make(chan error, 1)
	go func() { serving <- server.Listener(listener) }()
	defer a.stop(server, syncs, serving)

	if err := a.synchroniseAtStart(ctx, syncs, watch, out); err != nil {
		return err
	}
	defer a.keepSchedule(ctx, syncs)()
	defer follow(ctx, follower)()
	out.line("🌐 Console at http://%s/", listener.Addr())
	out.line("🌐 Serving http://%s/api/product-lifecycle/products (Ctrl-C ends)", listener.Addr())
	select {
	case <-ctx.Done():
		out.line("👋 Ending")
		return nil
	case err := <-serving:
		serving <- nil
		return fmt.Errorf("the server ended: %w", err)
	}
}

// stop cancels runs and ends streams, which would keep the server waiting, and lets the other requests
// finish.
func (a *App) stop(server *fiber.App, syncs *runs.Service, serving chan error) {
	syncs.Close()
	a.exports.Close()
	_ = server.ShutdownWithTimeout(shutdownTime) // past it, connections are cut
	if err := <-serving; err != nil {
		a.log.Warn("the server did not end well", "error", err)
	}
}

// synchroniseAtStart makes a run, the very first a full one. One that fails leaves what was mirrored before,
// which is served all the same; where nothing was, it is tried again until it succeeds. The error is ctx's
// end or a pmo_db without its tables.
func (a *App) synchroniseAtStart(ctx context.Context, syncs *runs.Service, watch *alerts.Watch, out *console) error {
	mode := models.FullRun
	if succeeded, err := journal.New(a.web.Session).HasSucceeded(ctx); err != nil {
		return err
	} else if succeeded {
		mode = models.IncrementalRun
	}
	for {
		result, err := a.sync(ctx, syncs.Run, mirror.Request{Mode: mode}, out)
		if err == nil || ctx.Err() != nil {
			return nil //nolint:nilerr // being told to end is no failure
		}
		switch { // it may have failed before syncs knew of it
		case watch == nil:
		case result.Run != nil:
			watch.RunEnded(*result.Run)
		default:
			watch.RunNotStarted(err)
		}
		report(out.out, err)
		succeeded, storeErr := journal.New(a.web.Session).HasSucceeded(ctx)
		if storeErr != nil {
			return errors.Join(err, storeErr)
		}
		if succeeded {
			out.line("⚠️ Serving the mirror as the last successful run left it")
			return nil
		}
		out.line("⏳ The mirror has never been synchronised; trying again in %s", retryPause)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(retryPause):
		}
	}
}
