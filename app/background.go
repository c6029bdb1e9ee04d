package app

import (
	"context"
	"sync"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo/journal"
	"lifecycle-sync/services/alerts"
	"lifecycle-sync/services/runs"
	"lifecycle-sync/services/schedule"
)

// background begins what goes on beside the requests, and returns what ends it and waits for that.
func (a *App) background(ctx context.Context, watch *alerts.Watch) (end func()) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { a.answers.Follow(ctx, a.reportFollowing) })
	running.Go(func() { a.indexSearch(ctx) })
	running.Go(func() { a.sweep(ctx) })
	if watch != nil {
		watch.Check(ctx) // before a run changes what a process before this one has told
		running.Go(func() { watch.Run(ctx) })
	}
	return func() {
		cancel()
		running.Wait()
	}
}

// beside does something until ctx ends, beside everything else, and returns what ends it and waits for that.
func beside(ctx context.Context, do func(ctx context.Context)) (end func()) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		do(ctx)
	}()
	return func() {
		cancel()
		<-ended
	}
}

// reportFollowing logs whether answers can be kept in memory.
func (a *App) reportFollowing(err error) {
	if err == nil {
		a.log.Info("answers are kept in memory until the mirror changes")
		return
	}
	a.log.Warn("answers are not kept in memory for the moment: pmo_db does not tell of changes", "error", err, "cause", models.AsError(err).Cause)
}

// keepSchedule starts the runs that are due. stop ends that and waits.
func (a *App) keepSchedule(ctx context.Context, syncs *runs.Service) (stop func()) {
	return beside(ctx, schedule.New(schedule.Options{Plan: a.plan, Runs: syncs, History: journal.New(a.web.Session), Now: a.local, Log: a.log}).Run)
}
