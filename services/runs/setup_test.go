package runs_test

import (
	"context"
	"database/sql"
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
	"lifecycle-sync/services/mirror"
	"lifecycle-sync/services/runs"
	"lifecycle-sync/test/kit"
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
	engine  *pausable
	ended   chan runs.Outcome
	version atomic.Int64
}

// each runs a test in parallel on both database systems.
func each(t *testing.T, fn func(l *fixture)) {
	t.Helper()
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		l := &fixture{Pair: databases.New(t, url, 20, 12), ended: make(chan runs.Outcome, 100)}
		l.sqlite, l.journal = l.TargetDB.Kind() == database.SQLite, journal.New(l.Store.Session)
		l.engine = &pausable{Engine: l.Engine, proceed: make(chan struct{})}
		l.Service = l.service()
		fn(l)
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

func (l *fixture) exec(db *sql.DB, statement string) {
	l.Helper()
	kit.Exec(l, db, statement)
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

// wantRecord compares the state in which pmo_db has a run.
func (l *fixture) wantRecord(id int64, state models.RunState, cancelRequested bool) {
	l.Helper()
	if run, err := l.journal.Run(l.Context(), id); err != nil || run.State != state || run.CancelRequested != cancelRequested {
		l.Errorf("the record is %+v, %v", run, err)
	}
}

// wantClass fails the test unless an error is of a class.
func (l *fixture) wantClass(err error, class models.Class) {
	l.Helper()
	if e := models.AsError(err); e == nil || e.Class != class {
		l.Fatalf("got %v, want %s", err, class)
	}
}

// pausable is an engine that can pause its next run at the first table.
type pausable struct {
	*mirror.Engine
	pause   atomic.Bool
	proceed chan struct{}
}

// Sync makes a run.
func (p *pausable) Sync(ctx context.Context, req mirror.Request, progress mirror.Progress) (mirror.Result, error) {
	if p.pause.Swap(false) {
		progress = paused{progress, ctx.Done(), p.proceed}
	}
	return p.Engine.Sync(ctx, req, progress)
}

// paused waits at each table until the run may proceed or is canceled.
type paused struct {
	mirror.Progress
	done, proceed <-chan struct{}
}

// Begin waits.
func (p paused) Begin(t *models.Table, rows int64) {
	p.Progress.Begin(t, rows)
	select {
	case <-p.done:
	case <-p.proceed:
	}
}
