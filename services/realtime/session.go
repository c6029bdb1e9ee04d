package realtime

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"time"

	"golang.org/x/sync/errgroup"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/lifecycle"
	"lifecycle-sync/repositories/pmo/journal"
	"lifecycle-sync/services/mirror"
)

const (
	prepareTime = time.Minute // for publication and slot: others may hold the tables

	idle      = 5 * time.Second       // between steps that only see that there is nothing to bring
	busyPause = 20 * time.Millisecond // before a step is tried again that could not be taken, or brought nothing
)

// session follows as long as nothing goes wrong, and reports whether it began to. Errors: busy when another
// process follows; mass_delete; what keeps real time from working; connection, timeout.
func (f *Follower) session(ctx context.Context) (began bool, err error) {
	attended, stopWatching := f.o.Engine.WatchConnections(ctx)
	defer stopWatching()
	ctx = attended
	name, err := journal.New(f.o.Store.Session).SlotName(ctx)
	if err != nil {
		return false, err
	}
	// The slot first, then a run: the log tells of everything that the run's snapshot does not see.
	preparing, prepared := context.WithTimeout(ctx, prepareTime)
	slot, err := f.o.Source.PrepareSlot(preparing, name, f.o.Tables)
	prepared()
	if err != nil {
		return false, silenced(attended, err)
	}
	stream, err := f.o.Source.Follow(ctx, slot, f.o.Tables)
	if err != nil {
		return false, err
	}
	defer stream.Close()
	defer func() { began = f.Status().State == Following }()
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
		return f.steps(ctx, stream, applier)
	})
	err = group.Wait()
	if errors.Is(err, mirror.ErrSourceChanged) {
		f.owing = "lifecycle_db's tables or publication have changed"
	}
	return false, silenced(attended, err)
}

// silenced is the error that a database has not answered, where that has ended the session.
func silenced(attended context.Context, err error) error {
	if cause, ok := errors.AsType[*models.Error](context.Cause(attended)); ok {
		return cause
	}
	return err
}

// steps brings what arrives until something goes wrong.
func (f *Follower) steps(ctx context.Context, stream *lifecycle.Stream, applier *mirror.StreamApplier) error {
	for patience := time.Duration(0); ctx.Err() == nil; patience = idle {
		waiting := stream.Pending(ctx, patience)
		version, err := applier.ApplyPending(ctx)
		switch {
		case errors.Is(err, mirror.ErrTooFarBehind):
			if err := f.run(ctx, mirror.Request{Mode: models.IncrementalRun, Reason: "real time had fallen behind"}); err != nil {
				return err
			}
			continue
		case err != nil && models.AsError(err).Class == models.Busy: // a run is writing the mirror
		case err != nil:
			return err
		default: // only now is it sure that changes come through
			f.become(Following, nil)
			if version > 0 {
				f.o.Committed(version)
			}
			if version > 0 || !waiting {
				continue
			}
		}
		select { // what is pending was not visible yet
		case <-ctx.Done():
		case <-time.After(busyPause):
		}
	}
	return ctx.Err()
}

// catchUp makes a run unless the slot's log goes on where the mirror stands.
func (f *Follower) catchUp(ctx context.Context, slot lifecycle.Slot) error {
	req, needed, err := f.needed(ctx, slot)
	if err != nil || !needed {
		return err
	}
	if err := f.run(ctx, req); err != nil {
		return err
	}
	f.owing = ""
	return nil
}

// needed says which run the session must begin with, if any.
func (f *Follower) needed(ctx context.Context, slot lifecycle.Slot) (req mirror.Request, needed bool, err error) {
	mark, err := journal.New(f.o.Store.Session).Watermark(ctx)
	if err != nil {
		return req, false, err
	}
	req.Mode, req.Reason = models.IncrementalRun, f.owing
	switch {
	case mark == nil || mark.LSN == nil: // the first time
		return req, true, nil
	case slot.Created:
		return mirror.Request{Mode: models.FullRun, Reason: "the replication slot was lost: every row was compared"}, true, nil
	case *mark.LSN < slot.Confirmed:
		return mirror.Request{Mode: models.FullRun, Reason: "pmo_db was restored or copied: every row was compared"}, true, nil
	case f.owing != "":
		return req, true, nil
	}
	now, err := f.o.Source.Identify(ctx, f.o.Tables)
	if err != nil {
		return req, false, err
	}
	var then lifecycle.Identity
	if err := json.Unmarshal(mark.Source, &then); err != nil {
		return req, true, nil //nolint:nilerr // the run says what that means
	}
	return req, !reflect.DeepEqual(then, now), nil
}

// run makes a run once others have ended.
func (f *Follower) run(ctx context.Context, req mirror.Request) error {
	for {
		err := f.o.Run(ctx, req)
		if err == nil || models.AsError(err).Class != models.Busy {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(standbyPause):
		}
	}
}
