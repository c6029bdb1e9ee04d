package mirror

import (
	"context"
	"errors"
	"sync"
	"time"
)

// WatchConnections returns a context that ends, with the cause, when one of the databases stops answering. stop must
// be called.
func (e *Engine) WatchConnections(ctx context.Context) (watched context.Context, stop func()) {
	watched, cancel := context.WithCancelCause(ctx)
	var watches sync.WaitGroup
	for _, silence := range []func(context.Context) error{e.source.Heartbeat, e.store.Heartbeat} {
		watches.Go(func() {
			if err := silence(watched); err != nil {
				cancel(err)
			}
		})
	}
	return watched, func() {
		cancel(nil)
		watches.Wait()
	}
}

// ErrCancelRequested is the cause of a canceled context when a user has asked to stop the run.
var ErrCancelRequested = errors.New("run cancel requested")

// cancelInterval is the time between checks for a cancel request, which any process may make.
const cancelInterval = 500 * time.Millisecond

// watchCancelRequests returns a context that ends when a user asks to stop the run. stop must be called. On SQLite
// no request can arrive: the run holds the only write lock.
func (e *Engine) watchCancelRequests(ctx context.Context, run int64) (watched context.Context, stop func()) {
	watched, cancel := context.WithCancelCause(ctx)
	if e.store.Features().SingleWriter {
		return watched, func() { cancel(nil) }
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(cancelInterval)
		defer tick.Stop()
		for {
			select {
			case <-watched.Done():
				return
			case <-tick.C:
			}
			// The run itself notices what an error here means.
			if requested, err := e.journal.CancelRequested(watched, run); err == nil && requested {
				cancel(ErrCancelRequested)
				return
			}
		}
	}()
	return watched, func() {
		cancel(nil)
		<-ended
	}
}
