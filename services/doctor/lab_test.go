package doctor_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"log/slog"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"       // the driver "pgx"
	_ "github.com/ncruces/go-sqlite3/driver" // the driver "sqlite3"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/database/databasetest"
	"lifecycle-sync/repositories/files"
	"lifecycle-sync/repositories/lifecycle"
	"lifecycle-sync/repositories/pmo"
	"lifecycle-sync/services/demo"
	"lifecycle-sync/services/doctor"
	"lifecycle-sync/services/mirror"
)

// lab is a healthy pair of databases, used by roles that can do what they need and no more, and what may
// be changed of what the doctor is told. source and target are an administrator's connections.
type lab struct {
	testing.TB

	home                 testing.TB // for what outlives a subtest
	source, target       *sql.DB
	sourceURL, targetURL string // of the roles
	reader, keeper       string // the roles
	slot                 string // what pmo_db's replication slot is called
	options              doctor.Options
}

const rolePassword = "rahasia"

func newLab(t testing.TB) *lab {
	t.Helper()
	adminSource, adminTarget := databasetest.Postgres(t), databasetest.Postgres(t)
	l := &lab{TB: t, home: t, source: open(t, adminSource), target: open(t, adminTarget)}
	l.reader, l.keeper = l.role(), l.role()
	l.sourceURL, l.targetURL = as(t, adminSource, l.reader), as(t, adminTarget, l.keeper)

	l.fill(adminSource)
	l.inSource("UPDATE tbl_produk SET id_kategori = 1, id_segmen = 1",
		"GRANT SELECT ON ALL TABLES IN SCHEMA public TO "+l.reader, "GRANT INSERT, UPDATE, DELETE ON tbl_produk, tbl_stage_histori TO "+l.reader)
	l.inTarget("CREATE EXTENSION pg_trgm", "GRANT CREATE ON SCHEMA public TO "+l.keeper)
	l.options = options(t)
	l.connect()
	l.sync()
	if _, err := l.options.Store.IndexSearch(t.Context()); err != nil {
		t.Fatal(err)
	}
	var err error
	if l.slot, err = l.options.Store.SlotName(t.Context()); err != nil {
		t.Fatal(err)
	}
	return l
}

func options(t testing.TB) doctor.Options {
	t.Helper()
	return doctor.Options{
		Tables: models.Tables(), Uploads: place(t, "file:"+t.TempDir()), Data: place(t, "file:"+t.TempDir()),
		StaleAfter: time.Hour, CheckTime: 10 * time.Second, Alerts: true, Now: time.Now, Log: slog.New(slog.DiscardHandler),
	}
}

// fill puts invented data into an empty lifecycle_db.
func (l *lab) fill(at string) {
	l.Helper()
	if err := demo.Fill(l.Context(), lifecycle.New(pool(l, at, "lifecycle_db")), 30, 20, nil); err != nil {
		l.Fatal(err)
	}
}

// connect gives the doctor connections by the lab's URLs.
func (l *lab) connect() {
	l.Helper()
	l.options.Source = lifecycle.New(pool(l.home, l.sourceURL, "lifecycle_db"))
	l.options.Store = pmo.New(pool(l.home, l.targetURL, "pmo_db"), l.options.Tables)
}

func (l *lab) sync() {
	l.Helper()
	if _, err := l.options.Store.Migrate(l.Context()); err != nil {
		l.Fatal(err)
	}
	clock := func() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }
	if _, err := mirror.New(l.options.Source, l.options.Store, l.options.Tables, time.Hour, clock).Sync(l.Context(), mirror.Request{}, silent{}); err != nil {
		l.Fatal(err)
	}
}

// silent is a progress that nobody reads.
type silent struct{}

func (silent) Begin(*models.Table, int64)           {}
func (silent) Expect(int64)                         {}
func (silent) Advance(int64)                        {}
func (silent) End(*models.Table, models.TableCount) {}

func place(t testing.TB, at string) files.Files {
	t.Helper()
	opened, err := files.Open(at)
	if err != nil {
		t.Fatal(err)
	}
	return opened
}

func pool(t testing.TB, at, name string) *database.DB {
	t.Helper()
	db, err := database.Open(at, database.Options{Name: name, MaxConns: 4, ConnectTimeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func open(t testing.TB, at string) *sql.DB {
	t.Helper()
	driver := "pgx"
	if strings.HasPrefix(at, "file:") {
		driver = "sqlite3"
	}
	db, err := sql.Open(driver, at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// role makes a role that goes with the test.
func (l *lab) role() string {
	l.Helper()
	name := "test_" + strings.ToLower(rand.Text())
	l.inSource("CREATE ROLE " + name + " LOGIN PASSWORD '" + rolePassword + "'")
	l.Cleanup(func() {
		l.inSource("DROP OWNED BY " + name)
		l.inTarget("DROP OWNED BY " + name)
		l.inSource("DROP ROLE " + name)
	})
	return name
}

// as is a URL for another role.
func as(t testing.TB, at, role string) string {
	t.Helper()
	return changed(t, at, func(u *url.URL) { u.User = url.UserPassword(role, rolePassword) })
}

func changed(t testing.TB, at string, change func(u *url.URL)) string {
	t.Helper()
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal("the test server's URL is none")
	}
	change(u)
	return u.String()
}

// inSource runs statements in lifecycle_db, as an administrator.
func (l *lab) inSource(statements ...string) { l.Helper(); l.exec(l.source, statements) }

// inTarget runs statements in pmo_db, as an administrator.
func (l *lab) inTarget(statements ...string) { l.Helper(); l.exec(l.target, statements) }

func (l *lab) exec(db *sql.DB, statements []string) {
	l.Helper()
	for _, statement := range statements {
		if _, err := db.ExecContext(context.WithoutCancel(l.Context()), statement); err != nil {
			l.Fatalf("%s: %v", statement, err)
		}
	}
}

func (l *lab) examine() []doctor.Finding {
	l.Helper()
	return doctor.New(l.options).Examine(l.Context())
}

// sick are the notes and problems among findings.
func sick(findings []doctor.Finding) []doctor.Finding {
	return slices.DeleteFunc(slices.Clone(findings), func(f doctor.Finding) bool { return f.Status == doctor.OK || f.Status == doctor.Skipped })
}

// healthy fails the test unless nothing is worth saying.
func (l *lab) healthy() {
	l.Helper()
	for _, f := range sick(l.examine()) {
		l.Errorf("in health: %+v", f)
	}
	if l.Failed() {
		l.FailNow()
	}
}

// named are the findings of a check.
func named(findings []doctor.Finding, name string) []doctor.Finding {
	return slices.DeleteFunc(slices.Clone(findings), func(f doctor.Finding) bool { return f.Name != name })
}

var statement = regexp.MustCompile(`(?:[Ii]n (lifecycle_db|pmo_db)[^:]*|As a superuser): (.*)$`)

// follow does what a remedy says in SQL.
func (l *lab) follow(remedy string) {
	l.Helper()
	match := statement.FindStringSubmatch(remedy)
	switch {
	case match == nil:
		l.Fatalf("no statement in %q", remedy)
	case match[1] == "pmo_db":
		l.inTarget(match[2])
	default:
		l.inSource(match[2])
	}
}
