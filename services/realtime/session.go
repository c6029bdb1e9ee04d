package realtime

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"time"

	"golang.org/x/sync/errgroup"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/lifecycle"
	"lifecycle-sync/repositories/pmo/journal"
	"lifecycle-sync/services/mirror"
)

const (
	prepareTimeout = time.Minute // for publication and slot: other sessions may have locked the tables

	idleInterval = 5 * time.Second       // between steps without changes
	busyPause    = 20 * time.Millisecond // after a step that was busy or applied nothing
)

// session follows until something goes wrong, and reports whether it got as far as following. Errors: busy when
// another process follows; mass_delete; schema and permission; connection, timeout.
func (f *Follower) session(ctx context.Context) (followed bool, err error) {
	ctx, stopWatching := f.o.Engine.WatchConnections(ctx)
	defer stopWatching()
	watched := ctx
	name, err := journal.New(f.o.Store.Session).SlotName(ctx)
	if err != nil {
		return false, err
	}
	// The slot comes before the run: its log then has everything that the run's snapshot does not see.
	preparing, cancel := context.WithTimeout(ctx, prepareTimeout)
	slot, err := f.o.Source.PrepareSlot(preparing, name, f.o.Tables, f.replaceSlot)
	cancel()
	f.replaceSlot = false // the slot of another process may be a good one
	if err != nil {
		return false, withConnectionError(watched, err)
	}
	stream, err := f.o.Source.Follow(ctx, slot, f.o.Tables)
	if err != nil {
		return false, f.planNextSession(err)
	}
	defer stream.Close()
	defer func() { followed = f.Status().State == Following }()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return stream.Receive(ctx) })
	group.Go(func() error {
		if err := f.catchUp(ctx, slot); err != nil {
			return err
		}
		applier, err := f.o.Engine.NewStreamApplier(ctx, stream)
		if err != nil {
			return err
		}
		return f.applyChanges(ctx, stream, applier)
	})
	return false, withConnectionError(watched, f.planNextSession(group.Wait()))
}

// planNextSession remembers what the next session must do because of an error, and returns the error.
func (f *Follower) planNextSession(err error) error {
	if errors.Is(err, lifecycle.ErrSlotUnusable) {
		f.replaceSlot, err = true, mirror.ErrSourceChanged
	}
	if errors.Is(err, mirror.ErrSourceChanged) {
		f.runReason = models.NewText("reason.source_changed", nil)
	}
	return err
}

// withConnectionError replaces an error by the lost connection that caused it.
func withConnectionError(watched context.Context, err error) error {
	if cause, ok := errors.AsType[*models.Error](context.Cause(watched)); ok {
		return cause
	}
	return err
}

// applyChanges applies what the stream delivers until an error occurs.
func (f *Follower) applyChanges(ctx context.Context, stream *lifecycle.Stream, applier *mirror.StreamApplier) error {
	behind := database.Backoff(idleInterval, time.Minute)
	for wait := time.Duration(0); ctx.Err() == nil; {
		pending := stream.Pending(ctx, wait)
		version, err := applier.ApplyPending(ctx)
		wait = idleInterval
		switch {
		case errors.Is(err, mirror.ErrTooFarBehind):
			if err := f.run(ctx, mirror.Request{Mode: models.IncrementalRun, Reason: models.NewText("reason.real_time_behind", nil)}); err != nil {
				return err
			}
			pause, _ := behind.Next() // a server that sends nothing must not cause a run every few seconds
			database.Pause(ctx, pause)
			wait = 0
			continue
		case err != nil && models.AsError(err).Class == models.Busy: // a run is writing the mirror, or the stream is behind
			wait = 0
		case err != nil:
			return err
		default: // this proves that changes arrive
			f.setStatus(Following, nil)
			behind = database.Backoff(idleInterval, time.Minute)
			if version > 0 {
				f.o.Committed(version)
			}
			if version > 0 || !pending {
				continue
			}
		}
		database.Pause(ctx, busyPause) // pending changes were not visible yet
	}
	return ctx.Err()
}

// catchUp starts a run unless the slot's log continues at the watermark.
func (f *Follower) catchUp(ctx context.Context, slot lifecycle.Slot) error {
	req, needed, err := f.neededRun(ctx, slot)
	if err != nil || !needed {
		return err
	}
	if err := f.run(ctx, req); err != nil {
		return err
	}
	f.runReason = models.Text{}
	return nil
}

// neededRun returns the run that the session must begin with, if any.
func (f *Follower) neededRun(ctx context.Context, slot lifecycle.Slot) (req mirror.Request, needed bool, err error) {
	last, err := journal.New(f.o.Store.Session).Watermark(ctx)
	if err != nil {
		return req, false, err
	}
	req.Mode, req.Reason = models.IncrementalRun, f.runReason
	switch {
	case last == nil || last.LSN == nil: // real-time sync never ran
		return req, true, nil
	case slot.Created:
		return mirror.Request{Mode: models.FullRun, Reason: models.NewText("reason.slot_lost", nil)}, true, nil
	case *last.LSN < slot.Confirmed:
		return mirror.Request{Mode: models.FullRun, Reason: models.NewText("reason.pmo_restored", nil)}, true, nil
	case !f.runReason.IsZero():
		return req, true, nil
	}
	now, err := f.o.Source.Identify(ctx, f.o.Tables)
	if err != nil {
		return req, false, err
	}
	var then lifecycle.Identity
	if err := json.Unmarshal(last.Source, &then); err != nil {
		return req, true, nil //nolint:nilerr // the run records what that means
	}
	return req, !reflect.DeepEqual(then, now), nil
}

// run starts a run as soon as no other is in progress.
func (f *Follower) run(ctx context.Context, req mirror.Request) error {
	for {
		err := f.o.Run(ctx, req)
		if err == nil || models.AsError(err).Class != models.Busy {
			return err
		}
		if !database.Pause(ctx, standbyPause) {
			return ctx.Err()
		}
	}
}
