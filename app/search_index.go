package app

import (
	"context"
	"time"

	"lifecycle-sync/models"
	mirrordb "lifecycle-sync/repositories/pmo/mirror"
)

const (
	searchIndexRetry = time.Minute      // after somebody else needed the table
	searchIndexCheck = 10 * time.Minute // whether a run of another process has dropped it
)

// indexSearch keeps the search's index in place until ctx ends: it is looked for after each run of this
// process, and from time to time.
func (a *App) indexSearch(ctx context.Context) {
	said := ""
	wait := searchIndexCheck
	for {
		select {
		case <-ctx.Done():
			return
		case <-a.synchronised:
		case <-time.After(wait):
		}
		start := now()
		built, err := mirrordb.New(a.store).IndexSearch(ctx)
		wait = searchIndexCheck
		switch e := models.AsError(err); {
		case ctx.Err() != nil:
			return
		case built:
			a.log.Info("searches are answered from an index now", "building_took", now().Sub(start))
		case e == nil:
		case e.Class == models.Busy:
			wait = searchIndexRetry
			a.log.Debug("no index for searches yet", "error", err)
		case e.Error() != said: // once
			said = e.Error()
			a.log.Info("no index for searches", "error", err, "cause", e.Cause)
		}
	}
}
