package pmo

import (
	"context"
	"sync"
	"sync/atomic"
)

// versionQuery reads the mirror's version.
const versionQuery = "SELECT version FROM lifecycle_mirror_version"

// Mark names a state of the mirror. What was read in a state is current as long as the watch says the
// same mark.
type Mark struct {
	epoch   uint64 // counts the times that the watch began anew
	version int64  // PostgreSQL: of the mirror; SQLite: PRAGMA data_version
}

// Watch knows the state of the mirror while Follow runs: on PostgreSQL by being told, so that to ask
// costs nothing, and on SQLite by looking.
type Watch struct {
	store   *Store
	current atomic.Pointer[Mark] // PostgreSQL: nil while it is not known

	mu    sync.Mutex
	epoch uint64
	told  int64                      // PostgreSQL: the highest version since the epoch began
	look  func(version *int64) error // SQLite: reads data_version; nil while nobody follows
}

// NewWatch returns a watch over a store's mirror.
func NewWatch(store *Store) *Watch { return &Watch{store: store} }

// Follow keeps up with the mirror until ctx ends. It tells report why that is not possible for the
// moment, and nil when it is possible again.
func (w *Watch) Follow(ctx context.Context, report func(error)) {
	if !w.store.Features().Notifications {
		w.followSQLite(ctx, report)
	} else {
		w.followPostgres(ctx, report)
	}
}

// Now returns the mark of the mirror's present state, or false while nobody knows it. It covers every
// write whose Advance has returned, and on SQLite every commit; those of other processes on PostgreSQL
// it covers as soon as the server tells of them.
func (w *Watch) Now() (Mark, bool) {
	if !w.store.Features().Notifications {
		return w.lookNow()
	}
	if mark := w.current.Load(); mark != nil {
		return *mark, true
	}
	return Mark{}, false
}

// Seen returns the mark of the state in which a View saw a version, when Now said before that View
// began that the state was before. False: it is not the present state any more, or nobody knows.
func (w *Watch) Seen(before Mark, version int64) (Mark, bool) {
	if !w.store.Features().Notifications {
		after, ok := w.lookNow()
		return after, ok && after == before
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.epoch != before.epoch {
		return Mark{}, false
	}
	w.advance(version) // the view may have seen it before we were told
	mark := Mark{w.epoch, version}
	current := w.current.Load()
	return mark, current != nil && *current == mark
}

// Advance says that a version of the mirror has been committed.
func (w *Watch) Advance(version int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.advance(version)
}

func (w *Watch) advance(version int64) {
	w.told = max(w.told, version)
	if mark := w.current.Load(); mark != nil && mark.version < w.told {
		w.current.Store(&Mark{w.epoch, w.told})
	}
}

// lose ends the epoch: nothing that was read until now is current any more.
func (w *Watch) lose() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.epoch++
	w.told = 0
	w.current.Store(nil)
}

// find begins to know, with a version that was read after lose.
func (w *Watch) find(version int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.told = max(w.told, version)
	w.current.Store(&Mark{w.epoch, w.told})
}
