package mirror

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
)

// Batches reduce the cost of passing rows between goroutines. Their size in bytes bounds memory when rows are large.
const (
	batchRows  = 256
	batchBytes = 256 << 10
)

// source is a sequence ordered by id. Items of one id may follow each other: a mirrored row and its quarantine entry.
type source[T any] struct {
	items iter.Seq2[T, error]
	id    func(T) int64
	keep  func(T) (T, int) // returns a copy that outlives the next item, and its size in bytes
}

// group holds the items of one id from both sides, until the next group.
type group[A, B any] struct {
	id    int64
	left  []A
	right []B
}

// merged yields the items of two sources by ascending id. Both are read ahead, so that both databases work at the same
// time.
func merged[A, B any](ctx context.Context, a source[A], b source[B]) iter.Seq2[group[A, B], error] {
	return func(yield func(group[A, B], error) bool) {
		left, right := prefetch(ctx, a), prefetch(ctx, b)
		defer left.close()
		defer right.close()
		err := errors.Join(left.advance(), right.advance())
		for err == nil && (left.ok || right.ok) {
			id := min(left.nextID(), right.nextID())
			err = errors.Join(left.take(id), right.take(id))
			if err == nil && !yield(group[A, B]{id, left.taken, right.taken}, nil) {
				return
			}
		}
		if err != nil {
			yield(group[A, B]{}, err)
		}
	}
}

// cursor steps through a source. A goroutine reads a few batches ahead.
type cursor[T any] struct {
	source[T]

	current T
	ok      bool // whether there is a current item
	taken   []T  // the items of the last id

	batches <-chan []T
	batch   []T
	failed  <-chan error
	ctx     context.Context //nolint:containedctx // the reading goroutine's, as long as the cursor
	cancel  context.CancelFunc
}

// prefetch starts to read a source. The cursor must be closed.
func prefetch[T any](ctx context.Context, s source[T]) *cursor[T] {
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
		for v, err := range s.items {
			if err != nil {
				failed <- err
				return
			}
			item, size := s.keep(v)
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
	return &cursor[T]{source: s, batches: batches, failed: failed, ctx: ctx, cancel: cancel}
}

// close waits until the sequence has ended.
func (c *cursor[T]) close() {
	c.cancel()
	for range c.batches { // drained so that the goroutine ends
	}
}

// advance moves to the next item.
func (c *cursor[T]) advance() (err error) {
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
	return nil
}

// nextID is the id of the current item. After the last item it is the largest number.
func (c *cursor[T]) nextID() int64 {
	if !c.ok {
		return math.MaxInt64
	}
	return c.id(c.current)
}

// take takes all items of an id. It fails on descending ids, because a merge relies on their order.
func (c *cursor[T]) take(id int64) (err error) {
	for c.taken = c.taken[:0]; err == nil && c.ok && c.nextID() == id; err = c.advance() {
		c.taken = append(c.taken, c.current)
	}
	if err == nil && c.nextID() < id {
		err = fmt.Errorf("rows out of order: id %d after %d", c.nextID(), id)
	}
	return err
}
