package database

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/driver"
	"github.com/ncruces/go-sqlite3/gormlite"
	"github.com/pressly/goose/v3"
	"gorm.io/gorm"

	"lifecycle-sync/models"
)

// sqliteTimestamp is the form of a timestamp in SQLite: always UTC with six digits, so that text order is time order.
const sqliteTimestamp = "2006-01-02T15:04:05.000000Z07:00"

func openSQLite(url string, o Options) (*DB, error) {
	path := sqlitePath(url)
	if err := createFolder(path); err != nil {
		return nil, models.NewError(models.Permission, "database.no_folder", models.Params{"database": o.Name, "path": path}).
			WithRemedy("database.no_folder_remedy", nil).WithCause(err)
	}
	dsn := "file:" + path + "?_timefmt=" + sqliteTimestamp +
		"&_pragma=busy_timeout(5000)&_pragma=journal_mode(wal)&_pragma=foreign_keys(on)&_pragma=synchronous(normal)"
	sqlDB, err := driver.Open(dsn, registerFunctions)
	if err != nil {
		return nil, models.NewError(models.Connection, "database.file_not_opened", models.Params{"database": o.Name, "path": path}).WithCause(err)
	}
	sqlDB.SetMaxOpenConns(o.MaxConns)
	sqlDB.SetMaxIdleConns(o.MaxConns)
	db := &DB{SQL: sqlDB, Dialect: sqliteDialect{}, Name: o.Name, path: path}
	db.limitWait(o)
	return db.start(gormlite.OpenDB(db.gormPool()))
}

// createFolder creates the folder of a database for this user only, and takes existing files from other users. New files get
// the mode that the process's umask allows.
func createFolder(path string) error {
	for _, name := range []string{path, path + "-wal", path + "-shm"} {
		if info, err := os.Stat(name); err == nil && info.Mode().Perm()&0o077 != 0 {
			_ = os.Chmod(name, 0o600) // fails if another user owns it
		}
	}
	return os.MkdirAll(filepath.Dir(path), 0o700)
}

// registerFunctions adds SQL functions: the canonical text of a timestamp or date (NULL if it is invalid), a test for
// UTF-8, and a row hash. SQLite's own lower() knows only ASCII; ours works in any language, as PostgreSQL's does.
func registerFunctions(c *sqlite3.Conn) error {
	const flags = sqlite3.DETERMINISTIC | sqlite3.INNOCUOUS
	return errors.Join(
		c.CreateFunction("canonical_timestamp", 1, flags, func(ctx sqlite3.Context, arg ...sqlite3.Value) {
			if t, ok := readTimestamp(arg[0]); ok {
				ctx.ResultText(t.UTC().Format(sqliteTimestamp))
			}
		}),
		c.CreateFunction("canonical_date", 1, flags, func(ctx sqlite3.Context, arg ...sqlite3.Value) {
			if d, ok := readDate(arg[0]); ok {
				ctx.ResultText(d.String())
			}
		}),
		c.CreateFunction("valid_utf8", 1, flags, func(ctx sqlite3.Context, arg ...sqlite3.Value) {
			ctx.ResultBool(arg[0].Type() == sqlite3.TEXT && utf8.Valid(arg[0].RawText()))
		}),
		c.CreateFunction("lower", 1, flags, func(ctx sqlite3.Context, arg ...sqlite3.Value) {
			if arg[0].Type() != sqlite3.NULL {
				ctx.ResultText(strings.ToLower(arg[0].Text()))
			}
		}),
		c.CreateFunction("row_hash", -1, flags, func(ctx sqlite3.Context, arg ...sqlite3.Value) {
			h := fnv.New64a()
			for _, v := range arg {
				text := v.RawText()
				header := binary.AppendUvarint([]byte{byte(v.Type())}, uint64(len(text)))
				_, _ = h.Write(header)
				_, _ = h.Write(text) // a hash never fails
			}
			ctx.ResultInt64(int64(h.Sum64()))
		}),
	)
}

// readTimestamp parses a date with or without time, zone and up to six digits of a second: what the mirror can store
// unchanged. A number or a time of day is not a timestamp.
func readTimestamp(v sqlite3.Value) (time.Time, bool) {
	text := v.Text()
	if v.Type() != sqlite3.TEXT || len(text) < 10 || text[4] != '-' || text[7] != '-' {
		return time.Time{}, false
	}
	t, err := time.Parse(likelyLayout(text), text)
	if err != nil {
		t, err = sqlite3.TimeFormatAuto.Decode(text)
	}
	return t, err == nil && t.UTC().Year() >= 1 && t.UTC().Year() <= 9999 && t.Nanosecond()%1000 == 0
}

// likelyLayout is the form of most timestamps of a length or with a separator. TimeFormatAuto, which accepts these forms
// and more, is several times slower because it tries one after the other.
func likelyLayout(text string) string {
	switch {
	case len(text) == len(time.DateOnly):
		return time.DateOnly
	case text[len(time.DateOnly)] == ' ':
		return time.DateTime
	default:
		return time.RFC3339
	}
}

// readDate parses a day, alone or with the time 00:00:00.
func readDate(v sqlite3.Value) (models.Date, bool) {
	t, ok := readTimestamp(v)
	if !ok || t.Format("15:04:05.999999") != "00:00:00" {
		return models.Date{}, false
	}
	d, err := models.ParseDate(v.Text()[:10])
	return d, err == nil && d.Time().Year() > 0
}

// begin takes SQLite's one write lock at once for a writer. A reader's snapshot begins with its first read, which is here.
func (sqliteDialect) begin(ctx context.Context, c *Conn, mode TxMode) error {
	if mode == Write {
		_, err := c.raw.ExecContext(ctx, "BEGIN IMMEDIATE")
		return err
	}
	if _, err := c.raw.ExecContext(ctx, "BEGIN"); err != nil {
		return err
	}
	_, err := c.raw.ExecContext(ctx, "SELECT count(*) FROM sqlite_schema")
	return err
}

func (sqliteDialect) streamRows(ctx context.Context, c *Conn, query string, args []any, yield func([][]byte) bool) error {
	rows, err := c.raw.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return err
	}
	raw, cells, dest := make([]sql.RawBytes, len(names)), make([][]byte, len(names)), make([]any, len(names))
	for i := range raw {
		dest[i] = &raw[i]
	}
	for rows.Next() {
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		for i, r := range raw {
			cells[i] = r
		}
		if !yield(cells) {
			return nil
		}
	}
	return rows.Err()
}

// translate turns an error of SQLite into one for people, by its result code.
func (sqliteDialect) translate(err error, name string) *models.Error {
	is := func(codes ...sqlite3.ErrorCode) bool {
		return slices.ContainsFunc(codes, func(code sqlite3.ErrorCode) bool { return errors.Is(err, code) })
	}
	params := models.Params{"database": name}
	newError := func(class models.Class, code string) *models.Error {
		return models.NewError(class, code, params).WithCause(err)
	}
	switch {
	case is(sqlite3.BUSY, sqlite3.LOCKED):
		return newError(models.Busy, "database.file_locked").WithRemedy("database.file_locked_remedy", nil)
	case is(sqlite3.INTERRUPT):
		return newError(models.Canceled, "database.canceled")
	case is(sqlite3.CANTOPEN, sqlite3.IOERR, sqlite3.FULL, sqlite3.NOTADB, sqlite3.CORRUPT):
		return newError(models.Connection, "database.file_unusable").WithRemedy("database.file_unusable_remedy", nil)
	case is(sqlite3.READONLY, sqlite3.PERM, sqlite3.AUTH):
		return newError(models.Permission, "database.file_read_only").WithRemedy("database.file_read_only_remedy", nil)
	case is(sqlite3.CONSTRAINT):
		return newError(models.Constraint, "database.constraint")
	case is(sqlite3.MISMATCH, sqlite3.TOOBIG):
		return newError(models.DataType, "database.value")
	case strings.Contains(err.Error(), "no such table"), strings.Contains(err.Error(), "no such column"),
		strings.Contains(err.Error(), "has no column named"): // SQLite has no code for it
		return newError(models.Schema, "database.object_missing").WithRemedy("database.object_missing_remedy", nil)
	default:
		return newError(models.Internal, "database.unexpected").WithRemedy("error.internal_remedy", nil)
	}
}

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

// HasKey is false for a document that SQLite cannot parse, such as one with more than 1,000 levels: a query must not fail for it.
func (sqliteDialect) HasKey(object string) string {
	return "CASE WHEN json_valid(" + object + ") THEN " + object + " -> ? END IS NOT NULL"
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

// InRanges lists the ids of many ranges: SQLite looks each of them up, and reads every row for a list of ranges. Longer ranges
// are combined in pairs, because it limits the depth of a condition.
func (sqliteDialect) InRanges(ranges []Range, id string, query func(condition string) string) (string, []any) {
	var count int64
	for _, r := range ranges {
		count += r.Hi - r.Lo + 1
	}
	if len(ranges) == 1 || count > MaxRanges {
		return query(anyRange(ranges, id)), nil
	}
	ids := make([]string, 0, count)
	for _, r := range ranges {
		for n := r.Lo; n <= r.Hi; n++ {
			ids = append(ids, strconv.FormatInt(n, 10))
		}
	}
	return query(id + " IN (" + strings.Join(ids, ", ") + ")"), nil
}

func anyRange(ranges []Range, id string) string {
	if len(ranges) == 1 {
		return ranges[0].condition(id)
	}
	half := len(ranges) / 2
	return "(" + anyRange(ranges[:half], id) + " OR " + anyRange(ranges[half:], id) + ")"
}

func (sqliteDialect) Typed(models.Column) string { return "?" }

// KeyLock is empty: a write transaction locks everything.
func (sqliteDialect) KeyLock(string) string { return "" }

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

func (sqliteDialect) deleteEffects(table string) (string, any) { return deleteEffectsSQLite, table }

func (sqliteDialect) inspect(names []string) (string, any) {
	return inspectSQLite, `["` + strings.Join(names, `","`) + `"]`
}
