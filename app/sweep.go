package app

import (
	"context"
	"errors"
	"time"

	"lifecycle-sync/models"
	attachmentsdb "lifecycle-sync/repositories/pmo/attachments"
	"lifecycle-sync/services/attachments"
)

// sweepPause lies between two sweeps.
const sweepPause = time.Minute

// sweep ends, at once and then every minute until ctx ends, what processes that died have left: writes
// that stood between the two databases, and files that belong to nothing.
func (a *App) sweep(ctx context.Context) {
	sweeper := attachments.NewSweeper(a.files, attachmentsdb.New(a.web.Session), time.Now, a.log)
	tick := time.NewTicker(sweepPause)
	defer tick.Stop()
	for {
		if err := errors.Join(a.writer.Sweep(ctx), sweeper.Sweep(ctx)); err != nil && ctx.Err() == nil {
			a.log.Warn("what processes that ended have left is swept up later", "error", err, "cause", models.AsError(err).Cause)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
