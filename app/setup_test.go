package app_test

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"lifecycle-sync/models"
	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/program"
	"lifecycle-sync/test/kit/testdb"
)

func TestMain(m *testing.M) { program.Main(m) }

// site is the program with two databases.
type site struct {
	*program.Program

	source, target *sql.DB
}

// ended is the outcome of a command.
type ended struct {
	code           int
	stdout, stderr string
}

func (e ended) String() string {
	return fmt.Sprintf("exit %d\n--- stdout\n%s--- stderr\n%s", e.code, e.stdout, e.stderr)
}

// newSite has two empty databases, or for nil none: the embedded ones.
func newSite(t testing.TB, url func(testing.TB) string) *site {
	t.Helper()
	s := &site{Program: program.New(t, "LOG_LEVEL=INFO")}
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

// eachSeeded runs a test with seeded on each database system.
func eachSeeded(t *testing.T, fn func(t *testing.T, s *site)) {
	t.Helper()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		fn(t, seeded(t, url))
	})
}

// runAs runs a command with further settings.
func (s *site) runAs(env []string, args ...string) (e ended) {
	other := *s.Program
	other.Set(env...)
	e.code, e.stdout, e.stderr = other.Run(args...)
	return e
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
	Run    *int64
	Mode   string
	State  models.RunState
	Digest *string
	Tables []models.TableCount
	Error  *struct {
		Class           models.Class
		Message, Remedy string
	}
}

// syncJSON runs sync --json and parses the last line on standard output; a dry run prints its changes before.
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
