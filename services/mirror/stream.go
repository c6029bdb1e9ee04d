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
	"lifecycle-sync/repositories/pmo"
	"lifecycle-sync/services/failpoint"
)

// How long a step waits for the stream to have come to where the source is: before it takes the writer's
// lock, and with it.
const (
	catchUpTime = 5 * time.Second
	settleTime  = time.Second

	examineEvery = 10 * time.Second
	runLength    = time.Hour // of what a follower brings, as one run
)

var (
	// ErrTooFarBehind says that the stream is so far behind that a run brings the mirror up to date sooner.
	ErrTooFarBehind = errors.New("real time has fallen behind")
	// ErrSourceChanged says that lifecycle_db's server, tables or publication are not what they were: a run
	// must look what that means.
	ErrSourceChanged = errors.New("lifecycle_db is not what it was")
)

// StreamApplier is real time: Diff + Apply of the rows that the source's log tells of, from a snapshot that sees
// them. What has committed comes to the mirror whole and in order, because each step waits until the stream
// has told of everything its snapshot sees; so after each step the mirror equals a snapshot of the source.
// Rows that arrive by other ways meanwhile, by a run or an API write, are found equal.
type StreamApplier struct {
	engine *Engine
	stream *lifecycle.Stream
	source lifecycle.Identity
	run    models.Run      // of this hour
	kept   int64           // up to there the log may be thrown away
	sight  lifecycle.Sight // of the last step
	next   *int64          // the horizon of its snapshot

	snap     *lifecycle.Snapshot // that of an earlier step: what it knows of the source's tables
	mirror   *pmo.Mirror         // likewise, of the mirror's
	examined time.Time           // when that was looked up
}

// NewStreamApplier begins to follow a stream, after a run or where another follower stopped: the watermark must be
// one from which the stream tells everything. Errors: connection, busy before the first run.
func (e *Engine) NewStreamApplier(ctx context.Context, stream *lifecycle.Stream) (*StreamApplier, error) {
	last, err := e.store.Watermark(ctx)
	if err != nil {
		return nil, err
	}
	if last == nil || last.Source == nil {
		return nil, &models.Error{Class: models.Busy, LegacyMessage: "the mirror has never been synchronised", LegacyRemedy: "The first run brings everything."}
	}
	a := &StreamApplier{engine: e, stream: stream, kept: stream.Confirmed()}
	return a, json.Unmarshal(last.Source, &a.source)
}

// ApplyPending brings the mirror to a snapshot of the source as it is now, and returns the mirror's new version, 0
// when nothing has changed. Errors: ErrTooFarBehind, ErrSourceChanged; mass_delete; busy when somebody else is
// writing the mirror for longer than 2 s; those of Sync. Nothing has then changed.
func (a *StreamApplier) ApplyPending(ctx context.Context) (version int64, err error) {
	flushed, err := a.engine.source.Flushed(ctx)
	if err != nil {
		return 0, err
	}
	if _, _, err := a.stream.Await(ctx, flushed, catchUpTime); err != nil {
		return 0, behind(ctx, err)
	}
	tx, err := a.engine.store.BeginStep(ctx)
	if err != nil {
		return 0, err
	}
	defer tx.Close()
	now, err := tx.Clock(ctx)
	if err != nil {
		return 0, err
	}
	snap, sight, err := a.look(ctx, tx)
	if err != nil {
		return 0, err
	}
	defer snap.Close()
	pending, position, err := a.stream.Await(ctx, sight.Flushed, settleTime)
	if err != nil {
		return 0, behind(ctx, err)
	}
	seen := slices.DeleteFunc(slices.Clone(pending), func(t lifecycle.Transaction) bool { return !sight.Sees(t) })
	counts, err := a.bring(ctx, tx, snap, seen, now)
	if err != nil {
		return 0, err
	}
	last, err := tx.Watermark(ctx)
	switch {
	case err != nil:
		return 0, err
	case last == nil || last.Horizon == nil: // somebody has taken it away
		return 0, ErrSourceChanged
	}
	reached := a.reached(*last, pending, sight, position)
	reached.CurrentAt, reached.FollowedAt = now, &now
	if tx.Run != nil {
		failpoint.Reach("before-step-commit")
	}
	if err := tx.FinishStep(ctx, counts, reached); err != nil {
		return 0, err
	}
	if tx.Run != nil {
		failpoint.Reach("after-step-commit")
		a.run = *tx.Run
	}
	a.kept, a.sight, a.next = *reached.LSN, sight, snap.Horizon
	// What has arrived since is not brought yet, even when the snapshot sees it: one that did not wait for the log
	// to be flushed.
	a.stream.Done(func(t lifecycle.Transaction) bool { return t.End <= position && sight.Sees(t) }, *reached.LSN)
	return tx.Version, nil
}

// look opens the source's snapshot, makes sure that the source is what it was, and finds out what the snapshot
// sees.
func (a *StreamApplier) look(ctx context.Context, tx *pmo.Tx) (snap *lifecycle.Snapshot, sight lifecycle.Sight, err error) {
	if snap, err = a.snapshot(ctx, tx); err != nil {
		return nil, sight, err
	}
	id, err := snap.Identify(ctx)
	if err == nil && !reflect.DeepEqual(id, a.source) {
		err = ErrSourceChanged
	}
	if err == nil {
		sight, err = snap.Sight(ctx)
	}
	if err != nil {
		snap.Close()
		return nil, sight, err
	}
	return snap, sight, nil
}

// snapshot opens the source's snapshot. The catalogues are looked at only now and then: Identify tells at
// every step whether the source's tables are the same, and the proof whether the mirror takes what it is given.
func (a *StreamApplier) snapshot(ctx context.Context, tx *pmo.Tx) (*lifecycle.Snapshot, error) {
	if time.Since(a.examined) < examineEvery {
		tx.Assume(a.mirror)
		return a.engine.source.Resnap(ctx, a.snap)
	}
	snap, err := a.engine.snapshot(ctx, tx)
	if err != nil {
		return nil, err
	}
	if _, err := tx.Preflight(ctx, snap.Infos, snap.Tables); err != nil {
		snap.Close()
		return nil, err
	}
	agree(snap, tx.Mirror)
	a.snap, a.mirror, a.examined = snap, tx.Mirror, time.Now()
	return snap, nil
}

func behind(ctx context.Context, err error) error {
	if ctx.Err() == nil && models.AsError(err).Class == models.Timeout {
		return ErrTooFarBehind
	}
	return err
}

// reached is where a step brings the mirror. The log may be thrown away up to the first transaction that its
// snapshot did not see yet. The horizon, unless a run has brought it further, is that of the step before, once the stream has passed all that the
// earlier snapshot can have seen: a transaction that was not waited for to be flushed is seen before the
// stream tells of it.
func (a *StreamApplier) reached(reached models.Watermark, pending []lifecycle.Transaction, sight lifecycle.Sight, position int64) models.Watermark {
	reached.LSN = &position
	for i, t := range pending {
		if !sight.Sees(t) {
			position := a.kept
			if i > 0 {
				position = pending[i-1].End
			}
			reached.LSN = &position
			break
		}
	}
	if a.next != nil && position >= a.sight.Inserted && *a.next > *reached.Horizon {
		reached.Horizon = a.next
	}
	return reached
}

// bring applies what transactions have touched.
func (a *StreamApplier) bring(ctx context.Context, tx *pmo.Tx, snap *lifecycle.Snapshot, seen []lifecycle.Transaction, now time.Time) ([]models.TableCount, error) {
	if len(seen) == 0 {
		return nil, nil
	}
	run := a.run
	if run.ID == 0 || now.Sub(run.StartedAt) > runLength {
		run = models.Run{StartedAt: now}
	}
	if err := tx.Belong(ctx, run); err != nil {
		return nil, err
	}
	only := map[string][]database.Range{}
	for _, t := range seen {
		for table, rows := range t.Rows {
			if rows.Whole {
				only[table] = append(only[table], database.Everything()...)
			}
			for _, id := range rows.IDs {
				only[table] = append(only[table], database.Range{Lo: id, Hi: id})
			}
		}
	}
	for table, ranges := range only {
		only[table] = database.Union(ranges)
	}
	blame := newBlame(seen)
	return a.engine.refresh(ctx, tx, snap, only, blame.note, func(d *differ) error { return blame.guard(ctx, d) })
}
