package app

import (
	"time"

	"lifecycle-sync/services/syncing"
)

// steering wires what starts, watches and cancels runs for the API.
func (a *App) steering(ended func(syncing.Outcome)) *syncing.Service {
	return syncing.New(syncing.Options{
		Engine: a.engine, Store: a.web, Timeout: a.cfg.SyncTimeout, StaleAfter: a.cfg.StaleAfter, Now: time.Now, Log: a.log,
		NextRun: func() (time.Time, bool) { return a.plan.Next(a.local()) }, Ended: ended, Committed: a.committed,
	})
}

// committed is told the mirror's version that a run of this process has made.
func (a *App) committed(version int64) {
	a.answers.Advance(version)
	select {
	case a.synchronised <- struct{}{}:
	default: // it is known
	}
}
