package database

import (
	"fmt"
	"strings"

	"github.com/pressly/goose/v3"
	"gorm.io/gorm"

	"lifecycle-sync/models"
)

type postgresDialect struct{}

// Kind is Postgres.
func (postgresDialect) Kind() Kind { return Postgres }

// Features are everything but a single writer.
func (postgresDialect) Features() Features {
	return Features{
		Server: true, AdvisoryLocks: true, Notifications: true, Replication: true, RowHashes: true, RowVersions: true, Copy: true,
		TypedColumns: true, PlannerSettings: true, ConstraintDDL: true,
	}
}

// DocumentType is json: jsonb would not keep documents as written.
func (postgresDialect) DocumentType() string { return "json" }

// MigrationDialect is goose's PostgreSQL.
func (postgresDialect) MigrationDialect() goose.Dialect { return goose.DialectPostgres }

// Cell is the column itself: its output function's text, in UTC and ISO form, is canonical.
func (postgresDialect) Cell(expr string, _ models.Column) string { return expr }

// Fits is true for the timestamps and dates that RFC 3339 can express. Invalid UTF-8 occurs only in an SQL_ASCII
// database, for which FitsBytes exists.
func (postgresDialect) Fits(expr string, c models.Column) string {
	switch c.Kind {
	case models.KindTimestamp:
		return expr + ` BETWEEN '0001-01-01 00:00:00+00' AND '9999-12-31 23:59:59.999999+00'`
	case models.KindDate:
		return expr + ` BETWEEN '0001-01-01' AND '9999-12-31'`
	default:
		return ""
	}
}

// utf8Pattern matches the byte sequences that are valid UTF-8, in a database whose characters are
// bytes (Unicode 15, table 3-7).
const utf8Pattern = `^(?:[\x01-\x7f]|[\xc2-\xdf][\x80-\xbf]` +
	`|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]` +
	`|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2})*$`

// FitsBytes is the condition under which the text of an SQL_ASCII database is valid UTF-8.
func FitsBytes(expr string) string { return `(` + expr + `)::text COLLATE "C" ~ '` + utf8Pattern + `'` }

// Sortable is the column itself, so that its index can be used.
func (postgresDialect) Sortable(expr string, _ models.Column) string { return expr }

// Null is typed: a UNION takes its types from its first query.
func (postgresDialect) Null(c models.Column) string { return "CAST(NULL AS " + c.Type + ")" }

// Ranged passes many ranges as two arrays.
func (postgresDialect) Ranged(ranges []Range, id string, query func(condition string) string) (string, []any) {
	if len(ranges) == 1 {
		return query(within(ranges, id)), nil
	}
	lo, hi := make([]int32, len(ranges)), make([]int32, len(ranges))
	for i, r := range ranges {
		lo[i], hi[i] = int32(r.Lo), int32(r.Hi)
	}
	return "SELECT x.* FROM unnest($1::int[], $2::int[]) WITH ORDINALITY AS g(lo, hi, n) CROSS JOIN LATERAL (" +
		query(id+" BETWEEN g.lo AND g.hi") + ") x", []any{lo, hi}
}

// AnyOf passes the ids as one array.
func (postgresDialect) AnyOf(column string, ids []int64) (string, []any) {
	return column + " = ANY($1::bigint[])", []any{ids}
}

// Bucket uses width_bucket.
func (postgresDialect) Bucket(value string, bounds []string, columnType string) string {
	return fmt.Sprintf("width_bucket(%s, ARRAY['%s']::%s[])", value, strings.Join(bounds, "','"), columnType)
}

// KeyShareLock allows others to change everything but the key.
func (postgresDialect) KeyShareLock() string { return " FOR KEY SHARE" }

// UpdateLock is FOR UPDATE.
func (postgresDialect) UpdateLock() string { return " FOR UPDATE" }

// Unmerged leaves the decision to the planner.
func (postgresDialect) Unmerged(query *gorm.DB) *gorm.DB { return query }

// TableExists looks along the search_path.
func (postgresDialect) TableExists(table string) string {
	return "SELECT to_regclass('" + table + "') IS NOT NULL"
}

// ColumnExists looks along the search_path.
func (postgresDialect) ColumnExists(table, column string) string {
	return "SELECT EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass('" + table + "') AND attname = '" + column + "' AND NOT attisdropped)"
}

// Clock is the time at which the transaction began.
func (postgresDialect) Clock(seconds int) string {
	return fmt.Sprintf("(now() + interval '%d seconds')", seconds)
}

// DateLiteral is typed, so that dates can be subtracted.
func (postgresDialect) DateLiteral(d models.Date) string { return "DATE '" + d.String() + "'" }

// DaysBetween subtracts dates.
func (postgresDialect) DaysBetween(from, to string) string { return to + " - " + from }

// EpochSecond rounds down.
func (postgresDialect) EpochSecond(expr string) string {
	return "floor(date_part('epoch', " + expr + "))::bigint"
}

// SecondsSince uses the clock as it stands, not the time at which the transaction began.
func (postgresDialect) SecondsSince(expr string) string {
	return "EXTRACT(EPOCH FROM clock_timestamp() - " + expr + ")::double precision"
}
