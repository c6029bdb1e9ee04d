package database

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"hash/fnv"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/driver"
	"github.com/ncruces/go-sqlite3/gormlite"
	"gorm.io/gorm"

	"lifecycle-sync/models"
)

// sqliteTimestamp is how a timestamp stands in an SQLite column: always UTC and always with six
// digits, so that text order is time order.
const sqliteTimestamp = "2006-01-02T15:04:05.000000Z07:00"

func openSQLite(url string, o Options) (*DB, error) {
	path := sqlitePath(url)
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return nil, &models.Error{Class: models.Permission, Cause: err,
			LegacyMessage: "the folder of " + path + " cannot be made", LegacyRemedy: "Set DATA_DIR to a folder that can be written."}
	}
	dsn := "file:" + path + "?_timefmt=" + "2006-01-02T15:04:05.000000Z07:00" +
		"&_pragma=busy_timeout(5000)&_pragma=journal_mode(wal)&_pragma=foreign_keys(on)&_pragma=synchronous(normal)"
	sqlDB, err := driver.Open(dsn, registerFunctions)
	if err != nil {
		return nil, &models.Error{Class: models.Connection, LegacyMessage: o.Name + ": " + path + " cannot be opened", Cause: err}
	}
	sqlDB.SetMaxOpenConns(o.MaxConns)
	sqlDB.SetMaxIdleConns(o.MaxConns)
	db := &DB{SQL: sqlDB, Dialect: sqliteDialect{}, Name: o.Name, path: path}
	if db.DB, err = gorm.Open(gormlite.OpenDB(sqlDB), db.gormConfig()); err != nil {
		return nil, db.Translate(err)
	}
	return db, nil
}

// registerFunctions gives SQL what SQLite lacks: the canonical text of a timestamp or date (NULL for
// what is none), a test for UTF-8, and a row hash. Its own lower() knows ASCII only; ours is what a
// search must do in any language, as PostgreSQL's does.
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

// readTimestamp takes a date with or without a time, zone and up to six digits of a second: what the
// mirror can hold unaltered. A bare number or a time of day is none.
func readTimestamp(v sqlite3.Value) (time.Time, bool) {
	text := v.Text()
	if v.Type() != sqlite3.TEXT || len(text) < 10 || text[4] != '-' || text[7] != '-' {
		return time.Time{}, false
	}
	t, err := sqlite3.TimeFormatAuto.Decode(text)
	return t, err == nil && t.UTC().Year() >= 1 && t.UTC().Year() <= 9999 && t.Nanosecond()%1000 == 0
}

// readDate takes a day, alone or as its midnight.
func readDate(v sqlite3.Value) (models.Date, bool) {
	t, ok := readTimestamp(v)
	if !ok || t.Format("15:04:05.999999") != "00:00:00" {
		return models.Date{}, false
	}
	d, err := models.ParseDate(v.Text()[:10])
	return d, err == nil && d.Time().Year() > 0
}

// begin takes SQLite's one write lock at once for a writer; a reader's snapshot begins with its
// first read, which is here.
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

func (sqliteDialect) openRows(ctx context.Context, c *Conn, query string, args []any, fn func([][]byte) error) error {
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
		if err := fn(cells); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (sqliteDialect) translate(err error, name string) *models.Error {
	out := func(class models.Class, message, remedy string) *models.Error {
		return &models.Error{Class: class, LegacyMessage: name + ": " + message, LegacyRemedy: remedy, Cause: err}
	}
	switch {
	case errors.Is(err, sqlite3.BUSY), errors.Is(err, sqlite3.LOCKED):
		return out(models.Busy, "the file is being written by another process", "Try again when it has finished.")
	case errors.Is(err, sqlite3.INTERRUPT):
		return out(models.Canceled, "the statement was canceled", "")
	case errors.Is(err, sqlite3.CANTOPEN), errors.Is(err, sqlite3.IOERR), errors.Is(err, sqlite3.FULL), errors.Is(err, sqlite3.NOTADB), errors.Is(err, sqlite3.CORRUPT):
		return out(models.Connection, "the file cannot be read or written", "See that it exists, is an SQLite file, and that the disk has room.")
	case errors.Is(err, sqlite3.READONLY), errors.Is(err, sqlite3.PERM), errors.Is(err, sqlite3.AUTH):
		return out(models.Permission, "the file may not be written", "Mend the file's permissions.")
	case errors.Is(err, sqlite3.CONSTRAINT):
		return out(models.Constraint, "a constraint was violated", "")
	case errors.Is(err, sqlite3.MISMATCH), errors.Is(err, sqlite3.TOOBIG):
		return out(models.DataType, "a value does not fit", "")
	case strings.Contains(err.Error(), "no such table"), strings.Contains(err.Error(), "no such column"):
		return out(models.Schema, "a table or column is missing", "Run lifecycle-sync migrate, and compare the tables with README.")
	default:
		return out(models.Internal, "unexpected answer", "The log has the details.")
	}
}
