package mirror_test

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/test/kit"
)

// The oracle computes in Go what the mirror must hold, from plain SELECTs on both databases. It shares only the table
// descriptions with the engine.

// cell is a value as its database prints it, on SQLite with its storage class.
type cell struct {
	class string
	text  []byte // nil for NULL
}

// content is a table's rows by id and column.
type content map[int64]map[string]cell

// read reads a whole table.
func (l *fixture) read(side side, t *models.Table) content {
	l.Helper()
	db, name := l.Source, t.Source
	if side == mirrored {
		db, name = l.Target, t.Mirror
	}
	var columns []string
	for _, c := range t.Columns {
		value := c.Name
		if c.Kind == models.KindTimestamp {
			value = "(" + c.Name + " AT TIME ZONE 'UTC')"
		}
		columns = append(columns, on(l, "'text', "+value+"::text", "typeof("+c.Name+"), CAST("+c.Name+" AS BLOB)"))
	}
	out := content{}
	l.scan(db, "SELECT id, "+strings.Join(columns, ", ")+" FROM "+name, nil, func(rows *sql.Rows) error {
		var id int64
		dest, cells := []any{&id}, make([]cell, len(t.Columns))
		for i := range cells {
			dest = append(dest, &cells[i].class, &cells[i].text)
		}
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		out[id] = map[string]cell{}
		for i, c := range t.Columns {
			if cells[i].class == "null" {
				cells[i].text = nil
			} else if cells[i].class == "blob" || cells[i].class == "text" && cells[i].text == nil && l.kind == database.SQLite {
				cells[i].text = append([]byte{}, cells[i].text...)
			}
			out[id][c.Name] = cells[i]
		}
		return nil
	})
	return out
}

// side is one of the two databases.
type side int

const (
	original side = iota
	mirrored
)

// judgement lists for every table the rows that fit, and why the others do not.
type judgement struct {
	fit    map[string]content
	unfit  map[string]map[int64]string
	source map[string]content
}

// judge reads the source and computes what the mirror must hold.
func (l *fixture) judge() judgement {
	l.Helper()
	j := judgement{map[string]content{}, map[string]map[int64]string{}, map[string]content{}}
	present := map[string]*models.Table{}
	for _, t := range l.Tables {
		if l.has(t.Source) {
			present[t.Source] = t
		}
	}
	for _, t := range l.Tables {
		if present[t.Source] == nil {
			continue
		}
		rows := l.read(original, t)
		j.source[t.Name], j.fit[t.Name], j.unfit[t.Name] = rows, content{}, map[int64]string{}
		for id, row := range rows {
			if reason := l.unfitness(t, row, present, j); reason != "" {
				j.unfit[t.Name][id] = reason
			} else {
				j.fit[t.Name][id] = row
			}
		}
	}
	return j
}

func (l *fixture) has(table string) bool {
	l.Helper()
	query := on(l, "SELECT count(to_regclass($1))", "SELECT count(*) FROM sqlite_schema WHERE name = ?")
	return kit.One[int](l, l.Source, query, table) > 0
}

// unfitness returns why a row cannot be mirrored: a value or a reference. "" means that it can.
func (l *fixture) unfitness(t *models.Table, row map[string]cell, present map[string]*models.Table, j judgement) string {
	for _, c := range t.Columns {
		if v := row[c.Name]; v.text != nil && !fits(l.kind, c, v) {
			return "unfit_value(" + c.Name + ")"
		}
	}
	for _, c := range t.Columns {
		parent := present[c.References]
		if parent == nil || row[c.Name].text == nil {
			continue
		}
		var id int64
		if _, err := fmt.Sscan(string(row[c.Name].text), &id); err != nil {
			l.Fatal(err)
		}
		if _, there := j.source[parent.Name][id]; !there {
			return "dangling_reference(" + c.Name + ")"
		}
		if _, mirrored := j.fit[parent.Name][id]; !mirrored {
			return "parent_quarantined(" + c.Name + ")"
		}
	}
	return ""
}

// same reports whether two cells have the same value: byte by byte, except that SQLite writes an instant in several
// ways.
func same(kind database.Kind, c models.Column, a, b cell) bool {
	if kind == database.SQLite && a.text != nil && b.text != nil {
		if c.Kind == models.KindTimestamp || c.Kind == models.KindDate {
			left, okLeft := instant(c, string(a.text))
			right, okRight := instant(c, string(b.text))
			return okLeft && okRight && left.Equal(right)
		}
	}
	return a.class == b.class && (a.text == nil) == (b.text == nil) && bytes.Equal(a.text, b.text)
}

// differing lists the columns in which two rows differ.
func differing(kind database.Kind, t *models.Table, a, b map[string]cell) (columns []string) {
	for _, c := range t.Columns {
		if !same(kind, c, a[c.Name], b[c.Name]) {
			columns = append(columns, c.Name)
		}
	}
	return columns
}

// equal fails unless the mirror and the quarantine match the oracle.
func (l *fixture) equal() {
	l.Helper()
	j := l.judge()
	for _, t := range l.Tables {
		got, want := l.read(mirrored, t), j.fit[t.Name]
		for _, id := range slices.Sorted(maps.Keys(want)) {
			if got[id] == nil {
				l.Errorf("%s %d is missing in the mirror", t.Source, id)
			} else if columns := differing(l.kind, t, want[id], got[id]); columns != nil {
				l.Errorf("%s %d differs in %v: source %q, mirror %q", t.Source, id, columns, want[id][columns[0]].text, got[id][columns[0]].text)
			}
		}
		for _, id := range slices.Sorted(maps.Keys(got)) {
			if want[id] == nil {
				l.Errorf("%s %d is in the mirror and should not be: %s", t.Mirror, id, j.unfit[t.Name][id])
			}
		}
		if got, want := l.quarantine(t), j.unfit[t.Name]; !maps.Equal(got, want) {
			l.Errorf("the quarantine of %s is %v, must be %v", t.Source, got, want)
		}
	}
	if l.Failed() {
		l.FailNow()
	}
}

// quarantine returns a table's quarantine reasons by id.
func (l *fixture) quarantine(t *models.Table) map[int64]string {
	l.Helper()
	return pairs[int64, string](l, "SELECT row_id, reason_code || '(' || reason_column || ')' FROM lifecycle_sync_quarantine WHERE table_name = "+on(l, "$1", "?"), t.Name)
}

// fits reports whether a value can be mirrored.
func fits(kind database.Kind, c models.Column, v cell) bool {
	switch c.Kind {
	case models.KindInt:
		return kind == database.Postgres || v.class == "integer"
	case models.KindText:
		return utf8.Valid(v.text) && (v.class == "text")
	case models.KindJSON:
		return v.class == "text" && (kind == database.Postgres || document(v.text))
	default:
		_, ok := instant(c, string(v.text))
		return ok && v.class == "text"
	}
}

// layouts are the formats in which the tests write times.
var layouts = []string{
	"2006-01-02 15:04:05.999999-07:00",
	"2006-01-02T15:04:05.999999Z07:00",
	"2006-01-02 15:04:05.999999",
	time.DateOnly,
}

// instant parses a timestamp or date that RFC 3339 can express.
func instant(c models.Column, text string) (time.Time, bool) {
	if c.Kind == models.KindDate {
		t, err := time.Parse(time.DateOnly, text)
		return t, err == nil && t.Year() >= 1
	}
	for _, layout := range layouts {
		if t, err := time.Parse(layout, text); err == nil && t.Nanosecond()%1000 == 0 {
			return t, t.UTC().Year() >= 1 && t.UTC().Year() <= 9999
		}
	}
	return time.Time{}, false
}

// document reports whether text is a JSON document.
func document(text []byte) bool { return json.Valid(text) && utf8.Valid(text) }
