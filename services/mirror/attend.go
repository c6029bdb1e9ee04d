package mirror

import (
	"context"
	"sync"
)

// Attend returns a context that ends when one of the databases does not answer any more, which is then its
// cause. stop must be called.
func (e *Engine) Attend(ctx context.Context) (attended context.Context, stop func()) {
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
