package app_test

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"

	"lifecycle-sync/models"
	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/program"
	"lifecycle-sync/test/kit/testdb"
)

// site is a folder and two databases in which the program runs as a process.
type site struct {
	testing.TB
	dir                  string
	sourceURL, targetURL string
	source, target       *sql.DB
}

// ended is how a process ended.
type ended struct {
	code           int
	killed         bool // by SIGKILL
	stdout, stderr string
}

func (e ended) String() string {
	return fmt.Sprintf("exit %d, killed %t\n--- stdout\n%s--- stderr\n%s", e.code, e.killed, e.stdout, e.stderr)
}

func newSite(t testing.TB, url func(testing.TB) string) *site {
	t.Helper()
	s := &site{TB: t, dir: t.TempDir(), sourceURL: url(t), targetURL: url(t)}
	s.source, s.target = testdb.Open(t, s.sourceURL), testdb.Open(t, s.targetURL)
	return s
}

// start starts the program as a process.
func (s *site) start(env []string, args ...string) *program.Process {
	s.Helper()
	if s.sourceURL != "" {
		env = append([]string{"LIFECYCLE_DATABASE_URL=" + s.sourceURL, "PMO_DATABASE_URL=" + s.targetURL}, env...)
	}
	return program.Start(s, s.dir, env, args...)
}

// run runs the program until it ends.
func (s *site) run(args ...string) ended { return s.runWith(nil, args...) }

func (s *site) runWith(env []string, args ...string) ended {
	s.Helper()
	return outcome(s.start(env, args...))
}

// outcome waits until a process has ended.
func outcome(p *program.Process) ended {
	return ended{p.Wait(), p.EndedBy() == syscall.SIGKILL, p.Stdout.String(), p.Stderr.String()}
}

// must runs the program, which must end with the given exit code.
func (s *site) must(code int, args ...string) ended {
	s.Helper()
	e := s.run(args...)
	if e.code != code {
		s.Fatalf("%v: exit %d expected, %s", args, code, e)
	}
	return e
}

// outcome is what sync --json prints on its last line.
type jsonOutcome struct {
	Run    *int64              `json:"run"`
	Mode   string              `json:"mode"`
	State  models.RunState     `json:"state"`
	Digest *string             `json:"digest"`
	Tables []models.TableCount `json:"tables"`
	Error  *struct {
		Class           models.Class
		Message, Remedy string
	} `json:"error"`
}

// syncJSON runs sync --json and reads its last line.
func (s *site) syncJSON(code int, args ...string) jsonOutcome {
	s.Helper()
	e := s.must(code, append([]string{"sync", "--json"}, args...)...)
	lines := strings.Split(strings.TrimSpace(e.stdout), "\n")
	var o jsonOutcome
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &o); err != nil {
		s.Fatalf("%v: %s", err, e)
	}
	return o
}

func (s *site) exec(db *sql.DB, statement string) {
	s.Helper()
	kit.Exec(s, db, statement)
}

func (s *site) number(db *sql.DB, query string) int64 {
	s.Helper()
	return kit.One[int64](s, db, query)
}

// mirror reads everything mirrored, the quarantine and the change log.
func (s *site) mirror() []string {
	s.Helper()
	tables := []string{"lifecycle_sync_quarantine", "lifecycle_sync_changes"}
	for _, t := range models.Tables() {
		tables = append(tables, t.Mirror)
	}
	var all []string
	for _, table := range tables {
		all = append(all, s.lines(table)...)
	}
	return all
}

func (s *site) lines(table string) (out []string) {
	s.Helper()
	rows, err := s.target.QueryContext(s.Context(), "SELECT * FROM "+table)
	if err != nil {
		return []string{table + " is not there"} // killed before the migration
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		s.Fatal(err)
	}
	values, dest := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		dest[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(dest...); err != nil {
			s.Fatal(err)
		}
		out = append(out, table+fmt.Sprintf("%v", values))
	}
	slices.Sort(out)
	return out
}

// lockedTable is read by every run.
const lockedTable = "LOCK TABLE tbl_stage_histori IN ACCESS EXCLUSIVE MODE"

// blocked starts a run and returns when it waits for a table of the source, until release is called.
func (s *site) blocked(args ...string) (run *program.Process, release func()) {
	s.Helper()
	release, awaited := kit.Lock(s, s.source, lockedTable)
	run = s.start(nil, args...)
	kit.Eventually(s, "the run waits for the locked table", awaited, run)
	return run, release
}
