package runs_test

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"       // the driver "pgx"
	_ "github.com/ncruces/go-sqlite3/driver" // the driver "sqlite3"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/lifecycle"
	"lifecycle-sync/repositories/pmo"
	"lifecycle-sync/services/mirror"
	"lifecycle-sync/services/runs"
	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/databases"
	"lifecycle-sync/test/kit/testdb"
)

// lab is a service on two databases of its own.
type lab struct {
	testing.TB
	*runs.Service
	store   *pmo.Store
	source  *lifecycle.Source
	engine  *slow
	pmo     *database.DB
	lc      *database.DB
	ended   chan runs.Outcome
	version atomic.Int64
}

// each runs a test on both database systems.
func each(t *testing.T, fn func(l *lab)) {
	t.Helper()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		fn(newLab(t, url))
	})
}

func newLab(t testing.TB, url func(testing.TB) string) *lab {
	t.Helper()
	l := &lab{TB: t, ended: make(chan runs.Outcome, 100)}
	p := databases.New(t, url, 20, 12)
	l.lc, l.pmo, l.source, l.store = p.SourceDB, p.TargetDB, p.Lifecycle, p.Store
	l.engine = &slow{Engine: p.Engine, release: make(chan struct{})}
	l.Service = l.service()
	return l
}

// service is one more, as another process has it.
func (l *lab) service() *runs.Service {
	s := runs.New(runs.Options{
		Engine: l.engine, Store: l.store, Timeout: time.Minute, StaleAfter: time.Hour, Now: time.Now, Log: slog.New(slog.DiscardHandler),
		Ended: func(o runs.Outcome) { l.ended <- o }, Committed: l.version.Store,
	})
	l.Cleanup(s.Close)
	return s
}

func (l *lab) exec(db *database.DB, statement string) {
	l.Helper()
	kit.Exec(l, db.SQL, statement)
}

// slow is an engine whose runs can be made to wait at their first table.
type slow struct {
	*mirror.Engine
	hold    atomic.Bool
	release chan struct{}
}

// Sync makes a run.
func (s *slow) Sync(ctx context.Context, req mirror.Request, p mirror.Progress) (mirror.Result, error) {
	if s.hold.Swap(false) {
		p = held{p, ctx.Done(), s.release}
	}
	return s.Engine.Sync(ctx, req, p)
}

// held waits at a table until it is released or the run is to end.
type held struct {
	mirror.Progress
	done, release <-chan struct{}
}

// Begin waits.
func (h held) Begin(t *models.Table, rows int64) {
	h.Progress.Begin(t, rows)
	select {
	case <-h.done:
	case <-h.release:
	}
}

// want fails the test unless an error is of a class.
func want(t testing.TB, err error, class models.Class) {
	t.Helper()
	if e := models.AsError(err); e == nil || e.Class != class {
		t.Fatalf("got %v, want %s", err, class)
	}
}
