package app

import (
	"context"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/services/mirror"
	"lifecycle-sync/services/realtime"
)

// followInForeground is sync --follow: it ends with ctx, or with what somebody must mend.
func (a *App) followInForeground(ctx context.Context, out *console) error {
	defer out.close()
	if a.source.Kind() == database.SQLite {
		return &models.Error{Class: models.Config, Message: "there is no real time with SQLite", Remedy: "Name two PostgreSQL databases, or use the schedule."}
	}
	out.line("🔄 Following lifecycle_db (Ctrl-C ends)...")
	if err := a.prepare(ctx, out); err != nil {
		return err
	}
	options := a.realtime()
	options.GiveUp = true
	options.Run = func(ctx context.Context, req mirror.Request) error {
		ctx, cancel := context.WithTimeout(ctx, a.cfg.SyncTimeout)
		defer cancel()
		result, err := a.engine.Sync(ctx, req, out)
		if err == nil && result.Run.Reason != nil {
			out.line("⚠️ %s", *result.Run.Reason)
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
	return realtime.New(options).Follow(ctx)
}

// realtime are the options that every follower has.
func (a *App) realtime() realtime.Options {
	return realtime.Options{Source: a.source, Store: a.store, Engine: a.engine, Tables: models.Tables(), Log: a.log,
		Committed: func(int64) {}, Changed: func(realtime.Status) {}}
}
