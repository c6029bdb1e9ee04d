package database

import (
	"fmt"
	"math"
	"strings"

	"github.com/pressly/goose/v3"
	"gorm.io/gorm"

	"lifecycle-sync/models"
)

type sqliteDialect struct{}

func (sqliteDialect) Kind() Kind { return SQLite }

func (sqliteDialect) Features() Features {
	return Features{
		SingleWriter:     true,
		DocumentType:     "text", // a json column would turn the document 1 into a number
		MigrationDialect: goose.DialectSQLite3,
	}
}

// Cell is canonical, since SQLite stores times in many forms. A value without a canonical form is returned as it is: it
// does not fit, and is quarantined with its text.
func (sqliteDialect) Cell(expr string, c models.Column) string {
	switch c.Kind {
	case models.KindTimestamp:
		return "coalesce(canonical_timestamp(" + expr + "), CAST(" + expr + " AS TEXT))"
	case models.KindDate:
		return "coalesce(canonical_date(" + expr + "), CAST(" + expr + " AS TEXT))"
	default:
		return "CAST(" + expr + " AS TEXT)"
	}
}

// Clock is this machine's time in milliseconds, in the form of sqliteTimestamp.
func (sqliteDialect) Clock(seconds int) string {
	return fmt.Sprintf("strftime('%%Y-%%m-%%dT%%H:%%M:%%f000Z', 'now', '%+d seconds')", seconds)
}

// Fits also checks the column's type, because SQLite does not.
func (sqliteDialect) Fits(expr string, c models.Column) string {
	condition := ""
	switch c.Kind {
	case models.KindInt:
		condition = "typeof(" + expr + ") = 'integer'"
	case models.KindText:
		condition = "valid_utf8(" + expr + ")"
	case models.KindTimestamp:
		condition = "canonical_timestamp(" + expr + ") IS NOT NULL"
	case models.KindDate:
		condition = "canonical_date(" + expr + ") IS NOT NULL"
	case models.KindJSON:
		condition = "(valid_utf8(" + expr + ") AND json_valid(" + expr + "))"
	}
	return "(" + expr + " IS NULL OR " + condition + ")"
}

func (d sqliteDialect) Hash(alias string, t *models.Table, _ Hashing) string {
	values := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		values[i] = alias + "." + c.Name
	}
	return "row_hash(" + strings.Join(values, ", ") + ")"
}

// Sortable is the canonical text: a column may contain times in several forms.
func (d sqliteDialect) Sortable(expr string, c models.Column) string {
	return "CASE WHEN " + d.Fits(expr, c) + " THEN " + d.Cell(expr, c) + " END"
}

func (sqliteDialect) InRanges(ranges []Range, id string, query func(condition string) string) (string, []any) {
	return query(idCondition(ranges, id)), nil
}

func (sqliteDialect) AnyOf(column string, ids []int64) (string, []any) {
	return column + " IN (" + strings.Trim(strings.ReplaceAll(fmt.Sprint(ids), " ", ", "), "[]") + ")", nil
}

func (sqliteDialect) HistogramBucket(value string, bounds []string, _ string) string {
	return fmt.Sprintf("CASE WHEN %s IS NOT NULL THEN (SELECT count(*) FROM (VALUES ('%s')) WHERE column1 <= %[1]s) END",
		value, strings.Join(bounds, "'),('"))
}

// Unflattened adds a LIMIT: a flattened subquery would compute a column again at each use.
func (sqliteDialect) Unflattened(query *gorm.DB) *gorm.DB { return query.Limit(math.MaxInt) }

func (sqliteDialect) TableExists(table string) string {
	return "SELECT count(*) > 0 FROM sqlite_schema WHERE name = '" + table + "'"
}

func (sqliteDialect) ColumnExists(table, column string) string {
	return "SELECT count(*) > 0 FROM pragma_table_info('" + table + "') WHERE name = '" + column + "'"
}

func (sqliteDialect) DateLiteral(d models.Date) string { return "'" + d.String() + "'" }

func (sqliteDialect) DaysBetween(from, to string) string {
	return "CAST(julianday(" + to + ") - julianday(" + from + ") AS integer)"
}

func (sqliteDialect) EpochSecond(expr string) string { return "unixepoch(substr(" + expr + ", 1, 19))" }

func (sqliteDialect) SecondsSince(expr string) string {
	return "unixepoch('now', 'subsec') - unixepoch(" + expr + ", 'subsec')"
}

func (sqliteDialect) inspect(names []string) (string, any) {
	return inspectSQLite, `["` + strings.Join(names, `","`) + `"]`
}
