package mirror

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/sethvargo/go-retry"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
)

const (
	firstPause, longestPause = 500 * time.Millisecond, 10 * time.Second

	maxDeadlocks = 5 // more are no coincidence
)

// Retry retries transient failures for a time after the first one. onRetry is called before each pause with the
// number of the next attempt and the error; it may be nil. Errors: that of the last attempt, or the cause of ctx's end.
func Retry(ctx context.Context, retryTime time.Duration, onRetry func(attempt int, pause time.Duration, err error), try func() error) error {
	var backoff retry.Backoff
	deadlocks := 0
	for attempt := 2; ; attempt++ {
		err := try()
		if err == nil || ctx.Err() != nil || !models.AsError(err).Transient {
			return err
		}
		if database.IsCollision(err) {
			deadlocks++
		}
		if backoff == nil {
			backoff = retry.WithMaxDuration(retryTime, database.Backoff(firstPause, longestPause))
		}
		pause, stop := backoff.Next()
		if stop || deadlocks > maxDeadlocks {
			return err
		}
		if onRetry != nil {
			onRetry(attempt, pause, err)
		}
		if !database.Pause(ctx, pause) {
			return withContextCause(ctx, err)
		}
	}
}

// ErrCancelRequested is the cause of a canceled context when a user has asked to stop the run.
var ErrCancelRequested = errors.New("run cancel requested")

// cancelInterval is the time between checks for a cancel request, which any process may make.
const cancelInterval = 500 * time.Millisecond

// WatchConnections returns a context that ends, with the cause, when one of the databases stops answering. stop must
// be called.
func (e *Engine) WatchConnections(ctx context.Context) (watched context.Context, stop func()) {
	return watch(ctx, e.source.Heartbeat, e.store.Heartbeat)
}

// watchCancelRequests returns a context that ends when a user asks to stop the run. stop must be called. On SQLite
// no request can arrive: the run holds the only write lock.
func (e *Engine) watchCancelRequests(ctx context.Context, run int64) (watched context.Context, stop func()) {
	if e.store.Features().SingleWriter {
		return watch(ctx)
	}
	return watch(ctx, func(ctx context.Context) error {
		tick := time.NewTicker(cancelInterval)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-tick.C:
			}
			// The run itself notices what an error here means.
			if requested, err := e.journal.CancelRequested(ctx, run); err == nil && requested {
				return ErrCancelRequested
			}
		}
	})
}

// watch returns a context that ends with the first error of a watcher. stop ends the watchers.
func watch(ctx context.Context, watchers ...func(context.Context) error) (watched context.Context, stop func()) {
	watched, cancel := context.WithCancelCause(ctx)
	var running sync.WaitGroup
	for _, watcher := range watchers {
		running.Go(func() {
			if err := watcher(watched); err != nil {
				cancel(err)
			}
		})
	}
	return watched, func() {
		cancel(nil)
		running.Wait()
	}
}
