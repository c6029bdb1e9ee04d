package runs

import (
	"crypto/rand"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"lifecycle-sync/models"
)

const (
	keptEvents = 1000 // for those who come back
	maxReaders = 100
)

// EventName says what kind of event it is, and so its data.
type EventName string

// The events.
const (
	StateEvent EventName = "state"    // Status: how the mirror stands
	Advanced   EventName = "progress" // Progress
	Table      EventName = "table"    // TableDone
	Finished   EventName = "finished" // Outcome of a run of this process
)

// Event is something that happened. ID is by which a reader can go on after it.
type Event struct {
	ID   string
	Name EventName
	Data any
}

// events keeps the last events of this process in a ring, from which each reader takes at its own pace:
// whoever publishes never waits for anybody.
type events struct {
	process string // tells this process's events from those of another, or of one before it

	mu      sync.Mutex
	last    int64 // the number of the newest event, from 1
	ring    [keptEvents]Event
	readers map[*Reader]struct{}
	ended   bool
}

func newEvents() *events {
	return &events{process: rand.Text()[:10], readers: map[*Reader]struct{}{}}
}

func (e *events) id(n int64) string { return e.process + "-" + strconv.FormatInt(n, 10) }

func (e *events) publish(name EventName, data any) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ended {
		return
	}
	e.last++
	e.ring[e.last%keptEvents] = Event{ID: e.id(e.last), Name: name, Data: data}
	e.wake()
}

// end ends every stream once what has happened is read.
func (e *events) end() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.ended = true
	e.wake()
}

func (e *events) wake() {
	for r := range e.readers {
		select {
		case r.news <- struct{}{}:
		default: // it has not yet taken up the last
		}
	}
}

// oldest is the number of the oldest event that is kept.
func (e *events) oldest() int64 { return max(1, e.last-keptEvents+1) }

// subscribe returns a reader of what happens from now on or, when resumed, of all that has happened since
// the event with the given id. Errors: unavailable when there are too many readers, or no more events.
func (e *events) subscribe(after string) (r *Reader, resumed bool, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ended || len(e.readers) >= maxReaders {
		return nil, false, models.NewError(models.Unavailable, "run.too_many_listeners", nil).WithRemedy("run.too_many_listeners_remedy", nil)
	}
	r = &Reader{events: e, news: make(chan struct{}, 1), next: e.last + 1}
	if number, ours := strings.CutPrefix(after, e.process+"-"); ours {
		n, err := strconv.ParseInt(number, 10, 64)
		if resumed = err == nil && n <= e.last && n+1 >= e.oldest(); resumed {
			r.next = n + 1
		}
	}
	e.readers[r] = struct{}{}
	return r, resumed, nil
}

// soFar are the newest kept events that say how far a run is with each table, of those before the given number. Their
// id is that of the last before it, so that whoever breaks off there misses nothing and hears nothing twice.
func (e *events) soFar(run, before int64) []Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	type told struct {
		name  EventName
		table string
	}
	var newest []Event
	seen := map[told]bool{}
	for n := before - 1; n >= e.oldest(); n-- {
		event, of, about := e.ring[n%keptEvents], int64(0), told{}
		switch d := event.Data.(type) {
		case Progress:
			of, about = d.Run, told{Advanced, d.Table}
		case TableDone:
			of, about = d.Run, told{Table, d.Count.Table}
		}
		if of == run && !seen[about] {
			seen[about], event.ID = true, e.id(before-1)
			newest = append(newest, event)
		}
	}
	slices.Reverse(newest)
	return newest
}

func (e *events) listeners() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.readers)
}

// Reader takes events at its own pace. It must be closed.
type Reader struct {
	events *events
	news   chan struct{}
	next   int64
	first  []Event // to be read before the others
}

// Next returns what has happened since, waiting for it at most so long. It is not open when the stream has
// ended, or so much has happened that some of it is no longer kept: whoever then comes back with the id of
// the last event begins afresh.
func (r *Reader) Next(wait time.Duration) (batch []Event, open bool) {
	if batch = r.first; batch != nil {
		r.first = nil
		return batch, true
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		if batch, open = r.take(); len(batch) > 0 || !open {
			return batch, open
		}
		select {
		case <-r.news:
		case <-timer.C:
			return nil, true
		}
	}
}

func (r *Reader) take() (batch []Event, open bool) {
	e := r.events
	e.mu.Lock()
	defer e.mu.Unlock()
	if r.next < e.oldest() {
		return nil, false
	}
	for ; r.next <= e.last; r.next++ {
		batch = append(batch, e.ring[r.next%keptEvents])
	}
	return batch, batch != nil || !e.ended
}

// Close gives the reader's place up.
func (r *Reader) Close() {
	r.events.mu.Lock()
	defer r.events.mu.Unlock()
	delete(r.events.readers, r)
}
