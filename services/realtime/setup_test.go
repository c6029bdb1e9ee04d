package realtime_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	"go.uber.org/goleak"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/database/databasetest"
	"lifecycle-sync/repositories/lifecycle"
	"lifecycle-sync/repositories/pmo"
	"lifecycle-sync/services/demo"
	"lifecycle-sync/services/mirror"
	"lifecycle-sync/services/realtime"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must come, on the busiest machine.
const patience = 60 * time.Second

// lab is lifecycle_db with some rows, an empty pmo_db, and what follows the one into the other.
type lab struct {
	testing.TB
	sourceURL, targetURL string
	source, target       *sql.DB // other people's connections
	lifecycle            *lifecycle.Source
	store                *pmo.Store
	engine               *mirror.Engine
}

// newLab makes both databases, with 120 products and 60 histories in the source.
func newLab(t testing.TB) *lab {
	t.Helper()
	l := &lab{TB: t, sourceURL: databasetest.Postgres(t), targetURL: databasetest.Postgres(t)}
	l.source, l.target = l.connect(l.sourceURL), l.connect(l.targetURL)
	l.wire(l.sourceURL)
	if err := demo.Fill(t.Context(), l.lifecycle, 120, 60, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := l.store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return l
}

// wire makes the engine, as somebody in lifecycle_db.
func (l *lab) wire(sourceURL string) {
	l.Helper()
	l.lifecycle, l.store = lifecycle.New(l.pool(sourceURL, "lifecycle_db")), pmo.New(l.pool(l.targetURL, "pmo_db"), models.Tables())
	l.engine = mirror.New(l.lifecycle, l.store, models.Tables(), 90*24*time.Hour, func() time.Time { return time.Now().UTC().Truncate(time.Microsecond) })
}

func (l *lab) pool(url, name string) *database.DB {
	l.Helper()
	db, err := database.Open(url, database.Options{Name: name, MaxConns: 8, ConnectTimeout: 10 * time.Second})
	if err != nil {
		l.Fatal(err)
	}
	l.Cleanup(func() { _ = db.Close() })
	return db
}

func (l *lab) connect(raw string) *sql.DB {
	l.Helper()
	db, err := sql.Open("pgx", raw)
	if err != nil {
		l.Fatal(err)
	}
	l.Cleanup(func() { _ = db.Close() })
	return db
}

// following is a follower at work, and every status that it had.
type following struct {
	l *lab

	mu       sync.Mutex
	statuses []realtime.Status
	cancel   context.CancelFunc
	ended    chan error
}

// follow starts a follower, which ends with the test at the latest.
func (l *lab) follow() *following {
	l.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(l.Context()))
	f := &following{l: l, cancel: cancel, ended: make(chan error, 1)}
	follower := realtime.New(realtime.Options{
		Source: l.lifecycle, Store: l.store, Engine: l.engine, Tables: models.Tables(), Committed: func(int64) {},
		Run: func(ctx context.Context, req mirror.Request) error {
			_, err := l.engine.Sync(ctx, req, mirror.Silent{})
			return err
		},
		Changed: func(s realtime.Status) {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.statuses = append(f.statuses, s)
		},
	})
	go func() { f.ended <- follower.Follow(ctx) }()
	l.Cleanup(f.stop)
	return f
}

// stop ends the follower, and may be called again.
func (f *following) stop() {
	f.cancel()
	if err := <-f.ended; err != nil {
		f.l.Errorf("the follower ended with %v", err)
	}
	f.ended <- nil
}

// until waits until the follower stands in a state for the nth time, and returns why.
func (f *following) until(state realtime.State, nth int) error {
	f.l.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); <-time.After(5 * time.Millisecond) {
		f.mu.Lock()
		seen := 0
		for _, s := range f.statuses {
			if s.State == state {
				if seen++; seen == nth {
					f.mu.Unlock()
					return s.Err
				}
			}
		}
		f.mu.Unlock()
	}
	f.l.Fatalf("not %s for the %d. time: %+v", state, nth, f.statuses)
	return nil
}

// follows starts a follower and waits until it follows.
func (l *lab) follows() *following {
	l.Helper()
	f := l.follow()
	_ = f.until(realtime.Following, 1)
	return f
}

// change runs statements in lifecycle_db, all in one transaction.
func (l *lab) change(statements ...string) {
	l.Helper()
	exec(l, l.source, strings.Join(statements, ";"))
}

func exec(t testing.TB, db *sql.DB, statement string) {
	t.Helper()
	if _, err := db.ExecContext(context.WithoutCancel(t.Context()), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func (l *lab) holds(db *sql.DB, condition string) (holds bool) {
	l.Helper()
	if err := db.QueryRowContext(context.WithoutCancel(l.Context()), condition).Scan(&holds); err != nil {
		l.Fatalf("%s: %v", condition, err)
	}
	return holds
}

// eventually waits until a condition holds in a database.
func (l *lab) eventually(db *sql.DB, condition string) {
	l.Helper()
	for deadline := time.Now().Add(patience); !l.holds(db, condition); <-time.After(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			l.Fatalf("it never came to be that %s", condition)
		}
	}
}

// caughtUp waits until the mirror has everything that is committed now: what is committed last comes last.
func (l *lab) caughtUp() {
	l.Helper()
	last := rand.Text()
	l.change("UPDATE tbl_segmen SET icon_dark = '" + last + "' WHERE id = 1")
	l.eventually(l.target, "SELECT icon_dark IS NOT DISTINCT FROM '"+last+"' FROM tbl_segmen_lifecycle WHERE id = 1")
}

// equal fails the test unless verify finds the mirror equal to the source.
func (l *lab) equal() {
	l.Helper()
	var found []string
	verdict, err := l.engine.Verify(l.Context(), mirror.Silent{}, func(c mirror.Change, cause mirror.Cause) error {
		found = append(found, fmt.Sprintf("%s %d %s %v (%s)", c.Table.Name, c.ID, c.Action, c.Columns, cause))
		return nil
	})
	if err != nil {
		l.Fatal(err)
	}
	if !verdict.Equal {
		l.Fatalf("the mirror differs: %s", strings.Join(found, ", "))
	}
}

// runs lists the runs' modes, states and reasons, of the given modes.
func (l *lab) runs(modes ...string) (runs []string) {
	l.Helper()
	rows, err := l.target.QueryContext(l.Context(), "SELECT mode, state || ' ' || coalesce(reason, error_message, '') FROM lifecycle_sync_runs ORDER BY id")
	if err != nil {
		l.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var mode, run string
		if err := rows.Scan(&mode, &run); err != nil {
			l.Fatal(err)
		}
		if slices.Contains(modes, mode) {
			runs = append(runs, mode+" "+run)
		}
	}
	if err := rows.Err(); err != nil {
		l.Fatal(err)
	}
	return runs
}

// as returns a URL with another user.
func as(raw, user, password string) string {
	u, _ := url.Parse(raw)
	u.User = url.UserPassword(user, password)
	return u.String()
}
