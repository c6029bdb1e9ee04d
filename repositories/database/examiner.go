package database

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"time"

	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5/pgconn"

	"lifecycle-sync/models"
)

// Examiner looks at what stands between us and a database's tables: the way there, the server, our role.
// It writes nothing.
type Examiner struct{ db *DB }

// Examiner returns the database's examiner.
func (db *DB) Examiner() *Examiner { return &Examiner{db} }

// Name is "lifecycle_db" or "pmo_db".
func (e *Examiner) Name() string { return e.db.Name }

// Reached is how far an attempt to connect came.
type Reached int

// The stations of an attempt to connect. A server looks at the user before it looks at the database.
const (
	Nowhere  Reached = iota // nobody answered, or nobody who takes connections now
	Answered                // the server refused the user
	LoggedIn                // the user is fine; the database is not there, or not for this user
	Inside
)

// Reach connects. The error says why it did not get Inside: connection, permission, timeout. It makes no
// SQLite file.
func (e *Examiner) Reach(ctx context.Context) (Reached, error) {
	if e.db.path != "" {
		if _, err := os.Stat(e.db.path); err != nil {
			return Nowhere, models.NewError(models.Connection, "database.file_missing", models.Params{"database": e.db.Name, "path": e.db.path}).
				WithCommand("database.file_missing_remedy", nil, "lifecycle-sync sync").WithCause(err)
		}
	}
	conn, err := e.db.Conn(ctx)
	if err == nil {
		defer conn.Close()
		return Inside, nil
	}
	refusal, said := errors.AsType[*pgconn.PgError](err)
	switch {
	case said && (pgerrcode.IsInvalidAuthorizationSpecification(refusal.Code)):
		return Answered, err
	case said && (refusal.Code == pgerrcode.InvalidCatalogName || refusal.Code == pgerrcode.InsufficientPrivilege):
		return LoggedIn, err
	default:
		return Nowhere, err
	}
}

// Server is what a PostgreSQL server says of itself and of our role. Role and Database are written as
// they stand in SQL.
type Server struct {
	Version                int    // 150018
	Release                string // "15.18"
	Encoding               string
	Standby                bool
	Role, Database         string
	Superuser, Replication bool
}

// Server asks. PostgreSQL only.
func (e *Examiner) Server(ctx context.Context) (s Server, err error) {
	err = e.row(ctx, `SELECT current_setting('server_version_num')::integer, split_part(current_setting('server_version'), ' ', 1),
		current_setting('server_encoding'), pg_is_in_recovery(), quote_ident(current_user), quote_ident(current_database()), rolsuper, rolreplication
		FROM pg_roles WHERE rolname = current_user`,
		&s.Version, &s.Release, &s.Encoding, &s.Standby, &s.Role, &s.Database, &s.Superuser, &s.Replication)
	return s, err
}

// Ahead is by how much the server's clock is ahead of the given one, about. PostgreSQL only.
func (e *Examiner) Ahead(ctx context.Context, now func() time.Time) (time.Duration, error) {
	conn, err := e.db.Conn(ctx) // before the time is taken: it may take a while
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	var there time.Time
	before := now()
	if err := conn.QueryRow(ctx, "SELECT clock_timestamp()", nil, &there); err != nil {
		return 0, err
	}
	return there.Sub(before.Add(now().Sub(before) / 2)), nil
}

func (e *Examiner) row(ctx context.Context, query string, dest ...any) error {
	conn, err := e.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	return conn.QueryRow(ctx, query, nil, dest...)
}

// Line is how a connection leads to the server.
type Line struct {
	Encrypted bool
	Local     bool // it does not leave this machine
	Pooled    bool // who answered is a pooler, and not the server process that works for us
}

// Line makes a connection of its own and looks at it. PostgreSQL only.
func (e *Examiner) Line(ctx context.Context) (line Line, err error) {
	session, err := e.db.Dial(ctx, "doctor")
	if err != nil {
		return line, err
	}
	defer session.Close()
	conn := session.conn.PgConn().Conn()
	_, line.Encrypted = conn.(*tls.Conn)
	switch from := conn.RemoteAddr().(type) {
	case *net.UnixAddr:
		line.Local = true
	case *net.TCPAddr:
		line.Local = from.IP.IsLoopback()
	}
	var pid int64
	err = session.QueryRow(ctx, "SELECT pg_backend_pid()", nil, &pid)
	line.Pooled = pid != session.PID() // a pooler gives its clients keys of its own
	return line, err
}

// Replicates connects as one who follows the server's log, and ends that again. PostgreSQL only.
// Errors: permission, connection.
func (e *Examiner) Replicates(ctx context.Context) error {
	conn, err := e.db.Replicate(ctx, "doctor")
	if err != nil {
		return err
	}
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTime)
	defer cancel()
	_ = conn.Close(closing) // it is gone either way
	return nil
}

// Elsewhere is a schema in which a table lies that the search_path does not find.
type Elsewhere struct {
	Schema string // as it stands in SQL
	Usable bool   // USAGE is granted: only the search_path is in the way
}

// Elsewhere looks in all schemas for tables that are not found. PostgreSQL only.
func (e *Examiner) Elsewhere(ctx context.Context, names []string) (map[string]Elsewhere, error) {
	conn, err := e.db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	found := map[string]Elsewhere{}
	for cells, err := range conn.Rows(ctx, `SELECT c.relname, quote_ident(n.nspname), has_schema_privilege(n.oid, 'USAGE')
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relname = ANY ($1::text[]) AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT pg_table_is_visible(c.oid)`, names) {
		if err != nil {
			return nil, err
		}
		found[string(cells[0])] = Elsewhere{string(cells[1]), string(cells[2]) == "t"}
	}
	return found, nil
}

// Inspect reads the catalogue's entries of the named tables, each of which is in the result.
func (e *Examiner) Inspect(ctx context.Context, names []string) (map[string]TableInfo, error) {
	conn, err := e.db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return conn.Inspect(ctx, names)
}
