// Package realtime keeps the mirror at most a moment behind lifecycle_db: it follows the log that the
// source's server keeps for it in a replication slot. One process follows; others stand by and take over.
package realtime

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/sethvargo/go-retry"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/lifecycle"
	"lifecycle-sync/repositories/pmo"
	"lifecycle-sync/repositories/pmo/journal"
	"lifecycle-sync/services/mirror"
)

const (
	standbyPause = time.Second // between attempts to take over
	mendPause    = time.Minute // between attempts when somebody must mend something
	resumePause  = time.Second // between looks whether a run has settled a mass delete

	firstPause, longestPause = 200 * time.Millisecond, 5 * time.Second // after an error that may pass
)

// State is what a follower does.
type State string

// The states.
const (
	Starting    State = "starting"
	Following   State = "following"
	Standby     State = "standby"     // another process follows
	Stopped     State = "stopped"     // the mass-delete guard has stopped it, until a run was allowed
	Unavailable State = "unavailable" // an error keeps it from following, which Err tells
)

// Status is how a follower stands.
type Status struct {
	State State
	Err   error // with Stopped and Unavailable
}

// Options are what a follower needs.
type Options struct {
	Source *lifecycle.Source
	Store  *pmo.Store
	Engine *mirror.Engine
	Tables []*models.Table
	// Run makes a run, as Engine.Sync does, through whatever else is to know of runs.
	Run func(ctx context.Context, req mirror.Request) error
	// Committed is told each new version of the mirror; Changed of each new status.
	Committed func(version int64)
	Changed   func(Status)
	// FailFast makes Follow return an error that somebody must mend, instead of waiting until it is.
	FailFast bool
}

// Follower follows lifecycle_db.
type Follower struct {
	o     Options
	owing string // why the next session begins with a run, though nothing else asks for one

	mu     sync.Mutex
	status Status
}

// New returns a follower.
func New(o Options) *Follower { return &Follower{o: o, status: Status{State: Starting}} }

// Status is how the follower stands.
func (f *Follower) Status() Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.status
}

func (f *Follower) become(s State, err error) {
	f.mu.Lock()
	before := f.status
	f.status = Status{s, err}
	f.mu.Unlock()
	if before.State != s || text(before.Err) != text(err) { // an error that lasts is said once
		f.o.Changed(Status{s, err})
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// Follow follows until ctx ends, and then returns nil. What keeps it from following is told to Changed, once,
// and tried again by itself.
func (f *Follower) Follow(ctx context.Context) error {
	pause := pauses()
	for {
		began, err := f.session(ctx)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // being told to end is no failure
		}
		if began {
			pause = pauses()
		}
		wait, _ := pause.Next() // never stops
		switch e := models.AsError(err); {
		case errors.Is(err, mirror.ErrSourceChanged): // the next session begins with a run
			f.become(Starting, nil)
		case e.Class == models.Busy:
			f.become(Standby, nil)
			wait = standbyPause
		case e.Class == models.MassDelete:
			f.become(Stopped, err)
			f.untilAllowed(ctx, e)
			wait = 0
		case e.Class == models.Schema, e.Class == models.Permission:
			f.become(Unavailable, err)
			if f.o.FailFast {
				return err
			}
			wait = mendPause
		default:
			f.become(Unavailable, err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
}

func pauses() retry.Backoff { //nolint:ireturn // the library has no other type for it
	return retry.WithCappedDuration(longestPause, retry.WithJitterPercent(20, retry.NewExponential(firstPause)))
}

// untilAllowed records that the guard has stopped us, and waits until a run that brings the mirror up to date
// has passed it, or ctx has ended.
func (f *Follower) untilAllowed(ctx context.Context, cause *models.Error) {
	now := time.Now().UTC().Truncate(time.Microsecond)
	run := models.FailedRun(models.RealtimeRun, now, now, cause)
	recorded, at := false, int64(-1)
	for {
		switch mark, err := journal.New(f.o.Store.Session).Watermark(ctx); {
		case err != nil || mark == nil: // pmo_db may be away for a moment
		case at < 0:
			at = mark.RunID
		case mark.RunID != at:
			return
		}
		if !recorded && at >= 0 { // now whoever allows a run is seen
			err := f.o.Store.InTx(ctx, func(tx *pmo.Session) error { return journal.New(tx).Record(ctx, &run, nil, nil) })
			recorded = err == nil
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(resumePause):
		}
	}
}
