package alerts

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo"
	"lifecycle-sync/repositories/pmo/journal"
)

const (
	lookInterval = time.Minute
	lookTime     = 10 * time.Second // for one look
)

// Runs tells of runs. Errors: connection, timeout, schema.
type Runs interface {
	Evidence(ctx context.Context, below int64) (journal.Evidence, error)
}

// RunHistory is the Runs in pmo_db.
type RunHistory struct{ Store *pmo.Store }

// Evidence implements Runs.
func (h RunHistory) Evidence(ctx context.Context, below int64) (e journal.Evidence, err error) {
	_, err = h.Store.View(ctx, func(s *pmo.Session) error {
		e, err = journal.New(s).Evidence(ctx, below)
		return err
	})
	return e, err
}

// Options are what a watch needs.
type Options struct {
	Runs   Runs
	Post   func(context.Context, Alert) error // to the webhook
	Limits Limits
	Ended  func(Alert, Result) // is told what became of each alert
	Now    func() time.Time
	Log    *slog.Logger
}

// Watch looks at pmo_db and tells, for as long as it lives, what begins and what ends.
type Watch struct {
	o      Options
	sender *sender
	look   chan struct{} // asks for a look at once

	mu    sync.Mutex
	told  map[Event]condition
	known journal.Evidence // of the last look that succeeded
	lost  *models.Run      // failed since the last success, as this process knows
}

// NewWatch returns a watch that has told nothing yet.
func NewWatch(o Options) *Watch {
	return &Watch{
		o: o, told: map[Event]condition{}, look: make(chan struct{}, 1),
		sender: &sender{post: o.Post, queue: make(chan Alert, queued), ended: o.Ended, log: o.Log},
	}
}

// Follow looks every minute and when a run has ended, and sends what there is to tell, until ctx ends.
func (w *Watch) Follow(ctx context.Context) {
	var sending sync.WaitGroup
	sending.Go(func() { w.sender.run(ctx) })
	defer sending.Wait()
	tick := time.NewTicker(lookInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-w.look:
		}
		w.Look(ctx)
	}
}

// RunEnded is told of a run of this process, and makes the watch look at once. It does not wait.
func (w *Watch) RunEnded(run models.Run) {
	if run.State == models.Failed && run.ErrorClass != nil && (run.Mode == models.FullRun || run.Mode == models.IncrementalRun) {
		w.lose(failure(&run, &models.Error{Class: models.Class(*run.ErrorClass)}, w.o.Now()))
	}
	w.lookNow()
}

// RunNotBegun is told of a run of this process that failed before pmo_db knew of it. It does not wait.
func (w *Watch) RunNotBegun(err error) {
	w.lose(failure(nil, err, w.o.Now()))
	w.lookNow()
}

// lose remembers a failed run: pmo_db may have been away when its end was to be recorded.
func (w *Watch) lose(run *models.Run) {
	w.mu.Lock()
	w.lost = cmp.Or(w.lost, run)
	w.mu.Unlock()
}

func (w *Watch) lookNow() {
	select {
	case w.look <- struct{}{}:
	default: // it will
	}
}

// Look finds what has begun and ended since the last look, and queues what there is to tell. While pmo_db
// is away that is only what this process knows by itself.
func (w *Watch) Look(ctx context.Context) {
	bounded, cancel := context.WithTimeout(ctx, lookTime)
	evidence, err := w.o.Runs.Evidence(bounded, journal.EveryRun)
	cancel()
	if ctx.Err() != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		w.o.Log.Debug("pmo_db does not tell whether something is wrong", "error", err)
	} else {
		w.learn(evidence)
	}
	p := Picture{At: w.o.Now(), Evidence: w.known, Lost: w.lost}
	var alerts []Alert
	alerts, w.told = changes(w.told, conditions(p, w.o.Limits), p)
	for _, a := range alerts {
		w.sender.send(a)
	}
}

// learn takes what pmo_db tells. A success that is new makes up for a run that was lost.
func (w *Watch) learn(e journal.Evidence) {
	if e.LastSuccess != nil && (w.known.LastSuccess == nil || w.known.LastSuccess.ID != e.LastSuccess.ID) {
		w.lost = nil
	}
	w.known = e
}
