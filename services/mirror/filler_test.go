package mirror_test

import (
	"fmt"
	"slices"
	"strings"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
)

// parentRows is how many rows every table has to which the table under test refers.
const parentRows = 3

// fill inserts rows with the ids lo to hi into a table of lifecycle_db, every column with a value of
// its own kind; those of a reference are among the first parentRows.
func (l *lab) fill(t *models.Table, lo, hi int) {
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
func (l *lab) series(lo, hi int, sel string) string {
	if l.kind == database.Postgres {
		return fmt.Sprintf("%s FROM generate_series(%d, %d) g", sel, lo, hi)
	}
	return fmt.Sprintf("WITH RECURSIVE n(g) AS (SELECT %d UNION ALL SELECT g + 1 FROM n WHERE g < %d) %s FROM n", lo, hi, sel)
}

// value is an expression of g.
func (l *lab) value(c models.Column) string {
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

// other is an expression for a value that differs, as little as can be, from the one that fill gave.
func (l *lab) other(c models.Column) string {
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

// fillParents gives every table to which t refers, directly or not, its rows.
func (l *lab) fillParents(t *models.Table) {
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
