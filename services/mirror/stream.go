package mirror

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/lifecycle"
	mirrordb "lifecycle-sync/repositories/pmo/mirror"
	"lifecycle-sync/services/failpoint"
)

// How long a step waits until the stream has delivered everything that its snapshot sees: while it holds the writer's lock,
// and then, without the lock, before it tries again.
const (
	lockedTimeout  = time.Second
	catchUpTimeout = 5 * time.Second
)

const (
	examineInterval   = 10 * time.Second // between examinations of the catalogues
	realtimeRunLength = time.Hour        // the changes that real-time sync applies within it is recorded as one run
)

var (
	// ErrTooFarBehind says that the stream is so far behind that a run is faster.
	ErrTooFarBehind = errors.New("real-time sync is too far behind")
	// ErrSourceChanged says that lifecycle_db's server, tables or publication have changed, so that a run is needed.
	ErrSourceChanged = errors.New("lifecycle_db has changed")
)

// StreamApplier applies the steps of real-time sync: Diff + Apply of the rows that decoded WAL names, from a snapshot that sees them. Each
// step waits until the stream has delivered everything that its snapshot sees. So transactions are mirrored whole and in
// order, and after each step the mirror equals a snapshot of the source. Rows that a run or an API write has already
// mirrored are found equal.
type StreamApplier struct {
	engine    *Engine
	stream    *lifecycle.Stream
	source    lifecycle.Identity
	run       models.Run // of this hour
	confirmed int64      // the log before this position is no longer needed
	awaited   int64      // the position that the stream had not reached in time in the last step, 0 if it had

	snap     *lifecycle.Snapshot // of an earlier step: the source's catalogue
	mirror   *mirrordb.Reader    // the mirror's catalogue
	examined time.Time           // when both were read
}

// NewStreamApplier returns the applier for a stream that delivers everything since the watermark. Errors: connection,
// busy before the first run.
func (e *Engine) NewStreamApplier(ctx context.Context, stream *lifecycle.Stream) (*StreamApplier, error) {
	last, err := e.journal.Watermark(ctx)
	if err != nil {
		return nil, err
	}
	if last == nil || last.Source == nil {
		return nil, neverSynced()
	}
	a := &StreamApplier{engine: e, stream: stream, confirmed: stream.Confirmed()}
	return a, json.Unmarshal(last.Source, &a.source)
}

// ApplyPending brings the mirror to a snapshot of the current source and returns the mirror's new version, 0 if nothing
// has changed. Errors: ErrTooFarBehind, ErrSourceChanged; mass_delete; busy when another writer holds the lock for more
// than 2 s, or when the stream is behind; those of Sync. Nothing has then changed.
func (a *StreamApplier) ApplyPending(ctx context.Context) (version int64, err error) {
	if _, _, err := a.stream.Await(ctx, a.awaited, catchUpTimeout); isTimeout(ctx, err) {
		a.awaited = 0
		return 0, ErrTooFarBehind
	} else if err != nil {
		return 0, err
	}
	tx, err := a.engine.mirror.BeginStep(ctx)
	if err != nil {
		return 0, err
	}
	defer tx.Close()
	now, err := tx.Clock(ctx)
	if err != nil {
		return 0, err
	}
	snap, visibility, err := a.snapshot(ctx, tx)
	if err != nil {
		return 0, err
	}
	defer snap.Close()
	pending, position, err := a.await(ctx, visibility)
	if err != nil {
		return 0, err
	}
	visible := slices.DeleteFunc(slices.Clone(pending), func(t lifecycle.Transaction) bool { return !visibility.Sees(t) })
	counts, changed, err := a.apply(ctx, tx, snap, visible, now)
	if err != nil {
		return 0, err
	}
	reached, err := a.watermark(ctx, tx, snap, pending, visibility, position)
	if err != nil {
		return 0, err
	}
	reached.CurrentAt, reached.FollowedAt = now, &now
	if tx.Run != nil {
		failpoint.Reach("before-step-commit")
	}
	if err := tx.FinishStep(ctx, counts, changed, reached); err != nil {
		return 0, err
	}
	if tx.Run != nil {
		failpoint.Reach("after-step-commit")
		a.run = *tx.Run
	}
	a.confirmed = *reached.LSN
	a.stream.Done(visibility.Sees, *reached.LSN)
	return tx.Version, nil
}

// await waits until the stream has delivered every transaction that a snapshot sees, and returns all pending transactions.
// Errors: busy after lockedTimeout; the next step then waits longer, without the lock.
func (a *StreamApplier) await(ctx context.Context, v lifecycle.Visibility) (pending []lifecycle.Transaction, reached int64, err error) {
	a.awaited, err = a.stream.PositionAfter(ctx, v)
	if err != nil {
		return nil, 0, err
	}
	pending, reached, err = a.stream.Await(ctx, a.awaited, lockedTimeout)
	if isTimeout(ctx, err) {
		e := *models.AsError(err)
		e.Class = models.Busy
		return nil, 0, &e
	}
	a.awaited = 0
	return pending, reached, err
}

func isTimeout(ctx context.Context, err error) bool {
	return err != nil && ctx.Err() == nil && models.AsError(err).Class == models.Timeout
}

// snapshot opens the source's snapshot and returns which transactions it sees.
func (a *StreamApplier) snapshot(ctx context.Context, tx *mirrordb.Tx) (snap *lifecycle.Snapshot, visibility lifecycle.Visibility, err error) {
	if snap, err = a.openSnapshot(ctx, tx); err != nil {
		return nil, visibility, err
	}
	id, err := snap.Identify(ctx)
	if err == nil && !reflect.DeepEqual(id, a.source) {
		err = ErrSourceChanged
	}
	if err == nil {
		visibility, err = snap.Visibility(ctx)
	}
	if err != nil {
		snap.Close()
		return nil, visibility, err
	}
	return snap, visibility, nil
}

// openSnapshot examines the catalogues only now and then: Identify checks the source's tables in every step, and the
// proof whether the mirror stores what is written.
func (a *StreamApplier) openSnapshot(ctx context.Context, tx *mirrordb.Tx) (*lifecycle.Snapshot, error) {
	if time.Since(a.examined) < examineInterval {
		tx.Assume(a.mirror)
		return a.engine.source.Resnapshot(ctx, a.snap)
	}
	snap, _, err := a.engine.snapshot(ctx, tx)
	if err != nil {
		return nil, err
	}
	a.snap, a.mirror, a.examined = snap, tx.Reader, time.Now()
	return snap, nil
}

// apply applies the rows that transactions have touched.
func (a *StreamApplier) apply(
	ctx context.Context, tx *mirrordb.Tx, snap *lifecycle.Snapshot, visible []lifecycle.Transaction, now time.Time,
) (counts []models.TableCount, changed models.ChangedProducts, err error) {
	if len(visible) == 0 {
		return nil, changed, nil
	}
	run := a.run
	if run.ID == 0 || now.Sub(run.StartedAt) > realtimeRunLength {
		run = models.Run{StartedAt: now, Actor: models.AuthorOf(ctx).Actor}
	}
	if err := tx.JoinRun(ctx, run); err != nil {
		return nil, changed, err
	}
	if run.ID == 0 { // once an hour: no other run may ever come
		if err := tx.PruneChanges(ctx, a.engine.retention); err != nil {
			return nil, changed, err
		}
	}
	scope := map[string][]database.Range{}
	for _, t := range visible {
		for table, rows := range t.Rows {
			if rows.Whole {
				scope[table] = append(scope[table], database.AllIDs()...)
			}
			for _, id := range rows.IDs {
				scope[table] = append(scope[table], database.Range{Lo: id, Hi: id})
			}
		}
	}
	for table, ranges := range scope {
		scope[table] = database.Union(ranges)
	}
	by := newAttribution(visible)
	d := &differ{snap: snap, scope: scope, observe: by.record, progress: Silent{}}
	for _, t := range visible {
		d.deleted = append(d.deleted, t.Rows[lifecycle.ProductTable].Deleted...)
	}
	err = a.engine.diffAndApply(ctx, tx, d, func() error { return by.guard(ctx, d) })
	return d.counts(), d.changed, err
}

// watermark returns the watermark that a step reaches. The server keeps the log from the first transaction on that the snapshot
// does not see.
func (a *StreamApplier) watermark(
	ctx context.Context, tx *mirrordb.Tx, snap *lifecycle.Snapshot, pending []lifecycle.Transaction, visibility lifecycle.Visibility, position int64,
) (reached models.Watermark, err error) {
	last, err := tx.Watermark(ctx)
	switch {
	case err != nil:
		return reached, err
	case last == nil || last.Horizon == nil: // deleted by a user
		return reached, ErrSourceChanged
	}
	reached = *last
	confirmed := position
	if i := slices.IndexFunc(pending, func(t lifecycle.Transaction) bool { return !visibility.Sees(t) }); i == 0 {
		confirmed = a.confirmed
	} else if i > 0 {
		confirmed = pending[i-1].End
	}
	reached.LSN = &confirmed
	if snap.Horizon != nil && *snap.Horizon > *reached.Horizon { // a run may have advanced it further
		reached.Horizon = snap.Horizon
	}
	return reached, nil
}
