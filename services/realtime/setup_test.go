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

	"go.uber.org/goleak"

	"lifecycle-sync/models"
	"lifecycle-sync/services/mirror"
	"lifecycle-sync/services/realtime"
	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/databases"
	"lifecycle-sync/test/kit/testdb"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(testdb.Recycle(m)) }

// lab is a pair of databases with a follower.
type lab struct{ *databases.Pair }

// newLab creates both databases, with 120 products and 60 histories in the source.
func newLab(t testing.TB) *lab {
	t.Helper()
	return &lab{databases.New(t, testdb.Postgres, 120, 60)}
}

// following is a running follower and its statuses so far.
type following struct {
	l *lab

	mu       sync.Mutex
	statuses []realtime.Status
	cancel   context.CancelFunc
	ended    chan error
}

// follow starts a follower until the test ends.
func (l *lab) follow() *following {
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
		for _, s := range f.statuses {
			if s.State != state {
				continue
			}
			if seen++; seen == nth {
				reason = s.Err
				return true
			}
		}
		return false
	}, kit.Text(func() string { return fmt.Sprintf("%+v", f.statuses) }))
	return reason
}

// follows starts a follower and waits until it follows.
func (l *lab) follows() *following {
	l.Helper()
	f := l.follow()
	_ = f.until(realtime.Following, 1)
	return f
}

// change runs statements in lifecycle_db in one transaction.
func (l *lab) change(statements ...string) {
	l.Helper()
	exec(l, l.Source, strings.Join(statements, ";"))
}

func exec(t testing.TB, db *sql.DB, statement string) {
	t.Helper()
	kit.Exec(t, db, statement)
}

func (l *lab) holds(db *sql.DB, condition string) bool {
	l.Helper()
	return kit.One[bool](l, db, condition)
}

// eventually waits until a condition holds in a database.
func (l *lab) eventually(db *sql.DB, condition string) {
	l.Helper()
	kit.Eventually(l, condition, func() bool { return l.holds(db, condition) })
}

// caughtUp waits until the mirror has everything that is committed now.
func (l *lab) caughtUp() {
	l.Helper()
	last := rand.Text()
	l.change("UPDATE tbl_segmen SET icon_dark = '" + last + "' WHERE id = 1")
	l.eventually(l.Target, "SELECT icon_dark IS NOT DISTINCT FROM '"+last+"' FROM tbl_segmen_lifecycle WHERE id = 1")
}

// equal fails unless the mirror equals the source.
func (l *lab) equal() {
	l.Helper()
	var found []string
	verdict, err := l.Engine.Verify(l.Context(), mirror.Silent{}, func(c mirror.Change, cause mirror.Cause) error {
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

// runs lists the states and reasons of the runs in the given modes.
func (l *lab) runs(modes ...string) (runs []string) {
	l.Helper()
	rows, err := l.Target.QueryContext(l.Context(), "SELECT mode, state || ' ' || coalesce(CAST(reasons AS text), CAST(error AS text), '') FROM lifecycle_sync_runs ORDER BY id")
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
