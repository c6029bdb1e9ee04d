package runs

import (
	"context"
	"crypto/rand"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"lifecycle-sync/models"
)

const (
	keptEvents = 1000 // for readers that reconnect
	maxReaders = 100
)

// EventName is the kind of an event. It determines the type of its data.
type EventName string

// The events.
const (
	StateEvent    EventName = "state"    // Status
	ProgressEvent EventName = "progress" // Progress
	TableEvent    EventName = "table"    // TableDone
	FinishedEvent EventName = "finished" // Outcome of a run of this process
)

// Event is something that happened. A reader can resume after its ID.
type Event struct {
	ID   string
	Name EventName
	Data any
}

// events keeps the last events of this process in a ring. Each reader reads at its own pace; publishing never waits.
type events struct {
	process string // part of the ids, which only this process understands

	mu      sync.Mutex
	last    int64 // the number of the newest event, from 1
	ring    [keptEvents]Event
	readers int
	changed chan struct{} // closed and replaced by each event and by the end
	ended   bool
}

func newEvents() *events { return &events{process: rand.Text()[:10], changed: make(chan struct{})} }

func (e *events) id(n int64) string { return e.process + "-" + strconv.FormatInt(n, 10) }

func (e *events) publish(name EventName, data any) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ended {
		return
	}
	e.last++
	e.ring[e.last%keptEvents] = Event{ID: e.id(e.last), Name: name, Data: data}
	e.wakeReaders()
}

// end ends every stream after its last event.
func (e *events) end() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.ended = true
	e.wakeReaders()
}

func (e *events) wakeReaders() {
	close(e.changed)
	e.changed = make(chan struct{})
}

// oldest is the number of the oldest event that is kept.
func (e *events) oldest() int64 { return max(1, e.last-keptEvents+1) }

// subscribe returns a reader of the events after the one with the given id. If that id is unknown or too old, the reader
// is not resumed and starts with the next event. Errors: unavailable if there are too many readers or the service is closed.
func (e *events) subscribe(after string) (r *Reader, resumed bool, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ended || e.readers >= maxReaders {
		return nil, false, models.NewError(models.Unavailable, "run.too_many_listeners", nil).WithRemedy("run.too_many_listeners_remedy", nil).AsExpected()
	}
	r = &Reader{events: e, next: e.last + 1}
	if number, ok := strings.CutPrefix(after, e.process+"-"); ok {
		n, err := strconv.ParseInt(number, 10, 64)
		if resumed = err == nil && n <= e.last && n+1 >= e.oldest(); resumed {
			r.next = n + 1
		}
	}
	e.readers++
	return r, resumed, nil
}

// progressOf returns the newest progress events of a run for each table, out of the events before the given number. All
// have the id of the last of those, so that a reader that reconnects there misses nothing and gets nothing twice.
func (e *events) progressOf(run, before int64) (newest []Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	seen := map[[2]string]bool{} // by event and table
	for n := before - 1; n >= e.oldest(); n-- {
		event, of, table := e.ring[n%keptEvents], int64(0), ""
		switch d := event.Data.(type) {
		case Progress:
			of, table = d.Run, d.Table
		case TableDone:
			of, table = d.Run, d.Count.Table
		}
		if key := [2]string{string(event.Name), table}; of == run && !seen[key] {
			seen[key], event.ID = true, e.id(before-1)
			newest = append(newest, event)
		}
	}
	slices.Reverse(newest)
	return newest
}

func (e *events) hasReaders() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.readers > 0
}

// Reader reads events at its own pace. Close it once.
type Reader struct {
	events *events
	next   int64
	first  []Event // precede the others
}

// Next returns new events, and waits for them up to a maximum. open is false when the stream or ctx has ended, or when the
// reader was so slow that events are lost; if it then resumes, it gets a new stream.
func (r *Reader) Next(ctx context.Context, wait time.Duration) (batch []Event, open bool) {
	if batch = r.first; batch != nil {
		r.first = nil
		return batch, true
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		batch, open, changed := r.take()
		if len(batch) > 0 || !open {
			return batch, open
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, false
		case <-timer.C:
			return nil, true
		}
	}
}

func (r *Reader) take() (batch []Event, open bool, changed <-chan struct{}) {
	e := r.events
	e.mu.Lock()
	defer e.mu.Unlock()
	if r.next < e.oldest() {
		return nil, false, nil
	}
	for ; r.next <= e.last; r.next++ {
		batch = append(batch, e.ring[r.next%keptEvents])
	}
	return batch, batch != nil || !e.ended, e.changed
}

// Close lets another reader subscribe.
func (r *Reader) Close() {
	r.events.mu.Lock()
	defer r.events.mu.Unlock()
	r.events.readers--
}
