package pmo

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
)

const (
	versionQuery   = "SELECT version FROM lifecycle_mirror_version"
	versionChannel = "lifecycle_mirror" // on which PostgreSQL announces the mirror's new version
)

// BumpVersion increments the mirror's version and records the products that have changed; every process is notified when the
// transaction commits. Transactions that change what the API answers call it last: the row stays locked until they end, so
// versions commit in order and without gaps.
func (s *Session) BumpVersion(ctx context.Context, changed models.ChangedProducts) (version int64, err error) {
	if version, err = s.nextVersion(ctx); err != nil {
		return 0, err
	}
	return version, s.Translate(s.Gorm(ctx).Create(&models.MirrorChange{Version: version, Products: changed}).Error)
}

// nextVersion is raw, because one statement increments, returns and notifies.
func (s *Session) nextVersion(ctx context.Context) (version int64, err error) {
	const update = "UPDATE lifecycle_mirror_version SET version = version + 1 RETURNING version"
	if !s.Features().Notifications {
		err = s.conn.QueryRow(ctx, update, nil, &version)
		return version, err
	}
	var sent *string
	err = s.conn.QueryRow(ctx, "WITH v AS ("+update+") SELECT version, pg_notify('"+versionChannel+"', version::text)::text FROM v", nil, &version, &sent)
	return version, err
}

// changesKept is how long a client can resume after a version of the mirror.
const changesKept = 24 * time.Hour

// PruneVersions deletes what changed with versions of the mirror from which clients can no longer resume. Errors: connection, timeout.
func (s *Session) PruneVersions(ctx context.Context) error {
	return s.Translate(s.Gorm(ctx).Where("at < " + s.Clock(-int(changesKept/time.Second))).Delete(&models.MirrorChange{}).Error)
}

// A dead connection is noticed within pollInterval + pollTimeout. Behind a pooler, which delivers no notifications,
// pooledInterval is how long other processes' writes stay unseen.
const (
	pollInterval   = 3 * time.Second
	pooledInterval = time.Second
	pollTimeout    = 5 * time.Second
	dialTimeout    = 10 * time.Second

	// sqliteInterval is how long commits of other processes stay unnoticed on SQLite.
	sqliteInterval = 250 * time.Millisecond

	firstPause, longestPause = 100 * time.Millisecond, 5 * time.Second
)

// State names a state of the mirror. What was read in a state is current while the watch returns the same state.
type State struct {
	epoch   uint64 // counts the connections of the watch
	version int64  // PostgreSQL: of the mirror; SQLite: PRAGMA data_version
}

// Watch knows the state of the mirror while Follow runs: on PostgreSQL from notifications, so that asking costs
// nothing, behind a pooler from regular queries, and on SQLite from a query.
type Watch struct {
	store   *Store
	current atomic.Pointer[State] // PostgreSQL: nil while it is unknown

	mu      sync.Mutex
	epoch   uint64
	latest  int64          // PostgreSQL: the highest version in the epoch
	sqlite  *database.Conn // never writes; nil while nothing follows
	changed chan struct{}  // closed and replaced by each change
}

// NewWatch returns a watch over a store's mirror.
func NewWatch(store *Store) *Watch { return &Watch{store: store, changed: make(chan struct{})} }

// Follow keeps up with the mirror until ctx ends. It reports why it cannot, and nil once it can again.
func (w *Watch) Follow(ctx context.Context, report func(error)) {
	if !w.store.Features().Notifications {
		w.followSQLite(ctx, report)
		return
	}
	backoff := database.Backoff(firstPause, longestPause)
	for {
		err := w.listen(ctx, func() {
			backoff = database.Backoff(firstPause, longestPause)
			report(nil)
		})
		w.lose()
		if ctx.Err() != nil {
			return
		}
		report(err)
		pause, _ := backoff.Next() // never stops
		if !database.Pause(ctx, pause) {
			return
		}
	}
}

// Current returns the state of the mirror, or false while it is unknown. It includes every write whose Advance has
// returned, and on SQLite every commit; those of other processes on PostgreSQL once the server has notified or was asked.
func (w *Watch) Current() (State, bool) {
	if !w.store.Features().Notifications {
		return w.currentSQLite()
	}
	if state := w.current.Load(); state != nil {
		return *state, true
	}
	return State{}, false
}

// Confirm returns the state in which a View has read a version, if Current returned before ahead of that View. False: the
// state has changed since, or is unknown.
func (w *Watch) Confirm(before State, version int64) (State, bool) {
	if !w.store.Features().Notifications {
		after, ok := w.currentSQLite()
		return after, ok && after == before
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.epoch != before.epoch {
		return State{}, false
	}
	w.advance(version) // the view may be ahead of the notification
	state := State{w.epoch, version}
	current := w.current.Load()
	return state, current != nil && *current == state
}

// Advance tells the watch that a version of the mirror has been committed.
func (w *Watch) Advance(version int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.advance(version)
}

// Changed returns a channel that is closed when the state changes, or is known again.
func (w *Watch) Changed() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.changed
}

func (w *Watch) announce() {
	close(w.changed)
	w.changed = make(chan struct{})
}

func (w *Watch) advance(version int64) {
	if version > w.latest {
		w.latest = version
		defer w.announce()
	}
	if state := w.current.Load(); state != nil && state.version < w.latest {
		w.current.Store(&State{w.epoch, w.latest})
	}
}

// lose starts a new epoch: nothing that was read before is current.
func (w *Watch) lose() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.epoch++
	w.latest = 0
	w.current.Store(nil)
}

// listen follows the mirror's version over one connection until that fails. It never returns nil.
func (w *Watch) listen(ctx context.Context, ready func()) error {
	dialing, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	listener, err := w.store.DirectConn(dialing, "listener")
	if err != nil {
		return err
	}
	defer listener.Close()
	if !listener.Pooled {
		if err := listener.Listen(dialing, versionChannel); err != nil {
			return err
		}
	}
	version, err := pollVersion(ctx, listener)
	if err != nil {
		return err
	}
	w.mu.Lock()
	w.latest = max(w.latest, version)
	w.current.Store(&State{w.epoch, w.latest})
	w.announce()
	w.mu.Unlock()
	ready()
	for {
		if err := w.receive(ctx, listener); err != nil {
			return err
		}
		before, _ := w.Current()
		if version, err = pollVersion(ctx, listener); err != nil {
			return err
		}
		if version < before.version {
			return models.NewError(models.Connection, "pmo.version_went_back", nil).WithRemedy("pmo.version_went_back_remedy", nil)
		}
		w.Advance(version)
	}
}

// receive receives notifications, or waits, until it is time to poll.
func (w *Watch) receive(ctx context.Context, listener *database.DedicatedConn) error {
	if listener.Pooled {
		database.Pause(ctx, pooledInterval)
		return ctx.Err()
	}
	for next := time.Now().Add(pollInterval); time.Now().Before(next); {
		payload, received, err := listener.WaitNotification(ctx, next)
		if err != nil {
			return err
		}
		if version, err := strconv.ParseInt(payload, 10, 64); received && err == nil {
			w.Advance(version)
		}
	}
	return nil
}

func pollVersion(ctx context.Context, listener *database.DedicatedConn) (version int64, err error) {
	limited, cancel := context.WithTimeout(ctx, pollTimeout)
	defer cancel()
	err = listener.QueryRow(limited, versionQuery, nil, &version)
	if ctx.Err() == nil && limited.Err() != nil {
		err = models.NewError(models.Connection, "pmo.silent", models.Params{"wait": pollTimeout}).WithRemedy("pmo.silent_remedy", nil).WithCause(err)
	}
	return version, err
}

// followSQLite gives the watch a connection that never writes: data_version counts the commits of all others. Another
// connection counts differently, so it is another epoch.
func (w *Watch) followSQLite(ctx context.Context, report func(error)) {
	conn, err := w.store.db.Conn(ctx)
	if err != nil {
		report(err)
		return
	}
	defer conn.Close()
	use := func(conn *database.Conn) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.epoch++
		w.sqlite = conn
	}
	use(conn)
	defer use(nil)
	report(nil)
	for last, _ := w.currentSQLite(); database.Pause(ctx, sqliteInterval); {
		if state, known := w.currentSQLite(); known && state != last {
			last = state
			w.mu.Lock()
			w.announce()
			w.mu.Unlock()
		}
	}
}

func (w *Watch) currentSQLite() (State, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.sqlite == nil {
		return State{}, false
	}
	state := State{epoch: w.epoch}
	err := w.sqlite.QueryRow(context.Background(), "PRAGMA data_version", nil, &state.version)
	return state, err == nil
}
