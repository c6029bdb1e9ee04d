package realtime_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"lifecycle-sync/models"
	"lifecycle-sync/services/mirror"
	"lifecycle-sync/services/realtime"
	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/databases"
	"lifecycle-sync/test/kit/testdb"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(testdb.Recycle(m)) }

// fixture is a pair of databases with a follower.
type fixture struct{ *databases.Pair }

// newFixture creates both databases, with 120 products and 60 histories in the source.
func newFixture(t testing.TB) *fixture {
	t.Helper()
	return newFixtureOn(t, testdb.Postgres(t), testdb.Postgres(t))
}

// newFixtureOn is newFixture on existing, empty databases.
func newFixtureOn(t testing.TB, source, target string) *fixture {
	t.Helper()
	l := &fixture{databases.At(t, source, target)}
	l.Fill(120, 60)
	l.Migrate()
	return l
}

// following is a running follower and its statuses so far.
type following struct {
	l *fixture

	mu       sync.Mutex
	statuses []realtime.Status
	cancel   context.CancelFunc
	ended    chan error
}

// follow starts a follower until the test ends.
func (l *fixture) follow() *following {
	l.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(l.Context()))
	f := &following{l: l, cancel: cancel, ended: make(chan error, 1)}
	follower := realtime.New(realtime.Options{
		Source: l.Lifecycle, Store: l.Store, Engine: l.Engine, Tables: models.Tables(), Committed: func(int64) {},
		Run: func(ctx context.Context, req mirror.Request) error {
			_, err := l.Engine.Sync(ctx, req, mirror.Silent{})
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

// until waits until the follower enters a state for the nth time, and returns the status's error.
func (f *following) until(state realtime.State, nth int) error {
	f.l.Helper()
	var reason error
	kit.Eventually(f.l, fmt.Sprintf("%s, time %d", state, nth), func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		seen := 0
		return slices.ContainsFunc(f.statuses, func(s realtime.Status) bool {
			if s.State == state {
				seen++
			}
			reason = s.Err
			return seen == nth
		})
	}, kit.Text(func() string { return fmt.Sprintf("%+v", f.statuses) }))
	return reason
}

// wantNeverStopped fails if the mass-delete guard has stopped the follower.
func (f *following) wantNeverStopped() {
	f.l.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if i := slices.IndexFunc(f.statuses, func(s realtime.Status) bool { return s.State == realtime.Stopped }); i >= 0 {
		f.l.Errorf("the guard has stopped real-time sync: %v", f.statuses[i].Err)
	}
}

// follows starts a follower and waits until it follows.
func (l *fixture) follows() *following {
	l.Helper()
	f := l.follow()
	_ = f.until(realtime.Following, 1)
	return f
}

// change runs statements in lifecycle_db in one transaction.
func (l *fixture) change(statements ...string) {
	l.Helper()
	kit.Exec(l, l.Source, strings.Join(statements, ";"))
}

func (l *fixture) holds(db *sql.DB, condition string) bool {
	l.Helper()
	return kit.One[bool](l, db, condition)
}

// eventually waits until a condition holds in a database.
func (l *fixture) eventually(db *sql.DB, condition string) {
	l.Helper()
	kit.Eventually(l, condition, func() bool { return l.holds(db, condition) })
}

// caughtUp waits until the mirror has everything that is committed now.
func (l *fixture) caughtUp() {
	l.Helper()
	last := rand.Text()
	l.change("UPDATE tbl_segmen SET icon_dark = '" + last + "' WHERE id = 1")
	l.eventually(l.Target, "SELECT icon_dark IS NOT DISTINCT FROM '"+last+"' FROM tbl_segmen_lifecycle WHERE id = 1")
}

// equal fails unless the mirror equals the source.
func (l *fixture) equal() {
	l.Helper()
	var found []string
	verification, err := l.Engine.Verify(l.Context(), mirror.Silent{}, func(c mirror.Change, cause mirror.Cause) error {
		found = append(found, fmt.Sprintf("%s %d %s %v (%s)", c.Table.Name, c.ID, c.Action, c.Columns, cause))
		return nil
	})
	if err != nil {
		l.Fatal(err)
	}
	if !verification.Equal {
		l.Fatalf("the mirror differs: %s", strings.Join(found, ", "))
	}
}

// wantRuns fails unless there are as many runs of a mode as texts, each of which has the text in its state and reasons.
func (l *fixture) wantRuns(mode string, texts ...string) {
	l.Helper()
	all := kit.One[string](l, l.Target, "SELECT coalesce(string_agg(state || ' ' || coalesce(reasons::text, error::text, ''), E'\n' ORDER BY id), '') FROM lifecycle_sync_runs WHERE mode = $1", mode)
	runs := strings.FieldsFunc(all, func(r rune) bool { return r == '\n' })
	if !slices.EqualFunc(runs, texts, strings.Contains) {
		l.Errorf("the %s runs are %q, must be %q", mode, runs, texts)
	}
}
