package mirror_test

import (
	"context"
	"database/sql"
	"net/url"
	"os"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"       // the driver "pgx"
	_ "github.com/ncruces/go-sqlite3/driver" // the driver "sqlite3"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/database/databasetest"
	"lifecycle-sync/repositories/lifecycle"
	"lifecycle-sync/repositories/pmo"
	"lifecycle-sync/services/mirror"
	"lifecycle-sync/web/messages"
)

// rendered returns an error's message, problems and remedy in English.
func rendered(err error) string { return messages.New().Printer(messages.English, time.UTC).Error(err) }

// lab is one test's lifecycle_db and pmo_db with an engine between them. source and target are the
// connections of other people, who know nothing of the engine.
type lab struct {
	testing.TB
	kind                 database.Kind
	mode                 string // of the runs that it makes; "" is full
	settles              bool   // each run waits until what was written before passes for old
	tables               []*models.Table
	source, target       *sql.DB
	sourceURL, targetURL string
	lifecycle            *lifecycle.Source
	store                *pmo.Store
	engine               *mirror.Engine
	held                 map[string]content // the source as the last run saw it, where a test keeps it
}

// each runs fn on both database systems, and on PostgreSQL with incremental runs as well, with a lab of its
// own, in parallel.
func each(t *testing.T, fn func(l *lab)) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		fn(newLab(t, url))
	})
	t.Run("incremental", func(t *testing.T) {
		t.Parallel()
		l := newLab(t, databasetest.Postgres)
		l.mode, l.settles = models.IncrementalRun, true
		fn(l)
	})
}

// onPostgres runs fn on PostgreSQL only: it is about something that SQLite does not have.
func onPostgres(t *testing.T, fn func(l *lab)) {
	t.Parallel()
	fn(newLab(t, databasetest.Postgres))
}

// newLab makes both databases, empty but for their tables.
func newLab(t testing.TB, url func(testing.TB) string) *lab {
	t.Helper()
	l := bareLab(t, url(t), url(t))
	l.createSource()
	l.migrate()
	return l
}

// bareLab makes a lab of two databases that hold nothing yet.
func bareLab(t testing.TB, sourceURL, targetURL string) *lab {
	t.Helper()
	l := &lab{TB: t, tables: models.Tables(), sourceURL: sourceURL, targetURL: targetURL}
	l.kind, _ = database.KindOf(sourceURL)
	l.source, l.target = open(t, sourceURL), open(t, targetURL)
	l.wire()
	return l
}

// wire makes the engine for l.tables.
func (l *lab) wire() {
	l.Helper()
	l.lifecycle = lifecycle.New(pool(l, l.sourceURL, "lifecycle_db"))
	l.store = pmo.New(pool(l, l.targetURL, "pmo_db"), l.tables)
	l.engine = mirror.New(l.lifecycle, l.store, l.tables, 90*24*time.Hour, clock)
}

func clock() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

func pool(t testing.TB, url, name string) *database.DB {
	t.Helper()
	db, err := database.Open(url, database.Options{Name: name, MaxConns: 4, ConnectTimeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// open connects as other people do, with PostgreSQL's times in UTC.
func open(t testing.TB, raw string) *sql.DB {
	t.Helper()
	driver, dsn := "sqlite3", raw+"?_pragma=busy_timeout(10000)&_pragma=journal_mode(wal)&_pragma=foreign_keys(off)"
	if kind, _ := database.KindOf(raw); kind == database.Postgres {
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal("the test server's URL is none")
		}
		query := u.Query()
		query.Set("timezone", "UTC")
		query.Set("client_encoding", "UTF8")
		u.RawQuery = query.Encode()
		driver, dsn = "pgx", u.String()
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func (l *lab) createSource() {
	l.Helper()
	schema, err := os.ReadFile("testdata/source_" + string(l.kind) + ".sql")
	if err != nil {
		l.Fatal(err)
	}
	l.change(string(schema))
}

func (l *lab) migrate() {
	l.Helper()
	if _, err := l.store.Migrate(l.Context()); err != nil {
		l.Fatal(err)
	}
}

// change runs a statement in lifecycle_db.
func (l *lab) change(statement string, args ...any) {
	l.Helper()
	exec(l, l.source, statement, args...)
}

// edit runs a statement in pmo_db, as a person does by hand.
func (l *lab) edit(statement string, args ...any) {
	l.Helper()
	exec(l, l.target, statement, args...)
}

func exec(t testing.TB, db *sql.DB, statement string, args ...any) {
	t.Helper()
	if _, err := db.ExecContext(context.WithoutCancel(t.Context()), statement, args...); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// count runs a query that yields one number in pmo_db.
func (l *lab) count(query string, args ...any) (n int64) {
	l.Helper()
	if err := l.target.QueryRowContext(l.Context(), query, args...).Scan(&n); err != nil {
		l.Fatalf("%s: %v", query, err)
	}
	return n
}

// on picks what belongs to the lab's database system.
func on[T any](l *lab, postgres, sqlite T) T {
	if l.kind == database.Postgres {
		return postgres
	}
	return sqlite
}
