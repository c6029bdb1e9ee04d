package database

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/pressly/goose/v3"
	"gorm.io/gorm"

	"lifecycle-sync/models"
)

type sqliteDialect struct{}

// Kind is SQLite.
func (sqliteDialect) Kind() Kind { return SQLite }

// Features are those of a file with one writer.
func (sqliteDialect) Features() Features { return Features{SingleWriter: true} }

// DocumentType is text: a json column would turn the document 1 into a number.
func (sqliteDialect) DocumentType() string { return "text" }

// MigrationDialect is goose's SQLite.
func (sqliteDialect) MigrationDialect() goose.Dialect { return goose.DialectSQLite3 }

// Cell canonicalises what SQLite lets stand in many forms. A value that has none reads as it is: it
// does not fit, and goes into quarantine with its text.
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

// Clock is this machine's time, to the millisecond, in the form of sqliteTimestamp.
func (sqliteDialect) Clock(seconds int) string {
	return fmt.Sprintf("strftime('%%Y-%%m-%%dT%%H:%%M:%%f000Z', 'now', '%+d seconds')", seconds)
}

// Fits also holds each value to its column's type, because SQLite does not.
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

// Hash hashes the values with their types.
func (d sqliteDialect) Hash(alias string, t *models.Table, _ Hashing) string {
	values := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		values[i] = alias + "." + c.Name
	}
	return "row_hash(" + strings.Join(values, ", ") + ")"
}

// Sortable is the canonical text: a column may hold a time in several forms.
func (d sqliteDialect) Sortable(expr string, c models.Column) string {
	return "CASE WHEN " + d.Fits(expr, c) + " THEN " + d.Cell(expr, c) + " END"
}

// Null needs no type.
func (sqliteDialect) Null(models.Column) string { return "NULL" }

// Ranged lists the ranges in one condition.
func (sqliteDialect) Ranged(ranges []Range, id string, query func(condition string) string) (string, []any) {
	return query(within(ranges, id)), nil
}

// AnyOf lists the ids.
func (sqliteDialect) AnyOf(column string, ids []int64) (string, []any) {
	list := make([]string, len(ids))
	for i, id := range ids {
		list[i] = strconv.FormatInt(id, 10)
	}
	return column + " IN (" + strings.Join(list, ", ") + ")", nil
}

// Bucket counts the bounds.
func (sqliteDialect) Bucket(value string, bounds []string, _ string) string {
	return fmt.Sprintf("CASE WHEN %s IS NOT NULL THEN (SELECT count(*) FROM (VALUES ('%s')) WHERE column1 <= %[1]s) END",
		value, strings.Join(bounds, "'),('"))
}

// KeyShareLock is empty: a writer is alone.
func (sqliteDialect) KeyShareLock() string { return "" }

// UpdateLock is empty: a writer is alone.
func (sqliteDialect) UpdateLock() string { return "" }

// Unmerged adds a LIMIT: a merged subquery would compute a column again wherever it is named.
func (sqliteDialect) Unmerged(query *gorm.DB) *gorm.DB { return query.Limit(math.MaxInt) }

// TableExists reads the catalogue.
func (sqliteDialect) TableExists(table string) string {
	return "SELECT count(*) > 0 FROM sqlite_schema WHERE name = '" + table + "'"
}

// ColumnExists reads the catalogue.
func (sqliteDialect) ColumnExists(table, column string) string {
	return "SELECT count(*) > 0 FROM pragma_table_info('" + table + "') WHERE name = '" + column + "'"
}

// DateLiteral is text.
func (sqliteDialect) DateLiteral(d models.Date) string { return "'" + d.String() + "'" }

// DaysBetween subtracts Julian days.
func (sqliteDialect) DaysBetween(from, to string) string {
	return "CAST(julianday(" + to + ") - julianday(" + from + ") AS integer)"
}

// EpochSecond cuts off the fraction of the canonical text.
func (sqliteDialect) EpochSecond(expr string) string { return "unixepoch(substr(" + expr + ", 1, 19))" }

// SecondsSince uses this machine's clock.
func (sqliteDialect) SecondsSince(expr string) string {
	return "unixepoch('now', 'subsec') - unixepoch(" + expr + ", 'subsec')"
}
