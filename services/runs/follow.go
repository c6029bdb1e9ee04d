package runs

import (
	"context"
	"reflect"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/services/mirror"
	"lifecycle-sync/services/realtime"
)

// While there are readers, the status is read this often, because other processes may change it.
const (
	statusInterval = time.Second
	statusTimeout  = 5 * time.Second
)

// Progress events of a table are published at most this often, and the clock is read only every few rows.
const (
	progressInterval = 250 * time.Millisecond
	progressRows     = 512
)

// Follow returns a reader of the events after the one with the given id. If that id is unknown, the stream begins with
// the status and the progress of the run in progress. Errors: unavailable if there are too many readers; connection,
// timeout, schema.
func (s *Service) Follow(ctx context.Context, after string) (*Reader, error) {
	r, resumed, err := s.events.subscribe(after)
	if err != nil {
		return nil, err
	}
	var known *Status
	if !resumed {
		status, err := s.Status(ctx)
		if err != nil {
			r.Close()
			return nil, err
		}
		known = &status
		r.first = []Event{{ID: s.events.id(r.next - 1), Name: StateEvent, Data: status}}
		if status.Running != nil {
			r.first = append(r.first, s.events.progressOf(status.Running.ID, r.next)...)
		}
	}
	s.mu.Lock()
	watching := s.watching
	s.watching = true
	s.mu.Unlock()
	if watching {
		return r, nil
	}
	task, end, err := s.task(context.WithoutCancel(ctx))
	if err != nil {
		r.Close()
		return nil, err
	}
	go func() {
		defer end()
		s.publishStates(task, known)
	}()
	return r, nil
}

// publishStates publishes every change of the status until there is no reader.
func (s *Service) publishStates(ctx context.Context, known *Status) {
	tick := time.NewTicker(statusInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-s.refresh:
		}
		s.mu.Lock()
		s.watching = s.events.hasReaders()
		watching := s.watching
		s.mu.Unlock()
		if !watching {
			return
		}
		readCtx, cancel := context.WithTimeout(ctx, statusTimeout)
		status, err := s.Status(readCtx)
		cancel()
		if err != nil { // the next reading also finds what has changed until then
			s.o.Log.Debug("sync status unavailable", "error", err)
			continue
		}
		if known == nil || !sameButTimes(*known, status) {
			known = &status
			s.events.publish(StateEvent, status)
		}
	}
}

// publishStatus makes publishStates read the status at once.
func (s *Service) publishStatus() {
	select {
	case s.refresh <- struct{}{}:
	default:
	}
}

// sameButTimes ignores what changes merely because time passes.
func sameButTimes(a, b Status) bool {
	for _, s := range []*Status{&a, &b} {
		s.Age, s.Lag, s.CurrentAt, s.FollowedAt = nil, nil, nil, nil
		if s.Realtime != nil {
			s.Realtime = &realtime.Status{State: s.Realtime.State}
		}
	}
	return reflect.DeepEqual(a, b)
}

// Progress is the progress of a run in one table.
type Progress struct {
	Run   int64  `json:"run"`
	Table string `json:"table"` // in lifecycle_db
	Done  int64  `json:"done"`  // rows
	Total int64  `json:"total"` // rows, approximately; 0 if unknown
}

// TableDone counts a run's changes of one table.
type TableDone struct {
	Run   int64
	Count models.TableCount
}

// broadcast publishes the progress of a run and passes it on.
type broadcast struct {
	next   mirror.Progress
	events *events
	now    func() time.Time
	run    int64

	current   Progress
	unchecked int64     // rows since the clock was read
	published time.Time // the last progress event
}

// Begin publishes the beginning of a table.
func (b *broadcast) Begin(t *models.Table, rows int64) {
	b.next.Begin(t, rows)
	b.current = Progress{Run: b.run, Table: t.Source, Total: rows}
	b.publish()
}

// Expect adds to the total.
func (b *broadcast) Expect(rows int64) {
	b.next.Expect(rows)
	b.current.Total += rows
}

// Advance counts rows and publishes them at intervals.
func (b *broadcast) Advance(rows int64) {
	b.next.Advance(rows)
	b.current.Done += rows
	if b.unchecked += rows; b.unchecked >= progressRows {
		b.unchecked = 0
		if b.now().Sub(b.published) >= progressInterval {
			b.publish()
		}
	}
}

// End publishes what was done to a table.
func (b *broadcast) End(t *models.Table, count models.TableCount) {
	b.next.End(t, count)
	b.events.publish(TableEvent, TableDone{Run: b.run, Count: count})
}

func (b *broadcast) publish() {
	b.published = b.now()
	b.events.publish(ProgressEvent, b.current)
}
