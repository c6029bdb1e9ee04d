package app

import (
	"context"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo/journal"
	"lifecycle-sync/services/alerts"
	"lifecycle-sync/services/metrics"
	"lifecycle-sync/services/mirror"
	"lifecycle-sync/services/realtime"
)

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

// followsSource reports whether the server follows lifecycle_db.
func (a *App) followsSource() bool {
	if a.cfg.Realtime && !a.source.Features().Replication {
		a.log.Warn("real-time sync needs PostgreSQL", "setting", "SYNC_REALTIME")
	}
	return a.cfg.Realtime && a.source.Features().Replication
}

// followInBackground is the server's follower. It makes runs by run.
func (a *App) followInBackground(run func(ctx context.Context, req mirror.Request) error) *realtime.Follower {
	options := a.followerOptions()
	options.Run, options.Committed = run, a.answers.Advance
	options.Changed = func(s realtime.Status) {
		if e := models.AsError(s.Err); e != nil {
			a.log.Warn("real-time sync", "state", s.State, "class", e.Class, "error", a.texts.Message(e), "remedy", a.texts.RemedyOf(e), "cause", e.Cause)
			return
		}
		a.log.Info("real-time sync", "state", s.State)
	}
	return realtime.New(options)
}

// metricsTime is the time limit for reading metrics from the databases.
const metricsTime = 2 * time.Second

// realtimeMetrics returns false if real-time sync is off or a database does not answer.
func (a *App) realtimeMetrics() (figures metrics.RealTime, known bool) {
	if !a.cfg.Realtime || !a.source.Features().Replication {
		return figures, false
	}
	ctx, cancel := context.WithTimeout(context.Background(), metricsTime)
	defer cancel()
	standing, err := journal.New(a.web.Session).Standing(ctx)
	if err != nil || standing.Lag == nil {
		return figures, false
	}
	name, err := journal.New(a.web.Session).SlotName(ctx)
	if err != nil {
		return figures, false
	}
	slots, err := a.origin.Slots(ctx)
	for _, slot := range slots {
		if slot.Name == name {
			figures.Retained = slot.Retained
		}
	}
	figures.Lag = *standing.Lag
	return figures, err == nil
}

// followerOptions are common to both followers.
func (a *App) followerOptions() realtime.Options {
	return realtime.Options{Source: a.source, Store: a.store, Engine: a.engine, Tables: models.Tables(),
		Committed: func(int64) {}, Changed: func(realtime.Status) {}}
}
