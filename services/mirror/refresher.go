package mirror

import (
	"context"
	"sync"
	"time"

	"lifecycle-sync/models"
)

// followTime bounds one refresh, and how long a write waits for its own.
const followTime = 3 * time.Second

// Refresher brings what API writes have changed to the mirror, one batch at a time: writes that commit
// while one batch is on its way share the next. It is safe for concurrent use.
type Refresher struct {
	engine *Engine

	mu      sync.Mutex
	next    *batch // collects, while another is on its way
	working bool
}

// batch is what several writes have changed.
type batch struct {
	changed Changed
	deleted int64
	done    chan struct{} // closed once version and err are known
	version int64
	err     error
}

// NewRefresher returns the refresher of an engine.
func NewRefresher(engine *Engine) *Refresher { return &Refresher{engine: engine} }

// Bring returns once the changed rows are in the mirror, with its new version. Errors: as
// Engine.Refresh; busy when that takes too long, and the rows may then come a moment later.
func (r *Refresher) Bring(ctx context.Context, changed Changed, deleted int64) (version int64, err error) {
	mine := r.join(changed, deleted)
	ctx, cancel := context.WithTimeout(ctx, followTime)
	defer cancel()
	select {
	case <-mine.done:
		return mine.version, mine.err
	case <-ctx.Done():
		return 0, &models.Error{Class: models.Busy, LegacyMessage: "the mirror is being written by others", LegacyRemedy: "The change comes to it later."}
	}
}

// join adds to the next batch, and sees to it that somebody brings it.
func (r *Refresher) join(changed Changed, deleted int64) *batch {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.next == nil {
		r.next = &batch{changed: Changed{}, done: make(chan struct{})}
	}
	mine := r.next
	for table, ids := range changed {
		mine.changed[table] = append(mine.changed[table], ids...)
	}
	mine.deleted += deleted
	if !r.working {
		r.working = true
		go r.work()
	}
	return mine
}

// work brings batches until none is left.
func (r *Refresher) work() {
	for {
		r.mu.Lock()
		b := r.next
		r.next = nil
		if r.working = b != nil; !r.working {
			r.mu.Unlock()
			return
		}
		r.mu.Unlock()
		ctx, cancel := context.WithTimeout(context.Background(), followTime)
		b.version, b.err = r.engine.Refresh(ctx, b.changed, b.deleted)
		cancel()
		close(b.done)
	}
}
