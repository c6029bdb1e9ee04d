package app

import (
	"context"
	"time"

	"lifecycle-sync/services/alerts"
	"lifecycle-sync/services/metrics"
	"lifecycle-sync/services/mirror"
	"lifecycle-sync/services/realtime"
	"lifecycle-sync/services/runs"
)

// steering wires what starts, watches and cancels runs for the API, those who are told of runs, and, where it
// is wanted, real time, which needs runs and is watched like them; else the follower is nil. There is no watch
// where there is no webhook.
func (a *App) steering(figures *metrics.Metrics, watch *alerts.Watch) (*runs.Service, *realtime.Follower) {
	options := runs.Options{
		Engine: a.engine, Store: a.web, Timeout: a.cfg.SyncTimeout, RetryTime: a.cfg.SyncRetryTime, StaleAfter: a.cfg.StaleAfter, Now: time.Now, Log: a.log,
		NextRun: func() (time.Time, bool) { return a.plan.Next(a.local()) }, Ended: figures.RunEnded, Committed: a.committed,
	}
	if watch != nil {
		options.Ended = func(o runs.Outcome) {
			figures.RunEnded(o)
			watch.RunEnded(o.Run)
		}
		options.NotBegun = watch.RunNotStarted
	}
	if !a.followsLog() {
		return runs.New(options), nil
	}
	var syncs *runs.Service
	follower := a.followInBackground(func(ctx context.Context, req mirror.Request) error {
		_, err := syncs.Run(ctx, req, mirror.Silent{})
		return err
	})
	options.Realtime = follower.Status
	syncs = runs.New(options)
	return syncs, follower
}

// committed is told the mirror's version that a run of this process has made.
func (a *App) committed(version int64) {
	a.answers.Advance(version)
	select {
	case a.synchronised <- struct{}{}:
	default: // it is known
	}
}
