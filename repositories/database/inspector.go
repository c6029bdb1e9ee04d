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

// Inspector examines the connection, the server, the role and the tables of a database, for diagnostics. It writes
// nothing.
type Inspector struct{ db *DB }

// Inspector returns the database's inspector.
func (db *DB) Inspector() *Inspector { return &Inspector{db} }

// Reach is the last successful step of an attempt to connect.
type Reach int

// The steps of an attempt to connect. A server checks the user before the database.
const (
	Unreachable     Reach = iota // no server answered, or none that accepts connections now
	LoginRefused                 // the server refused the user
	DatabaseRefused              // the user is accepted; the database does not exist, or not for this user
	Connected
)

// Connect tries to connect. The error says why it did not succeed: connection, permission, timeout. It creates no
// SQLite file.
func (i *Inspector) Connect(ctx context.Context) (Reach, error) {
	if i.db.path != "" {
		if _, err := os.Stat(i.db.path); err != nil {
			return Unreachable, models.NewError(models.Connection, "database.file_missing", models.Params{"database": i.db.Name, "path": i.db.path}).
				WithCommand("database.file_missing_remedy", nil, "lifecycle-sync sync").WithCause(err)
		}
	}
	conn, err := i.db.Conn(ctx)
	if err == nil {
		defer conn.Close()
		return Connected, nil
	}
	refusal, refused := errors.AsType[*pgconn.PgError](err)
	switch {
	case refused && pgerrcode.IsInvalidAuthorizationSpecification(refusal.Code):
		return LoginRefused, err
	case refused && (refusal.Code == pgerrcode.InvalidCatalogName || refusal.Code == pgerrcode.InsufficientPrivilege):
		return DatabaseRefused, err
	default:
		return Unreachable, err
	}
}

// ServerInfo describes a PostgreSQL server and our role. Role and Database are quoted for SQL.
type ServerInfo struct {
	Version                int    // 150018
	Release                string // "15.18"
	Encoding               string
	Standby                bool
	Role, Database         string
	Superuser, Replication bool
}

// Server queries the server. PostgreSQL only.
func (i *Inspector) Server(ctx context.Context) (s ServerInfo, err error) {
	err = i.db.QueryRow(ctx, `SELECT current_setting('server_version_num')::integer, split_part(current_setting('server_version'), ' ', 1),
		current_setting('server_encoding'), pg_is_in_recovery(), quote_ident(current_user), quote_ident(current_database()), rolsuper, rolreplication
		FROM pg_roles WHERE rolname = current_user`, nil,
		&s.Version, &s.Release, &s.Encoding, &s.Standby, &s.Role, &s.Database, &s.Superuser, &s.Replication)
	return s, err
}

// ClockOffset is about how far the server's clock is ahead of the given one. PostgreSQL only.
func (i *Inspector) ClockOffset(ctx context.Context, now func() time.Time) (time.Duration, error) {
	conn, err := i.db.Conn(ctx) // before the time is taken: connecting may take long
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	var server time.Time
	before := now()
	if err := conn.QueryRow(ctx, "SELECT clock_timestamp()", nil, &server); err != nil {
		return 0, err
	}
	return server.Sub(before.Add(now().Sub(before) / 2)), nil
}

// Transport describes the path to the server.
type Transport struct {
	Encrypted bool
	Local     bool // within this machine
	Pooled    bool // through a pooler
}

// Transport examines a dedicated connection. PostgreSQL only.
func (i *Inspector) Transport(ctx context.Context) (found Transport, err error) {
	dedicated, err := i.db.DedicatedConn(ctx, "doctor")
	if err != nil {
		return found, err
	}
	defer dedicated.Close()
	conn := dedicated.conn.PgConn().Conn()
	_, found.Encrypted = conn.(*tls.Conn)
	switch server := conn.RemoteAddr().(type) {
	case *net.UnixAddr:
		found.Local = true
	case *net.TCPAddr:
		found.Local = server.IP.IsLoopback()
	}
	found.Pooled = dedicated.Pooled
	return found, nil
}

// HasDirectURL reports whether a URL is configured that bypasses a pooler.
func (i *Inspector) HasDirectURL() bool { return i.db.direct != i.db.server }

// CheckDirect connects with the URL that bypasses a pooler, and reports whether another pooler is in the way. PostgreSQL only.
// Errors: permission, connection, configuration.
func (i *Inspector) CheckDirect(ctx context.Context) (pooled bool, err error) {
	conn, err := i.db.DirectConn(ctx, "doctor")
	if err != nil {
		return false, err
	}
	defer conn.Close()
	return conn.Pooled, nil
}

// CheckReplication opens and closes a replication connection. PostgreSQL only. Errors: those of ReplicationConn.
func (i *Inspector) CheckReplication(ctx context.Context) error {
	conn, err := i.db.ReplicationConn(ctx, "doctor")
	if err != nil {
		return err
	}
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	_ = conn.Close(closing) // it is gone either way
	return nil
}

// HiddenTable is the schema of a table that the search_path does not find.
type HiddenTable struct {
	Schema string // quoted for SQL
	Usable bool   // USAGE is granted: only the search_path is wrong
}

// HiddenTables searches all schemas for tables that the search_path does not find. PostgreSQL only.
func (i *Inspector) HiddenTables(ctx context.Context, names []string) (map[string]HiddenTable, error) {
	found := map[string]HiddenTable{}
	for cells, err := range i.db.Query(ctx, `SELECT c.relname, quote_ident(n.nspname), has_schema_privilege(n.oid, 'USAGE')
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relname = ANY ($1::text[]) AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT pg_table_is_visible(c.oid)`, names) {
		if err != nil {
			return nil, err
		}
		found[string(cells[0])] = HiddenTable{string(cells[1]), string(cells[2]) == "t"}
	}
	return found, nil
}

// Inspect reads the catalogue's entries of the named tables, each of which is in the result.
func (i *Inspector) Inspect(ctx context.Context, names []string) (map[string]TableInfo, error) {
	conn, err := i.db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return conn.Inspect(ctx, names)
}
