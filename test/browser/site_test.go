package browser_test

import (
	"bytes"
	"context"
	"database/sql"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"lifecycle-sync/app"
	"lifecycle-sync/repositories/database/databasetest"
)

// withTokens are settings with which people must sign in.
var withTokens = []string{"AUTH_JWT_SECRET=" + strings.Repeat("rahasia ", 6)}

// site is the program at work, synchronised once, and its two databases.
type site struct {
	testing.TB
	environ        []string
	address        string // host:port
	source, target *sql.DB
	out            output
	stop           context.CancelFunc // ends the program; stopped is then closed
	stopped        chan struct{}
}

// demoSite is the program as it is after go run . in a new folder: embedded databases with 211 products. env are further
// settings, as "NAME=value".
func demoSite(t testing.TB, env ...string) *site {
	t.Helper()
	dir := t.TempDir()
	s := &site{TB: t, environ: append(settings(dir), env...)}
	s.start()
	s.source, s.target = databasetest.Open(t, "file:"+filepath.Join(dir, "lifecycle.db")), databasetest.Open(t, "file:"+filepath.Join(dir, "pmo.db"))
	return s
}

// postgresSite is the program on two databases of PostgreSQL, with 20 products and 12 transitions.
func postgresSite(t testing.TB, env ...string) *site {
	t.Helper()
	source, target := databasetest.Postgres(t), databasetest.Postgres(t)
	s := &site{TB: t, environ: append(settings(t.TempDir()), env...)}
	s.environ = append(s.environ, "LIFECYCLE_DATABASE_URL="+source, "PMO_DATABASE_URL="+target)
	s.source, s.target = databasetest.Open(t, source), databasetest.Open(t, target)
	s.command("seed", "--products", "20", "--history", "12")
	s.start()
	return s
}

// settings are those of every site: nothing is made by the clock.
func settings(dir string) []string {
	return []string{"DATA_DIR=" + dir, "LOG_LEVEL=DEBUG", "SYNC_SCHEDULE=off", "SYNC_FULL_SCHEDULE=off"}
}

// start boots the program and waits until it has synchronised.
func (s *site) start() {
	s.Helper()
	cfg, err := app.LoadConfig(os.DevNull, s.environ)
	if err != nil {
		s.Fatal(err)
	}
	a, err := app.New(cfg, slog.New(slog.NewTextHandler(&s.out, &slog.HandlerOptions{Level: slog.LevelDebug})))
	if err != nil {
		s.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.Fatal(err)
	}
	s.address = listener.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	stopped := make(chan struct{})
	s.stop, s.stopped = cancel, stopped
	go func() {
		defer close(stopped)
		if err := a.Serve(ctx, listener, &s.out); err != nil {
			s.Error("the program ended with", err)
		}
		if err := a.Close(); err != nil {
			s.Error("closing the program:", err)
		}
	}()
	s.Cleanup(s.end)
	s.eventually("ready", func() bool {
		response, err := http.Get("http://" + s.address + "/readyz")
		if err != nil {
			return false
		}
		return response.Body.Close() == nil && response.StatusCode == http.StatusOK
	})
}

// end ends the program and waits for it.
func (s *site) end() {
	s.stop()
	<-s.stopped
}

// eventually waits until a condition holds.
func (s *site) eventually(what string, holds func() bool) {
	s.Helper()
	deadline := time.Now().Add(patience)
	for tick := time.NewTicker(20 * time.Millisecond); !holds(); <-tick.C {
		if time.Now().After(deadline) {
			s.Fatalf("%s: not within %s\n%s", what, patience, &s.out)
		}
	}
}

// command runs one of the program's commands, which must succeed, and returns what it printed.
func (s *site) command(args ...string) string {
	s.Helper()
	var stdout, stderr bytes.Buffer
	if code := app.Main(s.Context(), args, s.environ, &stdout, &stderr); code != 0 {
		s.Fatalf("%v: exit %d\n%s%s", args, code, &stdout, &stderr)
	}
	return stdout.String()
}

// token signs somebody in who has a role.
func (s *site) token(role string) string {
	s.Helper()
	return strings.TrimSpace(s.command("token", "--role", role, "--subject", "test of "+role))
}

func (s *site) exec(db *sql.DB, statement string, args ...any) {
	s.Helper()
	if _, err := db.ExecContext(s.Context(), statement, args...); err != nil {
		s.Fatalf("%s: %v", statement, err)
	}
}

// lock takes a lock of PostgreSQL in a session of its own, at which a run stands still, and returns how to let it go
// and whether somebody waits for it.
func (s *site) lock(db *sql.DB, statement string) (release func(), awaited func() bool) {
	s.Helper()
	tx, err := db.BeginTx(context.WithoutCancel(s.Context()), nil)
	if err != nil {
		s.Fatal(err)
	}
	var pid int64
	if err := tx.QueryRow("SELECT pg_backend_pid()").Scan(&pid); err != nil {
		s.Fatal(err)
	}
	if _, err := tx.Exec(statement); err != nil {
		s.Fatalf("%s: %v", statement, err)
	}
	release = sync.OnceFunc(func() { _ = tx.Rollback() })
	s.Cleanup(release)
	return release, func() (waits bool) {
		err := db.QueryRow("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND $1 = ANY (pg_blocking_pids(pid)))", pid).Scan(&waits)
		return err == nil && waits
	}
}

// output collects what the program logs and prints.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write implements io.Writer.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

// String is everything so far.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}
