package database_test

import (
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

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/test/kit/testdb"
)

const nowhere = "postgres://u:p@127.0.0.1:1/db"

// TestBrokenConnections tells a connection that broke from a mistake of our own, which no second try mends.
func TestBrokenConnections(t *testing.T) {
	t.Parallel()
	db := open(t, nowhere)
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
		t.Errorf("an error that is one already became %v", e)
	}
}

// TestLostConnection has the server end the connection in the midst of its use.
func TestLostConnection(t *testing.T) {
	t.Parallel()
	db := open(t, testdb.Postgres(t))
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var pid int
	if err := conn.QueryRow(t.Context(), "SELECT pg_backend_pid()", nil, &pid); err != nil {
		t.Fatal(err)
	}
	if _, err := db.SQL.ExecContext(t.Context(), "SELECT pg_terminate_backend($1, 5000)", pid); err != nil {
		t.Fatal(err)
	}
	for range 3 { // the first may be told why, the others meet a closed connection
		if _, err := conn.Exec(t.Context(), "SELECT 1"); models.AsError(err) == nil || models.AsError(err).Class != models.Connection {
			t.Errorf("%v", err)
		}
	}
}

func TestTranslate_ExplainsSQLSTATEs(t *testing.T) {
	t.Parallel()
	db := open(t, nowhere)
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

// TestTransient tells what passes by itself from what does not.
func TestTransient(t *testing.T) {
	t.Parallel()
	db := open(t, nowhere)
	for codes, want := range map[string]bool{
		"08000 08001 08003 08004 08006 08P01 40001 40P01 53300 55P03 57P01 57P02 57P03 57P05":                   true,
		"28P01 28000 3D000 53100 53200 57014 57P04 42501 42P01 25006 23503 23505 22003 P0001 2200H XX000 55000": false,
	} {
		for code := range strings.FieldsSeq(codes) {
			said := &pgconn.PgError{Code: code}
			if e := models.AsError(db.Translate(said)); e.Transient != want {
				t.Errorf("%s: transient %t", code, e.Transient)
			}
			if got := database.IsCollision(db.Translate(said)); got != strings.HasPrefix(code, "40") {
				t.Errorf("%s: collided %t", code, got)
			}
		}
	}
}

// TestReadOnlyServer writes to a server that takes no writes, as a standby does not.
func TestReadOnlyServer(t *testing.T) {
	t.Parallel()
	db := open(t, testdb.Postgres(t))
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Exec(t.Context(), "SET default_transaction_read_only = on"); err != nil {
		t.Fatal(err)
	}
	_, err = conn.Exec(t.Context(), "CREATE TABLE x (id integer)")
	if e := models.AsError(err); e == nil || e.Class != models.Permission || e.Text.Code != "database.read_only" {
		t.Errorf("%v", e)
	}
}

// TestBeginOnWindows begins where client_connection_check_interval is refused, and is refused once only.
func TestBeginOnWindows(t *testing.T) {
	t.Parallel()
	server := &windows{}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go server.serve(l)
	db := open(t, "postgres://u@"+l.Addr().String()+"/db?sslmode=disable")
	for _, mode := range []database.TxMode{database.ReadOnly, database.Write} {
		conn, err := db.BeginConn(t.Context(), mode)
		if err != nil {
			t.Fatal(models.AsError(err).Cause)
		}
		if err := conn.Commit(t.Context()); err != nil {
			t.Error(err)
		}
		conn.Close()
	}
	if n := server.refused.Load(); n != 1 {
		t.Errorf("%d times refused", n)
	}
}

// windows speaks as a PostgreSQL server on Windows does, which cannot see that a client is gone.
type windows struct{ refused atomic.Int64 }

func (w *windows) serve(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go w.speak(c)
	}
}

func (w *windows) speak(c net.Conn) {
	defer c.Close()
	b := pgproto3.NewBackend(c, c)
	if _, err := b.ReceiveStartupMessage(); err != nil {
		return
	}
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

// answer answers a batch and returns the transaction's status behind it.
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
