package database

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"hash/fnv"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/driver"
	"github.com/ncruces/go-sqlite3/gormlite"

	"lifecycle-sync/models"
)

// sqliteTimestamp is the form of a timestamp in SQLite: always UTC with six digits, so that text order is time order.
const sqliteTimestamp = "2006-01-02T15:04:05.000000Z07:00"

func openSQLite(url string, o Options) (*DB, error) {
	path := sqlitePath(url)
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
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
	return db.start(gormlite.OpenDB(sqlDB))
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
	t, err := sqlite3.TimeFormatAuto.Decode(text)
	return t, err == nil && t.UTC().Year() >= 1 && t.UTC().Year() <= 9999 && t.Nanosecond()%1000 == 0
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
	case strings.Contains(err.Error(), "no such table"), strings.Contains(err.Error(), "no such column"): // SQLite has no code for it
		return newError(models.Schema, "database.object_missing").WithRemedy("database.object_missing_remedy", nil)
	default:
		return newError(models.Internal, "database.unexpected").WithRemedy("error.internal_remedy", nil)
	}
}
