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
	alertTime  = 10 * time.Second // for which a command stays to tell people how its run ended
	recordTime = 2 * time.Second  // to record that a run could not begin
)

// alerting wires what tells people of what is wrong while the process lives, and, where it is to follow
// lifecycle_db, when that falls behind; nil without a webhook.
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

// alertAfter tells people what a run has changed, before its process ends. That this does not succeed is
// logged and changes nothing else.
func (a *App) alertAfter(ctx context.Context, result mirror.Result, outcome error) {
	if a.cfg.AlertURL == "" {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, alertTime)
	defer cancel()
	limits := alerts.Limits{QuarantineGrowth: a.cfg.AlertQuarantine} // that nothing has run for long, only a server sees
	looking, looked := context.WithTimeout(ctx, alertTime/2)         // leaves time to tell
	defer looked()
	found, err := alerts.AfterRun(looking, alerts.RunHistory{Store: a.store}, result.Run, outcome, now(), limits)
	if err != nil {
		a.log.Warn("pmo_db does not tell whether something is wrong", "error", err)
	}
	webhook := a.webhook()
	for _, alert := range found {
		if err := webhook.Post(ctx, alert); err != nil {
			a.log.Warn("an alert was not delivered", "event", alert.Event, "state", alert.State, "id", alert.ID, "error", err)
		}
	}
}

// recordFailure keeps a run that failed before it could begin, because lifecycle_db is away or a table is
// not as it should be: others see it, and the next success ends what it was told as. It returns nil
// when pmo_db is away too.
func (a *App) recordFailure(ctx context.Context, req mirror.Request, started time.Time, cause error) *models.Run {
	e := models.AsError(cause)
	if e.Class == models.Canceled || e.Class == models.Busy {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTime)
	defer cancel()
	run := models.FailedRun(cmp.Or(req.Mode, models.FullRun), started, now(), cause)
	if err := a.store.InTx(ctx, func(tx *pmo.Session) error { return journal.New(tx).Record(ctx, &run, nil, nil) }); err != nil {
		a.log.Debug("the failed run was not recorded", "error", err)
		return nil
	}
	return &run
}
