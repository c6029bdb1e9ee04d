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
	checkInterval = time.Minute
	checkTime     = 10 * time.Second // for one check
	queueSize     = 64               // maximum number of alerts that wait for the receiver
)

// Runs reads what the runs in pmo_db show. Errors: connection, timeout, schema.
type Runs interface {
	RunHealth(ctx context.Context, below int64) (journal.RunHealth, error)
}

// RunHistory reads Runs from pmo_db.
type RunHistory struct{ Store *pmo.Store }

// RunHealth implements Runs.
func (h RunHistory) RunHealth(ctx context.Context, below int64) (e journal.RunHealth, err error) {
	_, err = h.Store.View(ctx, func(s *pmo.Session) error {
		e, err = journal.New(s).RunHealth(ctx, below)
		return err
	})
	return e, err
}

// Options configure a Watch.
type Options struct {
	Runs     Runs
	Post     func(context.Context, Alert) error // to the webhook
	Limits   Limits
	OnResult func(Alert, Result) // is called for each alert
	Now      func() time.Time
	Log      *slog.Logger
}

// Watch checks pmo_db and reports problems that begin or end while the process lives.
type Watch struct {
	o        Options
	checkNow chan struct{}
	queue    chan Alert // that wait for the receiver

	mu         sync.Mutex
	reported   map[Event]condition
	health     journal.RunHealth // of the last successful check
	unrecorded *models.Run       // failed since the last success, as this process knows
}

// NewWatch returns a watch that has reported nothing yet.
func NewWatch(o Options) *Watch {
	return &Watch{o: o, reported: map[Event]condition{}, checkNow: make(chan struct{}, 1), queue: make(chan Alert, queueSize)}
}

// Run checks every minute and after each run, and sends the alerts, until ctx ends.
func (w *Watch) Run(ctx context.Context) {
	var sending sync.WaitGroup
	sending.Go(func() { w.sendQueued(ctx) })
	defer sending.Wait()
	tick := time.NewTicker(checkInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-w.checkNow:
		}
		w.Check(ctx)
	}
}

// RunEnded triggers a check after a run of this process. It does not wait.
func (w *Watch) RunEnded(run models.Run) {
	if run.State == models.Failed && run.ErrorClass != nil && (run.Mode == models.FullRun || run.Mode == models.IncrementalRun) {
		w.remember(failedRun(&run, &models.Error{Class: models.Class(*run.ErrorClass)}, w.o.Now()))
	}
	w.triggerCheck()
}

// RunNotStarted triggers a check after a run that failed before pmo_db knew of it. It does not wait.
func (w *Watch) RunNotStarted(err error) {
	w.remember(failedRun(nil, err, w.o.Now()))
	w.triggerCheck()
}

// remember keeps the first failed run: pmo_db may have been unavailable when its end was to be recorded.
func (w *Watch) remember(run *models.Run) {
	w.mu.Lock()
	w.unrecorded = cmp.Or(w.unrecorded, run)
	w.mu.Unlock()
}

func (w *Watch) triggerCheck() {
	select {
	case w.checkNow <- struct{}{}:
	default: // a check is pending
	}
}

// Check finds what began and ended since the last check, and queues the alerts. While pmo_db is unavailable, it uses
// the last health that was read and what this process knows.
func (w *Watch) Check(ctx context.Context) {
	limited, cancel := context.WithTimeout(ctx, checkTime)
	health, err := w.o.Runs.RunHealth(limited, journal.EveryRun)
	cancel()
	if ctx.Err() != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		w.o.Log.Debug("alert check without pmo_db", "error", err)
	} else {
		if success, last := health.LastSuccess, w.health.LastSuccess; success != nil && (last == nil || last.ID != success.ID) {
			w.unrecorded = nil // the success makes up for a failed run that was not recorded
		}
		w.health = health
	}
	f := Facts{At: w.o.Now(), Health: w.health, Unrecorded: w.unrecorded}
	var alerts []Alert
	alerts, w.reported = report(w.reported, conditions(f, w.o.Limits), f)
	for _, a := range alerts {
		w.send(a)
	}
}

// Result is the outcome of sending an alert.
type Result string

// The results.
const (
	Sent        Result = "sent"
	Undelivered Result = "failed"  // after all attempts, or because the process ended
	Dropped     Result = "dropped" // the queue was full
)

// Results lists all results.
func Results() []Result { return []Result{Sent, Undelivered, Dropped} }

// send queues an alert, or drops it when the queue is full.
func (w *Watch) send(a Alert) {
	select {
	case w.queue <- a:
	default:
		w.sent(a, Dropped, nil)
	}
}

// sendQueued posts queued alerts one by one until ctx ends, and gives up on the rest.
func (w *Watch) sendQueued(ctx context.Context) {
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case a := <-w.queue:
			if err := w.o.Post(ctx, a); err != nil {
				w.sent(a, Undelivered, err)
			} else {
				w.sent(a, Sent, nil)
			}
		}
	}
	for {
		select {
		case a := <-w.queue:
			w.sent(a, Undelivered, ctx.Err())
		default:
			return
		}
	}
}

// sent reports what became of an alert.
func (w *Watch) sent(a Alert, result Result, err error) {
	if result == Sent {
		w.o.Log.Info("alert sent", "event", a.Event, "state", a.State, "id", a.ID)
	} else {
		w.o.Log.Warn("alert not delivered", "event", a.Event, "state", a.State, "id", a.ID, "text", a.String(), "result", result, "error", err)
	}
	w.o.OnResult(a, result)
}
