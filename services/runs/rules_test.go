package runs

import (
	"context"
	"fmt"
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
		Standing
		want State
	}{
		"nothing yet":           {Standing{}, Never},
		"first run":             {Standing{Running: run(models.Running)}, Running},
		"first run failed":      {Standing{LastVerdict: run(models.Failed)}, Never},
		"fresh":                 {Standing{LastSuccess: good, LastVerdict: good, Age: age(time.Minute)}, Healthy},
		"just not stale":        {Standing{LastSuccess: good, LastVerdict: good, Age: age(limit)}, Healthy},
		"stale":                 {Standing{LastSuccess: good, LastVerdict: good, Age: age(limit + 1)}, Stale},
		"failed since":          {Standing{LastSuccess: good, LastVerdict: run(models.Failed), Age: age(limit + 1)}, Failed},
		"interrupted since":     {Standing{LastSuccess: good, LastVerdict: run(models.Interrupted), Age: age(0)}, Failed},
		"canceled since":        {Standing{LastSuccess: good, LastVerdict: good, LastRun: run(models.CanceledRun), Age: age(0)}, Healthy},
		"running after failure": {Standing{Running: run(models.Running), LastSuccess: good, LastVerdict: run(models.Failed), Age: age(0)}, Running},
	} {
		if got := stateOf(c.Standing, limit); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// publishing publishes so many events, numbered in their data.
func publishing(e *events, from, to int) {
	for n := from; n <= to; n++ {
		e.publish(Advanced, n)
	}
}

// numbers are the data of what can be read now.
func numbers(r *Reader) (got []int, open bool) {
	batch, open := r.Next(0)
	for _, e := range batch {
		got = append(got, e.Data.(int))
	}
	return got, open
}

func TestReadersGoOnWhereTheyWere(t *testing.T) {
	t.Parallel()
	e := newEvents()
	publishing(e, 1, 10)
	fresh, resumed, err := e.subscribe("")
	if err != nil || resumed {
		t.Fatal(resumed, err)
	}
	if got, open := numbers(fresh); got != nil || !open {
		t.Errorf("a fresh reader read %v, open %t", got, open)
	}
	later, resumed, _ := e.subscribe(e.id(7))
	if got, _ := numbers(later); !resumed || fmt.Sprint(got) != "[8 9 10]" {
		t.Errorf("resumed %t: %v", resumed, got)
	}
	publishing(e, 11, 12)
	for name, r := range map[string]*Reader{"fresh": fresh, "later": later} {
		if got, _ := numbers(r); fmt.Sprint(got) != "[11 12]" {
			t.Errorf("%s read %v", name, got)
		}
	}
	for _, unknown := range []string{e.id(13), e.id(-1), e.process + "-", e.process + "-x", "other-3", "3", newEvents().id(1)} {
		if r, resumed, _ := e.subscribe(unknown); resumed {
			t.Errorf("resumed after %s", unknown)
		} else {
			r.Close()
		}
	}
	if all, resumed, _ := e.subscribe(e.id(0)); !resumed {
		t.Error("the beginning is not known")
	} else if got, _ := numbers(all); len(got) != 12 {
		t.Errorf("from the beginning: %v", got)
	}
}

// TestSlowReaderIsLeftBehind never waits for a reader, and ends its stream when it has missed something.
func TestSlowReaderIsLeftBehind(t *testing.T) {
	t.Parallel()
	e := newEvents()
	slow, _, _ := e.subscribe("")
	keeping, _, _ := e.subscribe("")
	publishing(e, 1, keptEvents)
	if got, open := numbers(keeping); len(got) != keptEvents || !open {
		t.Errorf("%d events, open %t", len(got), open)
	}
	publishing(e, keptEvents+1, keptEvents+1)
	if got, open := numbers(slow); got != nil || open {
		t.Errorf("the slow reader got %d events, open %t", len(got), open)
	}
	if got, open := numbers(keeping); len(got) != 1 || !open {
		t.Errorf("the other got %v, open %t", got, open)
	}
	if _, resumed, _ := e.subscribe(e.id(0)); resumed {
		t.Error("resumed after an event that is followed by one that is gone")
	}
	if r, resumed, _ := e.subscribe(e.id(1)); !resumed {
		t.Error("not resumed at the oldest")
	} else if got, _ := numbers(r); len(got) != keptEvents || got[0] != 2 {
		t.Errorf("%d events from %d", len(got), got[0])
	}
}

// TestHowFarARunIs is told to whoever comes in its midst: the newest of each table, and nothing of other runs.
func TestHowFarARunIs(t *testing.T) {
	t.Parallel()
	e := newEvents()
	done := TableDone{Run: 2, Count: models.TableCount{Table: "tbl_segmen_lifecycle", Unchanged: 5}}
	for _, p := range []Progress{{Run: 1, Table: "tbl_segmen", Done: 1}, {Run: 2, Table: "tbl_segmen"}, {Run: 2, Table: "tbl_segmen", Done: 5}} {
		e.publish(Advanced, p)
	}
	e.publish(Table, done)
	e.publish(StateEvent, Status{})
	e.publish(Advanced, Progress{Run: 2, Table: "tbl_produk", Done: 7})
	e.publish(Advanced, Progress{Run: 2, Table: "tbl_produk", Done: 8}) // which the reader hears itself
	var told []any
	for _, event := range e.soFar(2, 7) {
		told = append(told, event.Data)
		if event.ID != e.id(6) {
			t.Errorf("id %s", event.ID)
		}
	}
	want := []any{Progress{Run: 2, Table: "tbl_segmen", Done: 5}, done, Progress{Run: 2, Table: "tbl_produk", Done: 7}}
	if !reflect.DeepEqual(told, want) {
		t.Errorf("%v, want %v", told, want)
	}
}

func TestReadersAreBounded(t *testing.T) {
	t.Parallel()
	e := newEvents()
	var last *Reader
	for range maxReaders {
		last, _, _ = e.subscribe("")
	}
	if _, _, err := e.subscribe(""); err == nil || models.AsError(err).Class != models.Unavailable {
		t.Errorf("one too many: %v", err)
	}
	last.Close()
	if _, _, err := e.subscribe(""); err != nil {
		t.Errorf("a place is free: %v", err)
	}
}

// TestStreamsEnd reads what is left, and is woken.
func TestStreamsEnd(t *testing.T) {
	t.Parallel()
	e := newEvents()
	r, _, _ := e.subscribe("")
	ended := make(chan bool)
	go func() {
		_, open := r.Next(time.Hour)
		ended <- open
	}()
	e.end()
	if <-ended {
		t.Error("still open")
	}
	behind := newEvents()
	r, _, _ = behind.subscribe("")
	publishing(behind, 1, 2)
	behind.end()
	if got, open := numbers(r); len(got) != 2 || !open {
		t.Errorf("%v, open %t", got, open)
	}
	if got, open := numbers(r); got != nil || open {
		t.Errorf("%v, open %t", got, open)
	}
	if _, _, err := behind.subscribe(""); models.AsError(err) == nil || models.AsError(err).Class != models.Unavailable {
		t.Error(err)
	}
}

// TestProgressIsToldNowAndThen tells of a table's beginning at once, and of its rows not more often than
// the clock allows.
func TestProgressIsToldNowAndThen(t *testing.T) {
	t.Parallel()
	e, clock := newEvents(), time.Unix(1, 0)
	r, _, _ := e.subscribe("")
	b := &broadcast{also: mirror.Silent{}, events: e, now: func() time.Time { return clock }, run: 3}
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
	batch, _ := r.Next(0)
	want := []any{
		Progress{Run: 3, Table: "tbl_segmen", Total: 5000}, Progress{Run: 3, Table: "tbl_segmen", Done: 5 * progressRows, Total: 5100},
		TableDone{Run: 3, Count: models.TableCount{Table: "segments", Unchanged: 9}},
	}
	if len(batch) != len(want) {
		t.Fatalf("%+v", batch)
	}
	for i := range want {
		if batch[i].Data != want[i] {
			t.Errorf("%+v, want %+v", batch[i].Data, want[i])
		}
	}
}

func TestNothingBeginsAfterTheEnd(t *testing.T) {
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
