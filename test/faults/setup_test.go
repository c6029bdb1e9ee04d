package faults_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"lifecycle-sync/app"
	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database/databasetest"
)

// site is the program and two databases of PostgreSQL, which the test reaches whatever happens to the network
// between them and the program.
type site struct {
	testing.TB
	source, target *sql.DB
	env            []string // NAME=value
}

// newSite fills a source with 20 products and 12 transitions, and mirrors them.
func newSite(t testing.TB) *site {
	t.Helper()
	return siteOn(t, databasetest.Postgres(t), databasetest.Postgres(t))
}

// siteOn is newSite with databases that are there, and empty.
func siteOn(t testing.TB, source, target string) *site {
	t.Helper()
	s := &site{TB: t, source: databasetest.Open(t, source), target: databasetest.Open(t, target), env: []string{"DATA_DIR=" + t.TempDir()}}
	s.at(source, target)
	s.must("seed", "--products", "20", "--history", "12")
	s.must("sync")
	return s
}

// at has the program find the databases elsewhere.
func (s *site) at(source, target string) {
	s.set("LIFECYCLE_DATABASE_URL=" + source)
	s.set("PMO_DATABASE_URL=" + target)
}

// set changes a setting.
func (s *site) set(setting string) {
	name, _, _ := strings.Cut(setting, "=")
	s.env = slices.DeleteFunc(slices.Clone(s.env), func(old string) bool { return strings.HasPrefix(old, name+"=") })
	s.env = append(s.env, setting)
}

// throughLinks puts a network between the program and its databases.
func (s *site) throughLinks() (source, target *databasetest.Link) {
	s.Helper()
	links := map[string]*databasetest.Link{}
	for _, setting := range s.env {
		if name, url, _ := strings.Cut(setting, "="); strings.HasSuffix(name, "_DATABASE_URL") {
			links[name] = databasetest.NewLink(s, url)
		}
	}
	source, target = links["LIFECYCLE_DATABASE_URL"], links["PMO_DATABASE_URL"]
	s.at(source.URL, target.URL)
	return source, target
}

// output collects what the program prints.
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

// command is one of the program's commands at work.
type command struct {
	s      *site
	out    output
	cancel context.CancelFunc
	code   chan int
}

// begin starts a command.
func (s *site) begin(args ...string) *command {
	ctx, cancel := context.WithCancel(s.Context())
	c := &command{s: s, cancel: cancel, code: make(chan int, 1)}
	environ := slices.Clone(s.env)
	go func() { c.code <- app.Main(ctx, args, environ, &c.out, &c.out) }()
	return c
}

// says waits until the command has printed something.
func (c *command) says(words string) {
	c.s.Helper()
	c.s.eventually(words, func() bool {
		select {
		case code := <-c.code:
			c.code <- code
			if !strings.Contains(c.out.String(), words) {
				c.s.Fatalf("ended with %d before it said %q:\n%s", code, words, &c.out)
			}
		default:
		}
		return strings.Contains(c.out.String(), words)
	})
}

// ends waits for the command's end, with an exit code, having printed some words.
func (c *command) ends(code int, words ...string) {
	c.s.Helper()
	select {
	case got := <-c.code:
		c.code <- got
		if got != code {
			c.s.Fatalf("exit code %d, want %d:\n%s", got, code, &c.out)
		}
	case <-time.After(2 * time.Minute):
		c.s.Fatalf("does not end:\n%s", &c.out)
	}
	for _, w := range words {
		if !strings.Contains(c.out.String(), w) {
			c.s.Errorf("%q is not in\n%s", w, &c.out)
		}
	}
}

// must runs a command that succeeds, and returns what it printed.
func (s *site) must(args ...string) string {
	s.Helper()
	c := s.begin(args...)
	c.ends(0)
	return c.out.String()
}

// eventually waits until a condition holds.
func (s *site) eventually(what string, holds func() bool) {
	s.Helper()
	deadline := time.Now().Add(time.Minute)
	for tick := time.NewTicker(20 * time.Millisecond); !holds(); <-tick.C {
		if time.Now().After(deadline) {
			s.Fatalf("%s: not within a minute", what)
		}
	}
}

func (s *site) exec(db *sql.DB, statement string, args ...any) {
	s.Helper()
	if _, err := db.ExecContext(s.Context(), statement, args...); err != nil {
		s.Fatalf("%s: %v", statement, err)
	}
}

// number is what a query yields.
func (s *site) number(db *sql.DB, query string, args ...any) (n int64) {
	s.Helper()
	if err := db.QueryRowContext(s.Context(), query, args...).Scan(&n); err != nil {
		s.Fatalf("%s: %v", query, err)
	}
	return n
}

// lock takes a lock in a session of its own, and returns how to let it go and whether somebody waits for it.
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
	return release, func() bool {
		return s.number(db, "SELECT count(*) FROM pg_locks WHERE NOT granted AND $1 = ANY (pg_blocking_pids(pid))", pid) > 0
	}
}

// change changes some rows of the source, so that the next run has something to do.
func (s *site) change() {
	s.Helper()
	s.exec(s.source, "UPDATE tbl_produk SET harga = coalesce(harga, 0) + 1 WHERE id % 2 = 0")
	s.exec(s.source, "DELETE FROM tbl_stage_histori WHERE id = (SELECT max(id) FROM tbl_stage_histori)")
}

// held starts a run that has something to do, and returns once it waits for a table of the source, in the
// midst of its work on both databases.
func (s *site) held() (run *command, release func()) {
	s.Helper()
	s.change()
	release, awaited := s.lock(s.source, "LOCK TABLE tbl_stage_histori IN ACCESS EXCLUSIVE MODE")
	run = s.begin("sync")
	s.eventually("the run waits", func() bool {
		select {
		case code := <-run.code:
			s.Fatalf("the run ended with %d:\n%s", code, &run.out)
		default:
		}
		return awaited()
	})
	return run, release
}

// mirror is everything that is mirrored, in quarantine and in the change log.
func (s *site) mirror() (rows []string) {
	s.Helper()
	tables := []string{"lifecycle_sync_quarantine", "lifecycle_sync_changes"}
	for _, t := range models.Tables() {
		tables = append(tables, t.Mirror)
	}
	for _, table := range tables {
		var all string
		if err := s.target.QueryRowContext(s.Context(), "SELECT coalesce(string_agg(ctid::text || m::text, chr(10) ORDER BY ctid), '') FROM "+table+" m").Scan(&all); err != nil {
			s.Fatal(err)
		}
		rows = append(rows, table+all)
	}
	return rows
}

// untouched fails the test unless the mirror is as before.
func (s *site) untouched(before []string) {
	s.Helper()
	if !slices.Equal(before, s.mirror()) {
		s.Error("the mirror was changed")
	}
}

// outcome is how the newest run stands.
type outcome struct {
	state, class string
	attempts     int
}

func (s *site) lastRun() (r outcome) {
	s.Helper()
	err := s.target.QueryRowContext(s.Context(),
		"SELECT state, coalesce(error_class, ''), attempts FROM lifecycle_sync_runs ORDER BY id DESC LIMIT 1").Scan(&r.state, &r.class, &r.attempts)
	if err != nil {
		s.Fatal(err)
	}
	return r
}

// wantRun fails the test unless the newest run stands as it should.
func (s *site) wantRun(want outcome) {
	s.Helper()
	if got := s.lastRun(); got != want {
		s.Errorf("the run is %+v, want %+v", got, want)
	}
}

// triedAgain fails the test unless the newest run has succeeded, after more than one attempt.
func (s *site) triedAgain() {
	s.Helper()
	if got := s.lastRun(); got.state != "succeeded" || got.attempts < 2 {
		s.Errorf("the run is %+v", got)
	}
}

// promise holds the program to what it promises after every fault, once its cause is gone: one run, and the
// mirror equals the source, the next run has nothing to write, and no run is left running.
func (s *site) promise() {
	s.Helper()
	s.eventually("a run succeeds", func() bool {
		c := s.begin("sync")
		code := <-c.code
		if code != 0 && code != 4 { // 4: the server does not know yet that a connection is gone
			s.Fatalf("the run after the fault ended with %d:\n%s", code, &c.out)
		}
		return code == 0
	})
	s.must("verify")
	lines := strings.Split(strings.TrimSpace(s.must("sync", "--json")), "\n")
	var next struct{ Tables []models.TableCount }
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &next); err != nil {
		s.Fatal(err)
	}
	for _, count := range next.Tables {
		if count.Wrote() {
			s.Errorf("the next run still wrote %+v", count)
		}
	}
	if n := s.number(s.target, "SELECT count(*) FROM lifecycle_sync_runs WHERE state = 'running'"); n != 0 {
		s.Errorf("%d runs are left running", n)
	}
}

// both runs a test for each of the two databases: with the link that it is about, and its name.
func both(t *testing.T, fn func(s *site, l *databasetest.Link, name string)) {
	t.Helper()
	for _, name := range []string{"lifecycle_db", "pmo_db"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			source, target := s.throughLinks()
			l := map[string]*databasetest.Link{"lifecycle_db": source, "pmo_db": target}[name]
			fn(s, l, name)
			s.promise()
		})
	}
}
