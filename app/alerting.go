package app

import (
	"cmp"
	"context"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo"
	"lifecycle-sync/repositories/pmo/journal"
	"lifecycle-sync/services/alerts"
	"lifecycle-sync/services/mirror"
)

const (
	alertTime  = 10 * time.Second // for sending alerts before a command exits
	recordTime = 2 * time.Second  // for recording a run that did not start
)

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
	return alerts.NewWatch(alerts.Options{Runs: alerts.RunHistory{Store: a.web}, Post: a.webhook().Post, Limits: limits, OnResult: onResult, Now: now, Log: a.log})
}

func (a *App) webhook() *alerts.Webhook {
	return alerts.NewWebhook(a.cfg.AlertURL, a.cfg.AlertSecret, a.texts)
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
	webhook := a.webhook()
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
