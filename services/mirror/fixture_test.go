package mirror_test

import (
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"       // the driver "pgx"
	_ "github.com/ncruces/go-sqlite3/driver" // the driver "sqlite3"
	"go.uber.org/goleak"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/lifecycle"
	"lifecycle-sync/repositories/pmo"
	"lifecycle-sync/services/mirror"
	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/databases"
	"lifecycle-sync/test/kit/testdb"
	"lifecycle-sync/web/messages"
)

// rendered returns an error's message, problems and remedy in English.
func rendered(err error) string { return messages.New().Printer(messages.English, time.UTC).Error(err) }

// fixture is a test's lifecycle_db and pmo_db with an engine. source and target are connections that bypass it.
type fixture struct {
	testing.TB
	kind                 database.Kind
	mode                 string // of its runs; "" is full
	settles              bool   // runs wait until earlier writes no longer count as new
	tables               []*models.Table
	source, target       *sql.DB
	sourceURL, targetURL string
	lifecycle            *lifecycle.Source
	store                *pmo.Store
	engine               *mirror.Engine
	lastSource           map[string]content // the source as the last run saw it, if a test needs it
}

// both runs fn in parallel on both database systems.
func both(t *testing.T, fn func(l *fixture)) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		fn(newFixture(t, url))
	})
}

// each is like both, and also makes incremental runs on PostgreSQL.
func each(t *testing.T, fn func(l *fixture)) {
	both(t, fn)
	t.Run("incremental", func(t *testing.T) {
		t.Parallel()
		l := newFixture(t, testdb.Postgres)
		l.mode, l.settles = models.IncrementalRun, true
		fn(l)
	})
}

// onPostgres runs fn on PostgreSQL only.
func onPostgres(t *testing.T, fn func(l *fixture)) {
	t.Parallel()
	fn(newFixture(t, testdb.Postgres))
}

// newFixture creates both databases with empty tables.
func newFixture(t testing.TB, url func(testing.TB) string) *fixture {
	t.Helper()
	l := bareFixture(t, url(t), url(t))
	l.createSource()
	l.migrate()
	return l
}

// bareFixture returns a fixture of two empty databases.
func bareFixture(t testing.TB, sourceURL, targetURL string) *fixture {
	t.Helper()
	l := &fixture{TB: t, tables: models.Tables(), sourceURL: sourceURL, targetURL: targetURL}
	l.kind, _ = database.KindOf(sourceURL)
	l.source, l.target = open(t, sourceURL), open(t, targetURL)
	l.connect()
	return l
}

// connect creates the engine for l.tables.
func (l *fixture) connect() {
	l.Helper()
	l.lifecycle = lifecycle.New(databases.Open(l, l.sourceURL, "lifecycle_db"))
	l.store = pmo.New(databases.Open(l, l.targetURL, "pmo_db"), l.tables)
	l.engine = mirror.New(l.lifecycle, l.store, l.tables, 90*24*time.Hour, kit.Now)
}

// open opens a connection that bypasses the program, with PostgreSQL's times in UTC.
func open(t testing.TB, raw string) *sql.DB {
	t.Helper()
	driver, dsn := "sqlite3", raw+"?_pragma=busy_timeout(10000)&_pragma=journal_mode(wal)&_pragma=foreign_keys(off)"
	if kind, _ := database.KindOf(raw); kind == database.Postgres {
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal("the test server's URL is invalid")
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

func (l *fixture) createSource() {
	l.Helper()
	schema, err := os.ReadFile("testdata/source_" + string(l.kind) + ".sql")
	if err != nil {
		l.Fatal(err)
	}
	l.change(string(schema))
}

func (l *fixture) migrate() {
	l.Helper()
	if _, err := l.store.Migrate(l.Context()); err != nil {
		l.Fatal(err)
	}
}

// change runs a statement in lifecycle_db.
func (l *fixture) change(statement string, args ...any) {
	l.Helper()
	kit.Exec(l, l.source, statement, args...)
}

// edit runs a statement in pmo_db, like a manual edit.
func (l *fixture) edit(statement string, args ...any) {
	l.Helper()
	kit.Exec(l, l.target, statement, args...)
}

// count runs a query in pmo_db that returns one number.
func (l *fixture) count(query string, args ...any) int64 {
	l.Helper()
	return kit.One[int64](l, l.target, query, args...)
}

// text runs a query in pmo_db that returns one text.
func (l *fixture) text(query string) string {
	l.Helper()
	return kit.One[string](l, l.target, query)
}

// scan runs a query and calls each for its rows.
func (l *fixture) scan(db *sql.DB, query string, args []any, each func(rows *sql.Rows) error) {
	l.Helper()
	rows, err := db.QueryContext(l.Context(), query, args...)
	if err != nil {
		l.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := each(rows); err != nil {
			l.Fatal(err)
		}
	}
	if err := rows.Err(); err != nil {
		l.Fatal(err)
	}
}

// pairs runs a query in pmo_db that returns a key and a value per row.
func pairs[K comparable, V any](l *fixture, query string, args ...any) map[K]V {
	l.Helper()
	out := map[K]V{}
	l.scan(l.target, query, args, func(rows *sql.Rows) error {
		var key K
		var value V
		err := rows.Scan(&key, &value)
		out[key] = value
		return err
	})
	return out
}

// on selects by the fixture's database system.
func on[T any](l *fixture, postgres, sqlite T) T {
	if l.kind == database.Postgres {
		return postgres
	}
	return sqlite
}

// parentRows is the number of rows in each table that the table under test refers to.
const parentRows = 3

// fill inserts rows with the ids lo to hi into a table of lifecycle_db. References point to the first parentRows.
func (l *fixture) fill(t *models.Table, lo, hi int) {
	l.Helper()
	values := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		values[i] = l.value(c)
	}
	values[0] = "g"
	l.change(fmt.Sprintf("INSERT INTO %s (%s) %s %s", t.Source, strings.Join(t.ColumnNames(), ", "), on(l, "OVERRIDING SYSTEM VALUE", ""),
		l.series(lo, hi, "SELECT "+strings.Join(values, ", "))))
}

// series runs a SELECT for every g from lo to hi.
func (l *fixture) series(lo, hi int, sel string) string {
	if l.kind == database.Postgres {
		return fmt.Sprintf("%s FROM generate_series(%d, %d) g", sel, lo, hi)
	}
	return fmt.Sprintf("WITH RECURSIVE n(g) AS (SELECT %d UNION ALL SELECT g + 1 FROM n WHERE g < %d) %s FROM n", lo, hi, sel)
}

// value returns an SQL expression of g.
func (l *fixture) value(c models.Column) string {
	switch {
	case c.References != "":
		return fmt.Sprintf("1 + g %% %d", parentRows)
	case c.Type == "bigint":
		return "g * 4294967296"
	case c.Kind == models.KindInt:
		return "g"
	case c.Kind == models.KindTimestamp:
		return on(l, "'2024-01-01 07:00:00+07'::timestamptz + g * '1.000001 s'::interval", "strftime('%Y-%m-%d %H:%M:%S', '2024-01-01', g || ' seconds') || '.000001'")
	case c.Kind == models.KindDate:
		return on(l, "'2024-01-01'::date + g % 366", "date('2024-01-01', (g % 366) || ' days')")
	case c.Kind == models.KindJSON:
		return on(l, `format('{"n": %s.10, "s": "\\"}', g)::jsonb`, `'{"n": ' || g || '.10, "s": "\\"}'`)
	default:
		return on(l, `E'nilai\t\\ \n' || g`, "'nilai' || char(9) || '\\ ' || char(10) || g")
	}
}

// other returns an SQL expression that differs as little as possible from value.
func (l *fixture) other(c models.Column) string {
	switch {
	case c.References != "":
		return fmt.Sprintf("1 + %s %% %d", c.Name, parentRows)
	case c.Kind == models.KindInt:
		return c.Name + " + 1"
	case c.Kind == models.KindTimestamp:
		return on(l, c.Name+" + '1 microsecond'", "substr("+c.Name+", 1, 25) || '2'")
	case c.Kind == models.KindDate:
		return on(l, c.Name+" + 1", "date("+c.Name+", '1 day')")
	case c.Kind == models.KindJSON:
		return on(l, "replace("+c.Name+"::text, '.10', '.100')::jsonb", "replace("+c.Name+", '.10', '.100')")
	default:
		return c.Name + " || ' '"
	}
}

// fillParents fills every table that t refers to, directly or not.
func (l *fixture) fillParents(t *models.Table) {
	l.Helper()
	needed := map[string]bool{}
	for _, v := range slices.Backward(l.tables) {
		if candidate := v; candidate == t || needed[candidate.Source] {
			for _, c := range candidate.References() {
				needed[c.References] = true
			}
		}
	}
	for _, candidate := range l.tables {
		if needed[candidate.Source] && candidate != t {
			l.fill(candidate, 1, parentRows)
		}
	}
}

// TestMain fails if a goroutine is left running.
func TestMain(m *testing.M) { goleak.VerifyTestMain(testdb.Recycle(m)) }
