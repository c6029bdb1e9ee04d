package app

import (
	"context"
	"errors"
	"sync"
	"time"

	"lifecycle-sync/models"
	attachmentsdb "lifecycle-sync/repositories/pmo/attachments"
	"lifecycle-sync/repositories/pmo/journal"
	mirrordb "lifecycle-sync/repositories/pmo/mirror"
	"lifecycle-sync/services/alerts"
	"lifecycle-sync/services/attachments"
	"lifecycle-sync/services/realtime"
	"lifecycle-sync/services/runs"
	"lifecycle-sync/services/schedule"
)

const (
	cleanupInterval  = time.Minute
	searchIndexRetry = time.Minute      // after another session needed the table
	searchIndexCheck = 10 * time.Minute // whether a run of another process dropped the index
)

// startJobs starts the background jobs that need no synchronized mirror. watch may be nil. stop stops them and waits.
func (a *App) startJobs(ctx context.Context, watch *alerts.Watch) (stop func()) {
	jobs := []func(context.Context){
		func(ctx context.Context) { a.answers.Follow(ctx, a.logCache) },
		a.indexSearch,
		a.cleanUp,
	}
	if watch != nil {
		watch.Check(ctx) // before a run changes what an earlier process reported
		jobs = append(jobs, watch.Run)
	}
	return start(ctx, jobs...)
}

// startSyncJobs starts the schedule and real-time sync. follower may be nil. stop stops them and waits.
func (a *App) startSyncJobs(ctx context.Context, syncs *runs.Service, follower *realtime.Follower) (stop func()) {
	jobs := []func(context.Context){
		schedule.New(schedule.Options{Plan: a.plan, Runs: syncs, History: journal.New(a.web.Session), Now: a.local, Log: a.log}).Run,
	}
	if follower != nil {
		jobs = append(jobs, func(ctx context.Context) { _ = follower.Follow(ctx) }) // it ends with ctx only
	}
	return start(ctx, jobs...)
}

// start runs jobs in the background until ctx ends or stop is called, which waits for their end.
func start(ctx context.Context, jobs ...func(context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	for _, job := range jobs {
		running.Go(func() { job(ctx) })
	}
	return func() {
		cancel()
		running.Wait()
	}
}

// logCache logs whether the cache works. It needs notifications of pmo_db.
func (a *App) logCache(err error) {
	if err == nil {
		a.log.Info("cache on")
		return
	}
	a.log.Warn("cache off", "error", err, "cause", models.AsError(err).Cause)
}

// cleanUp finishes, now and then every minute, what dead processes left: pending writes and orphaned files.
func (a *App) cleanUp(ctx context.Context) {
	sweeper := attachments.NewSweeper(a.files, attachmentsdb.New(a.web.Session), time.Now, a.log)
	tick := time.NewTicker(cleanupInterval)
	defer tick.Stop()
	for {
		if err := errors.Join(a.writer.Sweep(ctx), sweeper.Sweep(ctx)); err != nil && ctx.Err() == nil {
			a.log.Warn("cleanup failed, will retry", "error", err, "cause", models.AsError(err).Cause)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// indexSearch creates the search index after each run of this process and from time to time.
func (a *App) indexSearch(ctx context.Context) {
	logged := ""
	wait := searchIndexCheck
	for {
		select {
		case <-ctx.Done():
			return
		case <-a.synchronized:
		case <-time.After(wait):
		}
		started := now()
		built, err := mirrordb.New(a.store).IndexSearch(ctx)
		wait = searchIndexCheck
		switch e := models.AsError(err); {
		case ctx.Err() != nil:
			return
		case built:
			a.log.Info("search index created", "took", now().Sub(started))
		case e == nil:
		case e.Class == models.Busy:
			wait = searchIndexRetry
			a.log.Debug("search index postponed", "error", err)
		case e.Error() != logged: // once
			logged = e.Error()
			a.log.Info("search index not created", "error", err, "cause", e.Cause)
		}
	}
}
