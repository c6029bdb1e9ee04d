package mirror

import (
	"context"
	"errors"
	"sync"
	"time"
)

// WatchConnections returns a context that ends when one of the databases does not answer any more, which is then its
// cause. stop must be called.
func (e *Engine) WatchConnections(ctx context.Context) (attended context.Context, stop func()) {
	attended, cancel := context.WithCancelCause(ctx)
	var watches sync.WaitGroup
	for _, silence := range []func(context.Context) error{e.source.Silence, e.store.Silence} {
		watches.Go(func() {
			if err := silence(attended); err != nil {
				cancel(err)
			}
		})
	}
	return attended, func() {
		cancel(nil)
		watches.Wait()
	}
}

// ErrCancelRequested is why a run ends that somebody asked to stop.
var ErrCancelRequested = errors.New("somebody asked the run to stop")

// cancelInterval is how often a run looks whether somebody, through any process, asks it to stop.
const cancelInterval = 500 * time.Millisecond

// watch returns a context that ends when somebody asks the run to stop. stop must be called. On SQLite
// nobody can ask: the run holds the one write lock.
func (e *Engine) watch(ctx context.Context, run int64) (watched context.Context, stop func()) {
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
			// An error tells nothing of the request, and the run notices by itself what is wrong.
			if asked, err := e.store.CancelRequested(watched, run); err == nil && asked {
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
