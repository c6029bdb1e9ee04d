package database_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/test/kit/testdb"
)

const unreachable = "postgres://u:p@127.0.0.1:1/db"

// TestTranslate_BrokenConnectionsAreTransient distinguishes them from bugs, which no retry fixes.
func TestTranslate_BrokenConnectionsAreTransient(t *testing.T) {
	t.Parallel()
	db := open(t, unreachable)
	_, mistake := strconv.ParseInt("satu", 10, 64)
	for _, c := range []struct {
		err  error
		want models.Class
	}{
		{&net.OpError{Op: "read", Err: syscall.ECONNRESET}, models.Connection},
		{io.EOF, models.Connection},
		{io.ErrUnexpectedEOF, models.Connection},
		{driver.ErrBadConn, models.Connection},
		{sql.ErrConnDone, models.Connection},
		{pgconn.ErrConnClosed, models.Connection},
		{mistake, models.Internal},
		{sql.ErrNoRows, models.Internal},
		{errors.New("can't scan into dest[0]"), models.Internal},
		{&fs.PathError{Op: "write", Path: "spill", Err: syscall.ENOSPC}, models.Internal},
	} {
		e := models.AsError(db.Translate(fmt.Errorf("while reading: %w", c.err)))
		if e.Class != c.want || e.Transient != (c.want == models.Connection) || !errors.Is(e.Cause, c.err) {
			t.Errorf("%v: %s: %v, cause %v", c.err, e.Class, e, e.Cause)
		}
	}
	own := models.NewError(models.Internal, "error.internal", nil)
	if e := db.Translate(fmt.Errorf("around: %w", own)); e != own { //nolint:errorlint // the very same error
		t.Errorf("a models.Error became %v", e)
	}
}

func TestTranslate_ExplainsSQLSTATEs(t *testing.T) {
	t.Parallel()
	db := open(t, unreachable)
	for _, c := range []struct {
		err   pgconn.PgError
		class models.Class
		text  string
	}{
		{pgconn.PgError{Code: "25006"}, models.Permission, "database.read_only database=pmo_db sqlstate=25006"},
		{pgconn.PgError{Code: "42501"}, models.Permission, "database.privilege_missing database=pmo_db sqlstate=42501"},
		{pgconn.PgError{Code: "23503", ConstraintName: "orders_fk", TableName: "orders"}, models.Constraint,
			"database.constraint constraint=orders_fk database=pmo_db sqlstate=23503 table=orders"},
		{pgconn.PgError{Code: "23502", TableName: "orders"}, models.Constraint, "database.constraint database=pmo_db sqlstate=23502 table=orders"},
		{pgconn.PgError{Code: "P0001", TableName: "orders"}, models.Constraint, "database.trigger database=pmo_db sqlstate=P0001 table=orders"},
		{pgconn.PgError{Code: "PT403"}, models.Constraint, "database.trigger database=pmo_db sqlstate=PT403"},
		{pgconn.PgError{Code: "22003"}, models.DataType, "database.value database=pmo_db sqlstate=22003"},
		{pgconn.PgError{Code: "42P01"}, models.Schema, "database.object_missing database=pmo_db sqlstate=42P01"},
		{pgconn.PgError{Code: "XX000"}, models.Internal, "database.unexpected database=pmo_db sqlstate=XX000"},
		{pgconn.PgError{Code: "53100"}, models.Connection, "database.disk_full database=pmo_db sqlstate=53100"},
		{pgconn.PgError{Code: "53200"}, models.Connection, "database.out_of_memory database=pmo_db sqlstate=53200"},
		{pgconn.PgError{Code: "53300"}, models.Connection, "database.too_many_connections database=pmo_db sqlstate=53300"},
		{pgconn.PgError{Code: "57P01"}, models.Connection, "database.unavailable database=pmo_db sqlstate=57P01"},
	} {
		c.err.Message, c.err.Detail = "kuncine", "kuncine"
		e := models.AsError(db.Translate(&c.err))
		if e.Class != c.class || e.Text.String() != c.text || e.Remedy == nil && c.class != models.DataType {
			t.Errorf("%s: %v with the remedy %v, want %s", c.err.Code, e, e.Remedy, c.text)
		}
	}
}

func TestTranslate_MarksTransientErrors(t *testing.T) {
	t.Parallel()
	db := open(t, unreachable)
	for codes, want := range map[string]bool{
		"08000 08001 08003 08004 08006 08P01 40001 40P01 53300 55P03 57P01 57P02 57P03 57P05 25P03 25P04":       true,
		"28P01 28000 3D000 53100 53200 57014 57P04 42501 42P01 25006 23503 23505 22003 P0001 2200H XX000 55000": false,
	} {
		for code := range strings.FieldsSeq(codes) {
			pgErr := &pgconn.PgError{Code: code}
			if e := models.AsError(db.Translate(pgErr)); e.Transient != want {
				t.Errorf("%s: transient %t", code, e.Transient)
			}
			if got := database.IsCollision(db.Translate(pgErr)); got != strings.HasPrefix(code, "40") {
				t.Errorf("%s: collision %t", code, got)
			}
		}
	}
}

// TestTranslate_RealErrors translates errors of both systems, and of a server that is read-only, as a standby is.
func TestTranslate_RealErrors(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		db := open(t, url(t))
		c := conn(t, db)
		exec(t, c, "CREATE TABLE p (id integer PRIMARY KEY)",
			"CREATE TABLE x (id integer PRIMARY KEY, p integer REFERENCES p (id), n text NOT NULL)", "INSERT INTO x VALUES (1, NULL, 'satu')")
		for statement, want := range map[string]models.Class{
			"INSERT INTO x VALUES (1, NULL, 'lagi')": models.Constraint,
			"INSERT INTO x VALUES (2, 99, 'yatim')":  models.Constraint,
			"INSERT INTO x VALUES (3, NULL, NULL)":   models.Constraint,
			"SELECT * FROM tidak_ada":                models.Schema,
			"SELECT tidak_ada FROM x":                models.Schema,
			"INSERT INTO x (tidak_ada) VALUES (1)":   models.Schema,
			"UPDATE x SET tidak_ada = 1":             models.Schema,
		} {
			_, err := c.Exec(t.Context(), statement)
			if e := models.AsError(err); e == nil || e.Class != want || strings.Contains(e.Error(), "yatim") {
				t.Errorf("%s: %v", statement, e)
			}
		}
		if db.Kind() == database.SQLite {
			return
		}
		exec(t, c, "SET default_transaction_read_only = on")
		_, err := c.Exec(t.Context(), "CREATE TABLE y (id integer)")
		if e := models.AsError(err); e == nil || e.Class != models.Permission || e.Text.Code != "database.read_only" {
			t.Errorf("%v", e)
		}
	})
}

// TestConn_CanceledConnectionIsNotReused: the server may still have a cancel request for it.
func TestConn_CanceledConnectionIsNotReused(t *testing.T) {
	t.Parallel()
	db := open(t, testdb.Postgres(t))
	process := func() string {
		c := conn(t, db)
		defer c.Close()
		return one(t, c, "SELECT CAST(pg_backend_pid() AS text)")
	}
	before := process()
	if again := process(); again != before {
		t.Fatalf("the pool has another connection: %s, before %s", again, before)
	}
	c := conn(t, db)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := c.Exec(ctx, "SELECT pg_sleep(60)"); models.AsError(err) == nil {
		t.Error("the statement was not canceled")
	}
	c.Close()
	if after := process(); after == before {
		t.Error("the canceled connection is used again")
	}
}

// TestBeginConn_RemembersRefusedSettings has a server that refuses client_connection_check_interval.
func TestBeginConn_RemembersRefusedSettings(t *testing.T) {
	t.Parallel()
	server := &windows{}
	db := open(t, "postgres://u@"+listen(t, server.serve)+"/db?sslmode=disable")
	for _, mode := range []database.TxMode{database.ReadOnly, database.Write} {
		c := begin(t, db, mode)
		if err := c.Commit(t.Context()); err != nil {
			t.Error(err)
		}
		c.Close()
	}
	if n := server.refused.Load(); n != 1 {
		t.Errorf("%d refusals", n)
	}
}

// windows is a PostgreSQL server on Windows, which cannot detect that a client is gone.
type windows struct{ refused atomic.Int64 }

// serve serves a connection, after its startup message.
func (w *windows) serve(c net.Conn) {
	b := pgproto3.NewBackend(c, c)
	b.Send(&pgproto3.AuthenticationOk{})
	b.Send(&pgproto3.BackendKeyData{ProcessID: 1, SecretKey: []byte{0, 0, 0, 1}})
	for status := byte('I'); ; {
		b.Send(&pgproto3.ReadyForQuery{TxStatus: status})
		if b.Flush() != nil {
			return
		}
		message, err := b.Receive()
		query, ok := message.(*pgproto3.Query)
		if err != nil || !ok {
			return
		}
		status = w.answer(b, query.String, status)
	}
}

// answer answers a batch and returns the status of the transaction after it.
func (w *windows) answer(b *pgproto3.Backend, batch string, status byte) byte {
	begins := strings.HasPrefix(batch, "BEGIN")
	switch {
	case status == 'E' && begins:
		b.Send(&pgproto3.ErrorResponse{Severity: "ERROR", Code: "25P02", Message: "current transaction is aborted"})
		return 'E'
	case strings.Contains(batch, "client_connection_check_interval"):
		w.refused.Add(1)
		b.Send(&pgproto3.ErrorResponse{Severity: "ERROR", Code: "22023", Message: `invalid value for parameter "client_connection_check_interval": 1000`,
			Detail: "client_connection_check_interval must be set to 0 on this platform."})
		return 'E'
	}
	b.Send(&pgproto3.CommandComplete{CommandTag: []byte("SET")})
	if begins {
		return 'T'
	}
	return 'I'
}
