package mirror

import (
	"context"
	"fmt"
	"iter"
)

// ordered steps through a stream of rows and holds it to its promise of ascending ids, on which the
// merge relies. Two of one id may follow each other: a mirrored row and its quarantine mark.
type ordered[T any] struct {
	next    func() (T, bool, error)
	id      func(T) int64
	current T
	ok      bool
	last    int64
	started bool
}

func (o *ordered[T]) advance() (err error) {
	if o.current, o.ok, err = o.next(); err != nil || !o.ok {
		return err
	}
	id := o.id(o.current)
	if o.started && id < o.last {
		return fmt.Errorf("rows out of order: id %d after %d", id, o.last)
	}
	o.last, o.started = id, true
	return nil
}

// Batches keep the cost of handing a row from one goroutine to the next low, and their bytes keep
// memory bounded when rows are large.
const (
	batchRows  = 256
	batchBytes = 256 << 10
)

// ahead runs a sequence in a goroutine of its own, a few batches ahead of its reader, so that both
// databases work at the same time. keep returns a copy that outlives the sequence's next step, and
// its size in bytes. stop must be called; it waits until the sequence has ended.
func ahead[T any](ctx context.Context, seq iter.Seq2[T, error], keep func(T) (T, int)) (next func() (T, bool, error), stop func()) {
	ctx, cancel := context.WithCancel(ctx)
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
			kept, size := keep(v)
			batch, bytes = append(batch, kept), bytes+size
			if len(batch) == batchRows || bytes >= batchBytes {
				if !send(batch) {
					return
				}
				batch, bytes = make([]T, 0, batchRows), 0
			}
		}
		send(batch)
	}()
	var current []T
	next = func() (v T, ok bool, err error) {
		for len(current) == 0 {
			if current, ok = <-batches; !ok {
				select {
				case err = <-failed:
				default:
					err = ctx.Err()
				}
				return v, false, err
			}
		}
		v, current = current[0], current[1:]
		return v, true, nil
	}
	stop = func() {
		cancel()
		for range batches { // drained so that the goroutine ends
		}
	}
	return next, stop
}
