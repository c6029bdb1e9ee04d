package runs_test

import (
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"       // the driver "pgx"
	_ "github.com/ncruces/go-sqlite3/driver" // the driver "sqlite3"
	"go.uber.org/goleak"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/pmo/journal"
	"lifecycle-sync/services/runs"
	"lifecycle-sync/test/kit/databases"
	"lifecycle-sync/test/kit/testdb"
)

// TestMain fails if a goroutine is left running.
func TestMain(m *testing.M) { goleak.VerifyTestMain(testdb.Recycle(m)) }

// fixture is a service on two databases of its own.
type fixture struct {
	*databases.Pair
	*runs.Service
	sqlite  bool
	journal *journal.Journal
	engine  *databases.Pausing
	ended   chan runs.Outcome
	version atomic.Int64
}

func newFixture(t *testing.T, url func(testing.TB) string) *fixture {
	t.Helper()
	l := &fixture{Pair: databases.New(t, url, 20, 12), ended: make(chan runs.Outcome, 100)}
	l.sqlite, l.journal = l.TargetDB.Kind() == database.SQLite, journal.New(l.Store.Session)
	l.engine = &databases.Pausing{Engine: l.Engine}
	l.Service = l.service()
	return l
}

// each runs a test in parallel on both database systems.
func each(t *testing.T, fn func(l *fixture)) {
	t.Helper()
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		fn(newFixture(t, url))
	})
}

// service returns another service, like that of another process.
func (l *fixture) service() *runs.Service {
	s := runs.New(runs.Options{
		Engine: l.engine, Store: l.Store, Timeout: time.Minute, StaleAfter: time.Hour, Now: time.Now, Log: slog.New(slog.DiscardHandler),
		Ended: func(o runs.Outcome) { l.ended <- o }, Committed: l.version.Store,
	})
	l.Cleanup(s.Close)
	return s
}

// trigger starts a run, which must begin.
func (l *fixture) trigger(r runs.Request) models.Run {
	l.Helper()
	run, err := l.Trigger(l.Context(), r)
	if err != nil {
		l.Fatal(err)
	}
	return run
}

// sync makes a run, which must succeed.
func (l *fixture) sync(r runs.Request) runs.Outcome {
	l.Helper()
	run := l.trigger(r)
	o := <-l.ended
	if o.Run.ID != run.ID || o.Run.State != models.Succeeded {
		l.Fatalf("triggered run %d, ended %+v", run.ID, o)
	}
	return o
}

// wantState compares the sync status.
func (l *fixture) wantState(want runs.State) {
	l.Helper()
	if status, err := l.Status(l.Context()); err != nil || status.State != want {
		l.Errorf("the status is %s, must be %s (%v)", status.State, want, err)
	}
}

// wantClass fails the test unless an error is of a class.
func (l *fixture) wantClass(err error, class models.Class) {
	l.Helper()
	if e := models.AsError(err); e == nil || e.Class != class {
		l.Fatalf("got %v, want %s", err, class)
	}
}
