package app_test

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"lifecycle-sync/models"
	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/program"
)

func TestMain(m *testing.M) { program.Main(m) }

// site is the program with two databases. Commands run in the test's process, except those that are to be killed.
type site struct {
	*program.Program

	dir            string // of child processes; their data is in data
	source, target *sql.DB
}

// ended is the outcome of a command.
type ended struct {
	code           int
	killed         bool // by SIGKILL
	stdout, stderr string
}

func (e ended) String() string {
	return fmt.Sprintf("exit %d, killed %t\n--- stdout\n%s--- stderr\n%s", e.code, e.killed, e.stdout, e.stderr)
}

// newSite has two empty databases, or for nil none: the embedded ones.
func newSite(t testing.TB, url func(testing.TB) string) *site {
	t.Helper()
	dir := t.TempDir()
	s := &site{Program: program.New(t, "LOG_LEVEL=INFO", "DATA_DIR="+dir+"/data"), dir: dir}
	if url != nil {
		s.source, s.target = s.Databases(url)
	}
	return s
}

// seeded is a site with few rows of demo data.
func seeded(t testing.TB, url func(testing.TB) string) *site {
	t.Helper()
	s := newSite(t, url)
	s.Seed(20, 12)
	return s
}

// start starts the program as a child process.
func (s *site) start(env []string, args ...string) *program.Process {
	s.Helper()
	return program.Start(s, s.dir, append(slices.Clone(s.Environ), env...), args...)
}

// runAs runs a command with further settings.
func (s *site) runAs(env []string, args ...string) (e ended) {
	other := *s.Program
	other.Set(env...)
	e.code, e.stdout, e.stderr = other.Run(args...)
	return e
}

// outcome waits until a process has ended.
func outcome(p *program.Process) ended {
	return ended{p.Wait(), p.EndedBy() == syscall.SIGKILL, p.Stdout.String(), p.Stderr.String()}
}

// must runs a command, which must end with the given exit code.
func (s *site) must(code int, args ...string) ended {
	s.Helper()
	e := s.runAs(nil, args...)
	if e.code != code {
		s.Fatalf("%v: exit %d expected, %s", args, code, e)
	}
	return e
}

// jsonOutcome is the last line of sync --json.
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

// syncJSON runs sync --json and parses its last line.
func (s *site) syncJSON(code int, args ...string) (o jsonOutcome) {
	s.Helper()
	e := s.must(code, append([]string{"sync", "--json"}, args...)...)
	lines := strings.Split(strings.TrimSpace(e.stdout), "\n")
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

// until waits for a condition.
func (s *site) until(what string, holds func() bool, details ...fmt.Stringer) {
	s.Helper()
	kit.Eventually(s, what, holds, details...)
}

// runs counts the runs in a state.
func (s *site) runs(state string) int64 {
	s.Helper()
	return s.number(s.target, "SELECT count(*) FROM lifecycle_sync_runs WHERE state = '"+state+"'")
}

// mirror reads all mirrored rows, the quarantine and the change log, as text.
func (s *site) mirror() (all []string) {
	s.Helper()
	tables := []string{"lifecycle_sync_quarantine", "lifecycle_sync_changes"}
	for _, t := range models.Tables() {
		tables = append(tables, t.Mirror)
	}
	for _, table := range tables {
		first := len(all)
		rows, err := s.target.QueryContext(s.Context(), "SELECT * FROM "+table)
		if err != nil {
			all = append(all, table+" is missing") // killed before the migration
			continue
		}
		columns, _ := rows.Columns()
		values, dest := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			dest[i] = &values[i]
		}
		for rows.Next() {
			if err := rows.Scan(dest...); err != nil {
				s.Fatal(err)
			}
			all = append(all, table+fmt.Sprintf("%v", values))
		}
		_ = rows.Close() //nolint:sqlclosecheck // read to the end; a deferred call would wait for the last table
		slices.Sort(all[first:])
	}
	return all
}

// lockedTable is read by every run.
const lockedTable = "LOCK TABLE tbl_stage_histori IN ACCESS EXCLUSIVE MODE"

// blocked starts a run that waits for a table of the source until release is called.
func (s *site) blocked(args ...string) (run *program.Process, release func()) {
	s.Helper()
	release, awaited := kit.Lock(s, s.source, lockedTable)
	run = s.start(nil, args...)
	s.until("the run waits for the locked table", awaited, run)
	return run, release
}

// syncWhenFree makes a run once the database server has noticed that a killed process is gone, which takes up to a second.
func (s *site) syncWhenFree() {
	s.Helper()
	s.until("the mirror is free", func() bool {
		e := s.runAs(nil, "sync")
		if e.code != 0 && e.code != 4 {
			s.Fatalf("sync: %s", e)
		}
		return e.code == 0
	})
}

// server is the program as a serving child process.
type server struct {
	*program.Process

	t testing.TB
}

// serve starts a server and waits until it serves.
func (s *site) serve(env ...string) *server {
	s.Helper()
	v := &server{s.start(append(env, "PORT=0"), "serve"), s}
	v.Says("Serving http://")
	return v
}

// send sends a request to the API and returns the response's status.
func (v *server) send(method, path string, body io.Reader, headers ...string) (int, error) {
	return kit.Status(method, "http://"+v.Address()+"/api/product-lifecycle"+path, body, headers...)
}

// get returns the body of a response.
func (v *server) get(path string) string {
	v.t.Helper()
	request, err := kit.NewRequest(http.MethodGet, "http://"+v.Address()+path, nil)
	if err != nil {
		v.t.Fatal(err)
	}
	_, body, err := kit.Send(request) //nolint:bodyclose // Send has closed it
	if err != nil {
		v.t.Fatal(err)
	}
	return string(body)
}

// end interrupts the server, which must then end with 0.
func (v *server) end() {
	v.t.Helper()
	if code := v.End(os.Interrupt); code != 0 {
		v.t.Errorf("the server ended with %s", v)
	}
}
