// Package realtime keeps the mirror in sync within moments: it follows lifecycle_db's WAL through a replication slot.
// One process follows; the others stand by and take over.
package realtime

import (
	"context"
	"errors"
	"sync"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/lifecycle"
	"lifecycle-sync/repositories/pmo"
	"lifecycle-sync/repositories/pmo/journal"
	"lifecycle-sync/services/mirror"
)

const (
	standbyPause   = time.Second // between attempts to take over
	repairPause    = time.Minute // between attempts while a person must fix something
	massDeletePoll = time.Second // between checks whether a run has settled a mass delete

	firstPause, longestPause = 200 * time.Millisecond, 5 * time.Second // between retries of transient errors
)

// State is the state of a follower.
type State string

// The states.
const (
	Starting    State = "starting"
	Following   State = "following"
	Standby     State = "standby"     // another process follows
	Stopped     State = "stopped"     // by the mass-delete guard, until a run is allowed to delete
	Unavailable State = "unavailable" // because of the error in Status.Err
)

// Status is the state of a follower.
type Status struct {
	State State
	Err   error // if Stopped or Unavailable
}

// Options configure a follower.
type Options struct {
	Source *lifecycle.Source
	Store  *pmo.Store
	Engine *mirror.Engine
	Tables []*models.Table
	// Run executes a run, as Engine.Sync does.
	Run func(ctx context.Context, req mirror.Request) error
	// Committed is called with each new version of the mirror, Changed with each new status.
	Committed func(version int64)
	Changed   func(Status)
	// FailFast makes Follow return errors that a person must fix, instead of retrying.
	FailFast bool
}

// Follower follows lifecycle_db.
type Follower struct {
	o           Options
	replaceSlot bool        // the slot cannot be decoded
	runReason   models.Text // why the next session must begin with a run; zero if only its own checks decide

	mu     sync.Mutex
	status Status
}

// New returns a follower.
func New(o Options) *Follower { return &Follower{o: o, status: Status{State: Starting}} }

// Status returns the follower's state.
func (f *Follower) Status() Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.status
}

func (f *Follower) setStatus(s State, err error) {
	f.mu.Lock()
	before := f.status
	f.status = Status{s, err}
	f.mu.Unlock()
	if before.State != s || text(before.Err) != text(err) { // a lasting error is reported once
		f.o.Changed(Status{s, err})
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// Follow follows until ctx ends, and then returns nil. Errors are reported to Changed and retried.
func (f *Follower) Follow(ctx context.Context) error {
	ctx = models.WithAuthor(ctx, models.Author{Actor: models.Actor{ID: models.RealtimeActor}, Channel: models.SyncChannel})
	backoff := database.Backoff(firstPause, longestPause)
	for {
		followed, err := f.session(ctx)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // a requested end is no failure
		}
		if followed {
			backoff = database.Backoff(firstPause, longestPause)
		}
		pause, _ := backoff.Next() // never stops
		switch e := models.AsError(err); {
		case errors.Is(err, mirror.ErrSourceChanged): // the next session begins with a run
			f.setStatus(Starting, nil)
		case e.Class == models.Busy:
			f.setStatus(Standby, nil)
			pause = standbyPause
		case e.Class == models.MassDelete:
			f.setStatus(Stopped, err)
			f.waitForRun(ctx, e)
			pause = 0
		case e.Class == models.Schema, e.Class == models.Permission:
			f.setStatus(Unavailable, err)
			if f.o.FailFast {
				return err
			}
			pause = repairPause
		default:
			f.setStatus(Unavailable, err)
		}
		if !database.Pause(ctx, pause) {
			return nil
		}
	}
}

// waitForRun records that the mass-delete guard has stopped the follower, and waits for a successful run or the end
// of ctx.
func (f *Follower) waitForRun(ctx context.Context, cause *models.Error) {
	now := time.Now().UTC().Truncate(time.Microsecond)
	stop := models.FailedRun(models.RealtimeRun, now, now, cause)
	recorded, lastRun := false, int64(-1)
	for {
		switch watermark, err := journal.New(f.o.Store.Session).Watermark(ctx); {
		case err != nil || watermark == nil: // pmo_db may be unreachable for a moment
		case lastRun < 0:
			lastRun = watermark.RunID
		case watermark.RunID != lastRun:
			return
		}
		if !recorded && lastRun >= 0 { // from now on a run is noticed
			err := f.o.Store.InTx(ctx, func(tx *pmo.Session) error { return journal.New(tx).Record(ctx, &stop, nil, nil) })
			recorded = err == nil
		}
		if !database.Pause(ctx, massDeletePoll) {
			return
		}
	}
}
