package mirror_test

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/databases"
	"lifecycle-sync/test/kit/testdb"
)

// fixture is a pair of databases with an engine.
type fixture struct {
	*databases.Pair
	kind       database.Kind
	mode       string             // of its runs; "" is full
	settles    bool               // runs wait until earlier writes no longer count as new
	lastSource map[string]content // the source as the last run saw it, if a test needs it
}

// unmigrated runs fn in parallel on both database systems, with an empty pmo_db.
func unmigrated(t *testing.T, fn func(l *fixture)) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		fn(newFixture(t, url(t), url(t)))
	})
}

// both runs fn in parallel on both database systems.
func both(t *testing.T, fn func(l *fixture)) {
	unmigrated(t, func(l *fixture) {
		l.Migrate()
		fn(l)
	})
}

// each is like both, and also makes incremental runs on PostgreSQL.
func each(t *testing.T, fn func(l *fixture)) {
	both(t, fn)
	t.Run("incremental", func(t *testing.T) {
		onPostgres(t, func(l *fixture) {
			l.mode, l.settles = models.IncrementalRun, true
			fn(l)
		})
	})
}

// onPostgres runs fn on PostgreSQL only.
func onPostgres(t *testing.T, fn func(l *fixture)) {
	t.Parallel()
	l := newFixture(t, testdb.Postgres(t), testdb.Postgres(t))
	l.Migrate()
	fn(l)
}

// newFixture returns a fixture with empty tables in lifecycle_db.
func newFixture(t testing.TB, sourceURL, targetURL string) *fixture {
	t.Helper()
	l := &fixture{Pair: databases.At(t, sourceURL, targetURL)}
	l.kind = l.SourceDB.Kind()
	l.CreateSource()
	return l
}

// change runs a statement in lifecycle_db.
func (l *fixture) change(statement string, args ...any) {
	l.Helper()
	kit.Exec(l, l.Source, statement, args...)
}

// edit runs a statement in pmo_db, like a manual edit.
func (l *fixture) edit(statement string, args ...any) {
	l.Helper()
	kit.Exec(l, l.Target, statement, args...)
}

// count runs a query in pmo_db that returns one number.
func (l *fixture) count(query string, args ...any) int64 {
	l.Helper()
	return kit.One[int64](l, l.Target, query, args...)
}

// text runs a query in pmo_db that returns one text.
func (l *fixture) text(query string) string {
	l.Helper()
	return kit.One[string](l, l.Target, query)
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
	l.scan(l.Target, query, args, func(rows *sql.Rows) error {
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
	rows := on(l, "generate_series(%d, %d) g", "(WITH RECURSIVE n(g) AS (SELECT %d UNION ALL SELECT g + 1 FROM n WHERE g < %d) SELECT g FROM n)")
	l.change(fmt.Sprintf("INSERT INTO %s (%s) %s SELECT %s FROM "+rows, t.Source, strings.Join(t.ColumnNames(), ", "), on(l, "OVERRIDING SYSTEM VALUE", ""),
		strings.Join(values, ", "), lo, hi))
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

// small fills every table with a few rows: 3 each, 40 products (1 to 40) and 60 histories (101 to
// 160), whose references are 1 + id % 3.
func (l *fixture) small() {
	l.Helper()
	for i, rows := range []int{parentRows, parentRows, parentRows, 40} {
		l.fill(l.Tables[i], 1, rows)
	}
	l.fill(l.Tables[4], 101, 160)
}

// TestMain fails if a goroutine is left running.
func TestMain(m *testing.M) { goleak.VerifyTestMain(testdb.Recycle(m)) }
