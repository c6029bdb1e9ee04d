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

// followInForeground is sync --follow: it ends with ctx, or with what somebody must mend.
func (a *App) followInForeground(ctx context.Context, out *console) error {
	defer out.close()
	if !a.source.Features().Replication {
		return &models.Error{Class: models.Config, LegacyMessage: "there is no real time with SQLite", LegacyRemedy: "Name two PostgreSQL databases, or use the schedule."}
	}
	out.line("🔄 Following lifecycle_db (Ctrl-C ends)...")
	if err := a.prepare(ctx, out); err != nil {
		return err
	}
	options := a.realtime()
	options.FailFast = true
	options.Run = func(ctx context.Context, req mirror.Request) error {
		ctx, cancel := mirror.WithTimeout(ctx, a.cfg.SyncTimeout)
		defer cancel()
		req.RetryTime, req.OnRetry = a.cfg.SyncRetryTime, out.retrying
		result, err := a.engine.Sync(ctx, req, out)
		if err == nil {
			a.reportReasons(out, result.Run)
		}
		return err
	}
	options.Changed = func(s realtime.Status) {
		switch s.State {
		case realtime.Following:
			out.line("📡 Every change is brought as soon as it is committed")
		case realtime.Standby:
			out.line("⏳ Another process follows lifecycle_db; standing by")
		case realtime.Stopped, realtime.Unavailable:
			report(out.out, s.Err)
		case realtime.Starting:
		}
	}
	defer a.tellWhileFollowing(ctx)()
	return realtime.New(options).Follow(ctx)
}

// tellWhileFollowing tells people of what is wrong, where there is a webhook, and returns what ends that.
func (a *App) tellWhileFollowing(ctx context.Context) (end func()) {
	watch := a.alerting(true, func(alerts.Alert, alerts.Result) {})
	if watch == nil {
		return func() {}
	}
	return beside(ctx, func(ctx context.Context) {
		watch.Check(ctx)
		watch.Run(ctx)
	})
}

// followsLog reports whether the server is to follow lifecycle_db's log.
func (a *App) followsLog() bool {
	if a.cfg.Realtime && !a.source.Features().Replication {
		a.log.Warn("SYNC_REALTIME does nothing with SQLite: runs are made by schedule")
	}
	return a.cfg.Realtime && a.source.Features().Replication
}

// followInBackground is the server's follower, whose runs are made by run.
func (a *App) followInBackground(run func(ctx context.Context, req mirror.Request) error) *realtime.Follower {
	options := a.realtime()
	options.Run, options.Committed = run, a.answers.Advance
	options.Changed = func(s realtime.Status) {
		switch e := models.AsError(s.Err); {
		case e != nil:
			a.log.Warn("lifecycle_db is not followed", "state", s.State, "class", e.Class, "error", e, "cause", e.Cause)
		default:
			a.log.Info("real time", "state", s.State)
		}
	}
	return realtime.New(options)
}

// figuresTime bounds what is asked of the databases for figures.
const figuresTime = 2 * time.Second

// realtimeFigures are for whoever watches over the program; false where real time is off, or a database does
// not answer.
func (a *App) realtimeFigures() (figures metrics.RealTime, known bool) {
	if !a.cfg.Realtime || !a.source.Features().Replication {
		return figures, false
	}
	ctx, cancel := context.WithTimeout(context.Background(), figuresTime)
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

// follow lets a follower, if there is one, do its work, and returns what ends that and waits for its end.
func follow(ctx context.Context, f *realtime.Follower) (end func()) {
	if f == nil {
		return func() {}
	}
	return beside(ctx, func(ctx context.Context) { _ = f.Follow(ctx) }) // it ends with ctx only
}

// realtime are the options that every follower has.
func (a *App) realtime() realtime.Options {
	return realtime.Options{Source: a.source, Store: a.store, Engine: a.engine, Tables: models.Tables(),
		Committed: func(int64) {}, Changed: func(realtime.Status) {}}
}
