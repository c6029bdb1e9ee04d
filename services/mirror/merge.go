package mirror

import (
	"context"
	"errors"
	"fmt"
	"iter"
)

// Batches reduce the cost of passing rows between goroutines. Their size in bytes bounds memory when rows are large.
const (
	batchRows  = 256
	batchBytes = 256 << 10
)

// cursor steps through a sequence ordered by id. A goroutine reads a few batches ahead, so that both databases
// work at the same time.
type cursor[T any] struct {
	current T
	ok      bool // whether there is a current item
	id      func(T) int64

	batches <-chan []T
	batch   []T
	failed  <-chan error
	ctx     context.Context //nolint:containedctx // the reading goroutine's, as long as the cursor
	cancel  context.CancelFunc
	started bool
}

// prefetch starts to read a sequence. copied returns a copy that outlives the sequence's next step, and its size in
// bytes. The cursor must be closed.
func prefetch[T any](ctx context.Context, seq iter.Seq2[T, error], id func(T) int64, copied func(T) (T, int)) *cursor[T] {
	ctx, cancel := context.WithCancel(ctx) //nolint:gosec // the cursor cancels when it is closed
	batches, failed := make(chan []T, 2), make(chan error, 1)
	go func() {
		defer close(batches)
		send := func(batch []T) bool {
			select {
			case batches <- batch:
				return true
			case <-ctx.Done():
				return false
			}
		}
		var batch []T
		bytes := 0
		for v, err := range seq {
			if err != nil {
				failed <- err
				return
			}
			item, size := copied(v)
			batch, bytes = append(batch, item), bytes+size
			if len(batch) == batchRows || bytes >= batchBytes {
				if !send(batch) {
					return
				}
				batch, bytes = make([]T, 0, batchRows), 0
			}
		}
		send(batch)
	}()
	return &cursor[T]{id: id, batches: batches, failed: failed, ctx: ctx, cancel: cancel}
}

// close waits until the sequence has ended.
func (c *cursor[T]) close() {
	c.cancel()
	for range c.batches { // drained so that the goroutine ends
	}
}

// advance moves to the next item. It fails on descending ids, because a merge relies on their order. Equal ids may
// follow each other: a mirrored row and its quarantine entry.
func (c *cursor[T]) advance() (err error) {
	last := c.current
	for len(c.batch) == 0 {
		if c.batch, c.ok = <-c.batches; !c.ok {
			select {
			case err = <-c.failed:
			default:
				err = c.ctx.Err()
			}
			return err
		}
	}
	c.current, c.batch, c.ok = c.batch[0], c.batch[1:], true
	if c.started && c.id(c.current) < c.id(last) {
		return fmt.Errorf("rows out of order: id %d after %d", c.id(c.current), c.id(last))
	}
	c.started = true
	return nil
}

// mergedIDs yields the ids of two cursors in ascending order. The loop's body must advance both cursors past each id.
func mergedIDs[A, B any](a *cursor[A], b *cursor[B]) iter.Seq2[int64, error] {
	return func(yield func(int64, error) bool) {
		err := errors.Join(a.advance(), b.advance())
		for err == nil && (a.ok || b.ok) {
			id := a.id(a.current)
			if !a.ok || b.ok && b.id(b.current) < id {
				id = b.id(b.current)
			}
			if !yield(id, nil) {
				return
			}
		}
		if err != nil {
			yield(0, err)
		}
	}
}
