// Package faults_test breaks the network, the databases and their servers. Once the cause of a fault is gone,
// site.wantRecovery checks that one run makes the mirror equal, the next one writes nothing, and none is left running.
//
// Other packages test these faults:
//
//	client retries a POST, slow or lost clients             test/api, services/runs
//	half-open connection, vanished client, dead pool        repositories/database
//	lost lock, late commit, wrong clock, truncated table    services/mirror
//	column or table missing, swapped or revoked             services/mirror
//	source restored or another cluster                      services/mirror
//	slot lost, pmo_db restored or cloned, schema changes    services/realtime
//	daylight saving time, clock set                         services/schedule
//	disk full while files are uploaded                      repositories/files, services/attachments, test/api
package faults_test

import (
	"database/sql"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"lifecycle-sync/models"
	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/program"
	"lifecycle-sync/test/kit/testdb"
)

// site is the program and two databases. The test has connections that faults do not affect.
type site struct {
	*program.Program

	source, target *sql.DB
	dir            string // of the program's data
}

// newSite returns a site on PostgreSQL with 20 products and 12 stage histories, in sync.
func newSite(t testing.TB) *site {
	t.Helper()
	return siteOn(t, testdb.Postgres(t), testdb.Postgres(t))
}

// siteOn is newSite on existing, empty databases.
func siteOn(t testing.TB, source, target string) *site {
	t.Helper()
	dir := t.TempDir()
	s := &site{Program: program.New(t, "LOG_LEVEL=INFO", "DATA_DIR="+dir), source: testdb.Open(t, source), target: testdb.Open(t, target), dir: dir}
	s.UseDatabases(source, target)
	s.Seed(20, 12)
	s.Command("sync")
	return s
}

// eachSite runs a test on one database system, alternating daily. make test-long runs it on both.
func eachSite(t *testing.T, fn func(t *testing.T, s *site)) {
	t.Helper()
	testdb.Daily(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		fn(t, siteOn(t, url(t), url(t)))
	})
}

// throughLinks puts faulty links between the program and its databases.
func (s *site) throughLinks() (source, target *testdb.Link) {
	s.Helper()
	source, target = testdb.NewLink(s, s.SourceURL), testdb.NewLink(s, s.TargetURL)
	s.UseDatabases(source.URL, target.URL)
	return source, target
}

func (s *site) exec(db *sql.DB, statement string, args ...any) {
	s.Helper()
	kit.Exec(s, db, statement, args...)
}

// number returns the result of a query.
func (s *site) number(db *sql.DB, query string, args ...any) int64 {
	s.Helper()
	return kit.One[int64](s, db, query, args...)
}

// change changes rows of the source.
func (s *site) change() {
	s.Helper()
	s.exec(s.source, "UPDATE tbl_produk SET harga = coalesce(harga, 0) + 1 WHERE id % 2 = 0")
	s.exec(s.source, "DELETE FROM tbl_stage_histori WHERE id = (SELECT max(id) FROM tbl_stage_histori)")
}

// startBlockedRun starts a run and returns once it waits for a lock in the source, with transactions open in both databases.
func (s *site) startBlockedRun() (run *program.Running, release func()) {
	s.Helper()
	s.change()
	release, awaited := kit.Lock(s, s.source, "LOCK TABLE tbl_stage_histori IN ACCESS EXCLUSIVE MODE")
	run = s.Begin("sync")
	run.Waits("the run waits", awaited)
	return run, release
}

// wantMirrored changes a price in the source and waits until the mirror has it.
func (s *site) wantMirrored(price int64) {
	s.Helper()
	s.exec(s.source, "UPDATE tbl_produk SET harga = $1 WHERE id = 1", price)
	s.Eventually("the change in the mirror", func() bool {
		return s.number(s.target, "SELECT coalesce(harga, 0) FROM tbl_produk_lifecycle WHERE id = 1") == price
	})
}

// runs counts the runs in a state.
func (s *site) runs(state string) int64 {
	s.Helper()
	return s.number(s.target, "SELECT count(*) FROM lifecycle_sync_runs WHERE state = $1", state)
}

// mirrorRows returns all mirrored rows, the quarantine and the change log, with their places.
func (s *site) mirrorRows() (tables []string) {
	s.Helper()
	names := []string{"lifecycle_sync_quarantine", "lifecycle_sync_changes"}
	for _, t := range models.Tables() {
		names = append(names, t.Mirror)
	}
	for _, table := range names {
		rows := "string_agg(ctid::text || m::text, chr(10) ORDER BY ctid)"
		if strings.HasPrefix(s.TargetURL, "file:") {
			columns := kit.One[string](s, s.target, "SELECT group_concat('quote(' || name || ')', '||') FROM pragma_table_info('"+table+"')")
			rows = "group_concat(rowid || ' ' || " + columns + ", char(10) ORDER BY rowid)"
		}
		tables = append(tables, kit.One[string](s, s.target, "SELECT coalesce("+rows+", '') FROM "+table+" AS m"))
	}
	return tables
}

// wantUnchanged fails if the mirror has changed.
func (s *site) wantUnchanged(before []string) {
	s.Helper()
	if !slices.Equal(before, s.mirrorRows()) {
		s.Error("the mirror was changed")
	}
}

// outcome is the state of the newest run.
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

// wantRun fails unless the newest run has the given outcome.
func (s *site) wantRun(want outcome) {
	s.Helper()
	if got := s.lastRun(); got != want {
		s.Errorf("the run is %+v, want %+v", got, want)
	}
}

// wantRetry fails unless the newest run has succeeded after more than one attempt.
func (s *site) wantRetry() {
	s.Helper()
	if got := s.lastRun(); got.state != "succeeded" || got.attempts < 2 {
		s.Errorf("the run is %+v", got)
	}
}

// syncWhenFree makes a run succeed, once no other run or lost connection is in its way.
func (s *site) syncWhenFree() {
	s.Helper()
	s.Eventually("a run succeeds", func() bool {
		c := s.Begin("sync")
		code := c.Wait()
		if code != 0 && code != 4 { // 4: the server has not noticed the lost connection yet
			s.Fatalf("the run after the fault ended with %d:\n%s", code, &c.Out)
		}
		return code == 0
	})
}

// wantRecovery checks after a fault: one run makes the mirror equal, the next one writes nothing, and none is left running.
func (s *site) wantRecovery() {
	s.Helper()
	s.syncWhenFree()
	s.Command("verify")
	lines := strings.Split(strings.TrimSpace(s.Command("sync", "--json")), "\n")
	var next struct{ Tables []models.TableCount }
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &next); err != nil {
		s.Fatal(err)
	}
	for _, count := range next.Tables {
		if count.Wrote() {
			s.Errorf("the next run still wrote %+v", count)
		}
	}
	if n := s.runs("running"); n != 0 {
		s.Errorf("%d runs are left running", n)
	}
}

// eachLink runs a test for one of the two databases, alternating daily, with its link and name.
func eachLink(t *testing.T, fn func(s *site, l *testdb.Link, name string)) {
	t.Helper()
	for _, name := range kit.Daily(t, 1, "lifecycle_db", "pmo_db") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			source, target := s.throughLinks()
			l := map[string]*testdb.Link{"lifecycle_db": source, "pmo_db": target}[name]
			fn(s, l, name)
			s.wantRecovery()
		})
	}
}

func TestMain(m *testing.M) { program.Main(m) }
