package mirror

import (
	"context"
	"errors"
	"sync"
	"time"
)

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
