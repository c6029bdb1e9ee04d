package runs

import (
	"context"
	"reflect"
	"testing"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/services/mirror"
)

func TestStateOf(t *testing.T) {
	t.Parallel()
	run := func(state models.RunState) *models.Run { return &models.Run{ID: 7, State: state} }
	age := func(d time.Duration) *time.Duration { return &d }
	const limit = 26 * time.Hour
	good := run(models.Succeeded)
	for name, c := range map[string]struct {
		SyncStatus
		want State
	}{
		"nothing yet":           {SyncStatus{}, Never},
		"first run":             {SyncStatus{Running: run(models.Running)}, Running},
		"first run failed":      {SyncStatus{LastConclusive: run(models.Failed)}, Never},
		"fresh":                 {SyncStatus{LastSuccess: good, LastConclusive: good, Age: age(time.Minute)}, Healthy},
		"just not stale":        {SyncStatus{LastSuccess: good, LastConclusive: good, Age: age(limit)}, Healthy},
		"stale":                 {SyncStatus{LastSuccess: good, LastConclusive: good, Age: age(limit + 1)}, Stale},
		"failed since":          {SyncStatus{LastSuccess: good, LastConclusive: run(models.Failed), Age: age(limit + 1)}, Failed},
		"interrupted since":     {SyncStatus{LastSuccess: good, LastConclusive: run(models.Interrupted), Age: age(0)}, Failed},
		"canceled since":        {SyncStatus{LastSuccess: good, LastConclusive: good, LastRun: run(models.CanceledRun), Age: age(0)}, Healthy},
		"running after failure": {SyncStatus{Running: run(models.Running), LastSuccess: good, LastConclusive: run(models.Failed), Age: age(0)}, Running},
	} {
		if got := stateOf(c.SyncStatus, limit); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// publish publishes the numbers from one to another.
func publish(e *events, from, to int) {
	for n := from; n <= to; n++ {
		e.publish(ProgressEvent, n)
	}
}

func subscribe(t *testing.T, e *events, after string, resumed bool) *Reader {
	t.Helper()
	r, ok, err := e.subscribe(after)
	if err != nil || ok != resumed {
		t.Fatalf("subscribing after %q: resumed %t, %v", after, ok, err)
	}
	return r
}

// wantNumbers reads the numbers from one to another; none if the first is 0.
func wantNumbers(t *testing.T, r *Reader, first, last int, open bool) {
	t.Helper()
	batch, isOpen := r.Next(context.Background(), 0)
	ok := isOpen == open
	if first == 0 {
		ok = ok && batch == nil
	} else {
		ok = ok && len(batch) == last-first+1 && batch[0].Data == first && batch[len(batch)-1].Data == last
	}
	if !ok {
		t.Errorf("read %d events, open %t: %v", len(batch), isOpen, batch)
	}
}

func TestEvents_ReadersResume(t *testing.T) {
	t.Parallel()
	e := newEvents()
	publish(e, 1, 10)
	fresh := subscribe(t, e, "", false)
	wantNumbers(t, fresh, 0, 0, true)
	later := subscribe(t, e, e.id(7), true)
	wantNumbers(t, later, 8, 10, true)
	publish(e, 11, 12)
	wantNumbers(t, fresh, 11, 12, true)
	wantNumbers(t, later, 11, 12, true)
	for _, unknown := range []string{e.id(13), e.id(-1), e.process + "-", e.process + "-x", "other-3", "3", newEvents().id(1)} {
		subscribe(t, e, unknown, false).Close()
	}
	wantNumbers(t, subscribe(t, e, e.id(0), true), 1, 12, true)
}

// TestEvents_SlowReadersLoseTheStream expects that publishing waits for no reader.
func TestEvents_SlowReadersLoseTheStream(t *testing.T) {
	t.Parallel()
	e := newEvents()
	slow, fast := subscribe(t, e, "", false), subscribe(t, e, "", false)
	publish(e, 1, keptEvents)
	wantNumbers(t, fast, 1, keptEvents, true)
	publish(e, keptEvents+1, keptEvents+1)
	wantNumbers(t, slow, 0, 0, false)
	wantNumbers(t, fast, keptEvents+1, keptEvents+1, true)
	subscribe(t, e, e.id(0), false) // event 1 is gone
	wantNumbers(t, subscribe(t, e, e.id(1), true), 2, keptEvents+1, true)
}

func TestEvents_ReadersAreBounded(t *testing.T) {
	t.Parallel()
	e := newEvents()
	var last *Reader
	for range maxReaders {
		last = subscribe(t, e, "", false)
	}
	if _, _, err := e.subscribe(""); err == nil || models.AsError(err).Class != models.Unavailable {
		t.Errorf("one too many: %v", err)
	}
	last.Close()
	subscribe(t, e, "", false)
}

// TestEvents_EndWakesReaders expects the remaining events first.
func TestEvents_EndWakesReaders(t *testing.T) {
	t.Parallel()
	e := newEvents()
	waiting, behind := subscribe(t, e, "", false), subscribe(t, e, "", false)
	publish(e, 1, 2)
	wantNumbers(t, waiting, 1, 2, true)
	ended := make(chan bool)
	go func() {
		_, open := waiting.Next(t.Context(), time.Hour)
		ended <- open
	}()
	e.end()
	if <-ended {
		t.Error("the stream is still open")
	}
	wantNumbers(t, behind, 1, 2, true)
	wantNumbers(t, behind, 0, 0, false)
	if _, _, err := e.subscribe(""); models.AsError(err) == nil || models.AsError(err).Class != models.Unavailable {
		t.Error(err)
	}
}

// TestEvents_ProgressOf expects the newest events of each table, and none of other runs.
func TestEvents_ProgressOf(t *testing.T) {
	t.Parallel()
	e := newEvents()
	done := TableDone{Run: 2, Count: models.TableCount{Table: "tbl_segmen_lifecycle", Unchanged: 5}}
	for _, p := range []Progress{{Run: 1, Table: "tbl_segmen", Done: 1}, {Run: 2, Table: "tbl_segmen"}, {Run: 2, Table: "tbl_segmen", Done: 5}} {
		e.publish(ProgressEvent, p)
	}
	e.publish(TableEvent, done)
	e.publish(StateEvent, Status{})
	e.publish(ProgressEvent, Progress{Run: 2, Table: "tbl_produk", Done: 7})
	e.publish(ProgressEvent, Progress{Run: 2, Table: "tbl_produk", Done: 8}) // the reader gets it itself
	var got []any
	for _, event := range e.progressOf(2, 7) {
		got = append(got, event.Data)
		if event.ID != e.id(6) {
			t.Errorf("id %s", event.ID)
		}
	}
	if want := []any{Progress{Run: 2, Table: "tbl_segmen", Done: 5}, done, Progress{Run: 2, Table: "tbl_produk", Done: 7}}; !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// TestBroadcast_LimitsProgressEvents expects the beginning of a table at once, and its rows at intervals.
func TestBroadcast_LimitsProgressEvents(t *testing.T) {
	t.Parallel()
	e, clock := newEvents(), time.Unix(1, 0)
	r := subscribe(t, e, "", false)
	b := &broadcast{next: mirror.Silent{}, events: e, now: func() time.Time { return clock }, run: 3}
	table := models.Tables()[0]
	b.Begin(table, 5000)
	b.Expect(100)
	for range 4 * progressRows {
		b.Advance(1)
	}
	clock = clock.Add(progressInterval)
	for range progressRows {
		b.Advance(1)
	}
	b.End(table, models.TableCount{Table: table.Name, Unchanged: 9})
	batch, _ := r.Next(context.Background(), 0)
	var got []any
	for _, event := range batch {
		got = append(got, event.Data)
	}
	want := []any{
		Progress{Run: 3, Table: "tbl_segmen", Total: 5000}, Progress{Run: 3, Table: "tbl_segmen", Done: 5 * progressRows, Total: 5100},
		TableDone{Run: 3, Count: models.TableCount{Table: "segments", Unchanged: 9}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestClose_RefusesNewTasks(t *testing.T) {
	t.Parallel()
	s := New(Options{Now: time.Now})
	s.Close()
	_, trigger := s.Trigger(context.Background(), Request{})
	_, run := s.Run(context.Background(), mirror.Request{}, mirror.Silent{})
	_, verify := s.Verify(context.Background())
	for name, err := range map[string]error{"trigger": trigger, "run": run, "verify": verify} {
		if e := models.AsError(err); e == nil || e.Class != models.Unavailable {
			t.Errorf("%s: %v", name, err)
		}
	}
}
