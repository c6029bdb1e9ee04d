package browser_test

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"

	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/program"
	"lifecycle-sync/test/kit/testdb"
)

// withTokens are settings with which people must sign in.
var withTokens = []string{"AUTH_JWT_SECRET=" + strings.Repeat("rahasia ", 6)}

// site is the running program, synchronized once, and its two databases.
type site struct {
	*program.Program

	source, target *sql.DB
}

// demoSite is the program as it is after go run . in a new folder: embedded databases with 211 products. env are further
// settings, as "NAME=value".
func demoSite(t testing.TB, env ...string) *site {
	t.Helper()
	dir := t.TempDir()
	s := &site{Program: program.New(t, append(env, "DATA_DIR="+dir)...)}
	s.Start()
	s.source, s.target = testdb.Open(t, "file:"+filepath.Join(dir, "lifecycle.db")), testdb.Open(t, "file:"+filepath.Join(dir, "pmo.db"))
	return s
}

// postgresSite is the program on two databases of PostgreSQL, with 20 products and 12 stage records.
func postgresSite(t testing.TB, env ...string) *site {
	t.Helper()
	s := &site{Program: program.New(t, env...)}
	s.source, s.target = s.Databases(testdb.Postgres)
	s.Seed(20, 12)
	s.Start()
	return s
}

func (s *site) exec(db *sql.DB, statement string, args ...any) {
	s.Helper()
	kit.Exec(s, db, statement, args...)
}
