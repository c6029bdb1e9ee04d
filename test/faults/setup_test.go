package faults_test

import (
	"database/sql"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database/databasetest"
	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/program"
)

// site is the program and two databases of PostgreSQL, which the test reaches whatever happens to the network
// between them and the program.
type site struct {
	*program.Program

	source, target *sql.DB
}

// newSite fills a source with 20 products and 12 transitions, and mirrors them.
func newSite(t testing.TB) *site {
	t.Helper()
	return siteOn(t, databasetest.Postgres(t), databasetest.Postgres(t))
}

// siteOn is newSite with databases that are there, and empty.
func siteOn(t testing.TB, source, target string) *site {
	t.Helper()
	s := &site{Program: program.New(t), source: databasetest.Open(t, source), target: databasetest.Open(t, target)}
	s.UseDatabases(source, target)
	s.Set("LOG_LEVEL=INFO")
	s.Seed(20, 12)
	s.must("sync")
	return s
}

// throughLinks puts a network between the program and its databases.
func (s *site) throughLinks() (source, target *databasetest.Link) {
	s.Helper()
	source, target = databasetest.NewLink(s, s.SourceURL), databasetest.NewLink(s, s.TargetURL)
	s.UseDatabases(source.URL, target.URL)
	return source, target
}

// must runs a command that succeeds, and returns what it printed.
func (s *site) must(args ...string) string {
	s.Helper()
	c := s.Begin(args...)
	c.Ends(0)
	return c.Out.String()
}

func (s *site) exec(db *sql.DB, statement string, args ...any) {
	s.Helper()
	kit.Exec(s, db, statement, args...)
}

// number is what a query yields.
func (s *site) number(db *sql.DB, query string, args ...any) int64 {
	s.Helper()
	return kit.One[int64](s, db, query, args...)
}

// change changes some rows of the source, so that the next run has something to do.
func (s *site) change() {
	s.Helper()
	s.exec(s.source, "UPDATE tbl_produk SET harga = coalesce(harga, 0) + 1 WHERE id % 2 = 0")
	s.exec(s.source, "DELETE FROM tbl_stage_histori WHERE id = (SELECT max(id) FROM tbl_stage_histori)")
}

// held starts a run that has something to do, and returns once it waits for a table of the source, in the
// midst of its work on both databases.
func (s *site) held() (run *program.Running, release func()) {
	s.Helper()
	s.change()
	release, awaited := kit.Lock(s, s.source, "LOCK TABLE tbl_stage_histori IN ACCESS EXCLUSIVE MODE")
	run = s.Begin("sync")
	run.Waits("the run waits", awaited)
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
	s.Eventually("a run succeeds", func() bool {
		c := s.Begin("sync")
		code := c.Wait()
		if code != 0 && code != 4 { // 4: the server does not know yet that a connection is gone
			s.Fatalf("the run after the fault ended with %d:\n%s", code, &c.Out)
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
