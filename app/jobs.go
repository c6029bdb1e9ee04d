package app

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/pmo"
	attachmentsdb "lifecycle-sync/repositories/pmo/attachments"
	"lifecycle-sync/repositories/pmo/journal"
	mirrordb "lifecycle-sync/repositories/pmo/mirror"
	"lifecycle-sync/services/alerts"
	"lifecycle-sync/services/attachments"
	"lifecycle-sync/services/mirror"
	"lifecycle-sync/services/realtime"
	"lifecycle-sync/services/runs"
	"lifecycle-sync/services/schedule"
)

const (
	cleanupInterval  = time.Minute
	searchIndexRetry = time.Minute      // after another session needed the table
	slotRetry        = 10 * time.Minute // after an unused slot could not be dropped
	searchIndexCheck = 10 * time.Minute // in case a run of another process dropped the index
	alertTime        = 10 * time.Second // for sending alerts before a command exits
	recordTime       = 2 * time.Second  // for recording a run that did not start
)

// startJobs starts the background jobs that need no synchronized mirror. alertWatch may be nil. stop stops them and waits.
func (a *App) startJobs(ctx context.Context, alertWatch *alerts.Watch) (stop func()) {
	jobs := []func(context.Context){
		func(ctx context.Context) {
			a.responses.Follow(ctx, func(err error) {
				if e := models.AsError(err); e != nil {
					a.log.Warn("cache off", "error", err, "cause", e.Cause)
				} else {
					a.log.Info("cache on")
				}
			})
		},
		a.indexSearch,
		a.cleanUp,
	}
	if alertWatch != nil {
		alertWatch.Check(ctx) // before a run changes what an earlier process reported
		jobs = append(jobs, alertWatch.Run)
	}
	return start(ctx, jobs...)
}

// startSyncJobs starts the schedule and real-time sync. follower may be nil. stop stops them and waits.
func (a *App) startSyncJobs(ctx context.Context, runService *runs.Service, follower *realtime.Follower) (stop func()) {
	jobs := []func(context.Context){
		(&schedule.Schedule{Plan: a.plan, Runs: runService, History: journal.New(a.apiStore.Session), Now: a.local, Log: a.log}).Run,
	}
	if follower != nil {
		jobs = append(jobs, func(ctx context.Context) { _ = follower.Follow(ctx) }) // it ends with ctx only
	} else if a.source.Features().Server {
		jobs = append(jobs, a.dropSlot)
	}
	return start(ctx, jobs...)
}

// dropSlot drops the slot of earlier real-time sync, because of which lifecycle_db's server would keep WAL until its disk is
// full. A server of the same pmo_db that follows with it keeps it.
func (a *App) dropSlot(ctx context.Context) {
	for {
		dropped := false
		name, err := journal.New(a.store.Session).SlotName(ctx)
		if err == nil {
			dropped, err = a.source.DropSlot(ctx, name)
		}
		if dropped {
			a.log.Info("unused replication slot dropped", "slot", name)
		}
		if err == nil || ctx.Err() != nil {
			return
		}
		a.log.Warn("unused replication slot not dropped, will retry", "error", err, "cause", models.AsError(err).Cause)
		if !database.Pause(ctx, slotRetry) {
			return
		}
	}
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

// cleanUp finishes, now and then every minute, what dead processes left: pending writes and orphaned files. It also deletes the old
// versions of the mirror from which no client can resume, because runs may be rare.
func (a *App) cleanUp(ctx context.Context) {
	sweeper := attachments.NewSweeper(a.files, attachmentsdb.New(a.apiStore.Session), a.cfg.ChangeLogRetention, time.Now, a.log)
	tick := time.NewTicker(cleanupInterval)
	defer tick.Stop()
	for {
		if err := errors.Join(a.writer.Sweep(ctx), sweeper.Sweep(ctx), a.apiStore.PruneVersions(ctx)); err != nil && ctx.Err() == nil {
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
	logged, wait := "", searchIndexCheck
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

// alerting wires the alerts of a process that keeps running, nil without a webhook. A process that follows
// lifecycle_db reports lag, too.
func (a *App) alerting(follows bool, onResult func(alerts.Alert, alerts.Result)) *alerts.Watch {
	if a.cfg.AlertURL == "" {
		return nil
	}
	limits := alerts.Limits{StaleAfter: a.cfg.StaleAfter, QuarantineGrowth: a.cfg.AlertQuarantine}
	if follows {
		limits.Lag = a.cfg.AlertLag
	}
	return alerts.NewWatch(alerts.Options{
		Runs: alerts.RunHistory{Store: a.apiStore}, Post: alerts.NewWebhook(a.cfg.AlertURL, a.cfg.AlertSecret, a.printers.Default()).Post,
		Limits: limits, OnResult: onResult, Now: now, Log: a.log,
	})
}

// alertAfter sends the alerts of a run before its process ends. Failures are only logged.
func (a *App) alertAfter(ctx context.Context, result mirror.Result, outcome error) {
	if a.cfg.AlertURL == "" {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, alertTime)
	defer cancel()
	limits := alerts.Limits{QuarantineGrowth: a.cfg.AlertQuarantine} // only a server checks the age of the last success
	reading, stop := context.WithTimeout(ctx, alertTime/2)           // leaves time for sending
	defer stop()
	found, err := alerts.AfterRun(reading, alerts.RunHistory{Store: a.store}, result.Run, outcome, now(), limits)
	if err != nil {
		a.log.Warn("alert check without pmo_db", "error", err)
	}
	webhook := alerts.NewWebhook(a.cfg.AlertURL, a.cfg.AlertSecret, a.printers.Default())
	for _, alert := range found {
		if err := webhook.Post(ctx, alert); err != nil {
			a.log.Warn("alert not delivered", "event", alert.Event, "state", alert.State, "id", alert.ID, "error", err)
		}
	}
}

// recordFailure records a run that failed before it started, so that other processes see it and the next success
// resolves its alert. It returns nil if pmo_db is unavailable, too.
func (a *App) recordFailure(ctx context.Context, req mirror.Request, started time.Time, cause error) *models.Run {
	e := models.AsError(cause)
	if e.Class == models.Canceled || e.Class == models.Busy {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTime)
	defer cancel()
	run := models.FailedRun(cmp.Or(req.Mode, models.FullRun), started, now(), cause)
	if err := a.store.InTx(ctx, func(tx *pmo.Session) error { return journal.New(tx).Record(ctx, &run, nil, nil) }); err != nil {
		a.log.Debug("failed run not recorded", "error", err)
		return nil
	}
	return &run
}
