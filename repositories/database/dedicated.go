package database

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"lifecycle-sync/models"
)

// DedicatedConn is a connection outside the pool, for work that outlasts a transaction. One goroutine uses it, and must
// close it. PostgreSQL only.
type DedicatedConn struct {
	Pooled bool // through a pooler, which may give each transaction another session

	db   *DB
	conn *pgx.Conn
}

// DedicatedConn connects over the same path as the pool. purpose is appended to application_name in pg_stat_activity. Errors:
// connection, permission.
func (db *DB) DedicatedConn(ctx context.Context, purpose string) (*DedicatedConn, error) {
	return db.dedicatedConn(ctx, db.server, purpose)
}

// DirectConn connects to the server itself, if a URL for that is configured, and otherwise as DedicatedConn does; Pooled then
// tells whether that goes through a pooler. Errors: connection, permission; configuration if the URL leads elsewhere.
func (db *DB) DirectConn(ctx context.Context, purpose string) (*DedicatedConn, error) {
	conn, err := db.dedicatedConn(ctx, db.direct, purpose)
	if err != nil {
		return nil, err
	}
	if err := db.checkDirect(ctx, conn.conn.PgConn()); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

func (db *DB) dedicatedConn(ctx context.Context, s *server, purpose string) (*DedicatedConn, error) {
	conn, err := connect(ctx, s, purpose, openPgx(ctx))
	if err != nil {
		return nil, err
	}
	return &DedicatedConn{db: db, conn: conn, Pooled: s.isPooled.Load()}, nil
}

func openPgx(ctx context.Context) func(*pgx.ConnConfig) (*pgx.Conn, *pgx.Conn, error) {
	return func(cfg *pgx.ConnConfig) (*pgx.Conn, *pgx.Conn, error) {
		conn, err := pgx.ConnectConfig(ctx, cfg)
		return conn, conn, err
	}
}

// checkDirect checks that a direct connection leads to the pool's database.
func (db *DB) checkDirect(ctx context.Context, direct *pgconn.PgConn) error {
	if db.direct == db.server {
		return nil
	}
	const place = "SELECT system_identifier::text || ' ' || current_database() FROM pg_control_system()"
	results, err := direct.Exec(ctx, place).ReadAll()
	if err != nil {
		return db.Translate(err)
	}
	var here string
	if err := db.QueryRow(ctx, place, nil, &here); err != nil {
		return err
	}
	if string(results[0].Rows[0][0]) != here {
		return models.NewError(models.Config, "database.direct_elsewhere", models.Params{"database": db.Name}).WithRemedy("database.direct_elsewhere_remedy", nil)
	}
	return nil
}

// PID is the process id of the connection's server process.
func (c *DedicatedConn) PID() int64 { return int64(c.conn.PgConn().PID()) }

// Exec runs one statement outside any transaction. When ctx ends, the wait ends; the server may still complete the
// statement.
func (c *DedicatedConn) Exec(ctx context.Context, statement string) error {
	_, err := c.conn.Exec(ctx, statement, pgx.QueryExecModeSimpleProtocol)
	return c.db.Translate(err)
}

// QueryRow reads one row into dest.
func (c *DedicatedConn) QueryRow(ctx context.Context, query string, args []any, dest ...any) error {
	scan := func() error {
		return c.conn.QueryRow(ctx, query, append([]any{pgx.QueryExecModeExec}, args...)...).Scan(dest...)
	}
	if !c.Pooled {
		return c.db.Translate(scan())
	}
	end, err := beginPooled(ctx, c.conn)
	if err == nil {
		err = end(scan())
	}
	return c.db.Translate(err)
}

// Listen subscribes to notifications of commits from now on. A pooler in transaction mode accepts that, and delivers nothing.
func (c *DedicatedConn) Listen(ctx context.Context, channel string) error {
	return c.Exec(ctx, "LISTEN "+pgx.Identifier{channel}.Sanitize())
}

// WaitNotification returns the next notification, or false if there is none until a time. That is no proof that the
// connection is alive: only a query is. Errors: connection; ctx's end.
func (c *DedicatedConn) WaitNotification(ctx context.Context, until time.Time) (payload string, received bool, err error) {
	waiting, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	notification, err := c.conn.WaitForNotification(waiting)
	switch {
	case err == nil:
		return notification.Payload, true, nil
	case ctx.Err() != nil:
		return "", false, ctx.Err()
	case errors.Is(waiting.Err(), context.DeadlineExceeded) && !c.conn.IsClosed():
		return "", false, nil
	default:
		return "", false, c.db.Translate(err)
	}
}

// Close closes the connection.
func (c *DedicatedConn) Close() { closeConn(c.conn) }

// senderTimeout is the time limit for a silent replication connection, so that another process can take over
// the slot of a machine that has vanished.
const senderTimeout = "8s"

// ReplicationConn connects for logical replication, outside the pool. The caller must send a message every few seconds,
// and close the connection. PostgreSQL only. Errors: schema if a pooler is in the way; connection, permission; configuration
// if the direct URL leads elsewhere.
func (db *DB) ReplicationConn(ctx context.Context, purpose string) (*pgconn.PgConn, error) {
	conn, err := connect(ctx, db.direct, purpose, func(cfg *pgx.ConnConfig) (*pgx.Conn, *pgx.Conn, error) {
		cfg.RuntimeParams["replication"] = "database"
		cfg.RuntimeParams["client_encoding"] = "SQL_ASCII" // no conversion, which would fail on bytes that are not valid in the server's encoding
		conn, err := pgx.ConnectConfig(ctx, cfg)
		return conn, conn, err
	})
	if err == nil {
		err = db.prepareReplication(ctx, conn.PgConn())
	}
	if _, refused := errors.AsType[*pgconn.PgError](err); refused && db.direct.isPooled.Load() {
		err = models.NewError(models.Schema, "database.pooler_blocks_replication", models.Params{"database": db.Name}).
			WithRemedy("database.pooler_blocks_replication_remedy", nil).WithCause(err)
	}
	if err != nil {
		if conn != nil {
			closeConn(conn)
		}
		return nil, err
	}
	return conn.PgConn(), nil
}

// prepareReplication checks that a connection is for replication, which a pooler may ignore, and configures it.
func (db *DB) prepareReplication(ctx context.Context, conn *pgconn.PgConn) error {
	if _, err := conn.Exec(ctx, "IDENTIFY_SYSTEM").ReadAll(); err != nil {
		return db.Translate(err)
	}
	if _, err := conn.Exec(ctx, "SET wal_sender_timeout = '"+senderTimeout+"'").ReadAll(); err != nil {
		return db.Translate(err)
	}
	return db.checkDirect(ctx, conn)
}

// Dead connections are detected in two ways: by the TCP settings of both ends (network.go), and by Heartbeat where a
// proxy between client and server keeps TCP alive.

// Heartbeat queries the server regularly over a dedicated connection. It returns an error if the server has not answered
// for the network timeout; any answer counts, also a refusal. It returns nil when ctx ends. Without a network timeout,
// and for a file, it only waits for ctx. The error is transient, of class connection.
func (db *DB) Heartbeat(ctx context.Context) error {
	if db.server == nil || db.networkTimeout == 0 {
		<-ctx.Done()
		return nil
	}
	var conn *DedicatedConn // nil if not connected
	defer func() {
		if conn != nil {
			conn.Close()
		}
	}()
	tick := time.NewTicker(db.networkTimeout / 10)
	defer tick.Stop()
	var failure error // nil after an answer
	for since := time.Now(); ; {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if failure == nil {
			since = time.Now()
		}
		conn, failure = db.ping(ctx, conn, since.Add(db.networkTimeout))
		if ctx.Err() != nil {
			return nil
		}
		if failure != nil && time.Since(since) >= db.networkTimeout {
			e := models.NewError(models.Connection, "database.silent", models.Params{"database": db.Name, "silence": db.networkTimeout}).
				WithRemedy("database.silent_remedy", nil).WithCause(failure)
			e.Transient = true
			return e
		}
	}
}

// ping queries over a connection, which it opens if it is nil, and returns it as long as it works. The error is not nil
// if there was no answer before the deadline, or within the connect timeout.
func (db *DB) ping(ctx context.Context, conn *DedicatedConn, deadline time.Time) (_ *DedicatedConn, err error) {
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	if conn == nil {
		if conn, err = db.DedicatedConn(ctx, "heartbeat"); err != nil {
			return nil, silence(ctx, err)
		}
	}
	if err = conn.Exec(ctx, "SELECT 1"); err == nil {
		return conn, nil
	}
	conn.Close()
	return nil, silence(ctx, err)
}

// silence is nil if an error is the server's answer.
func silence(ctx context.Context, err error) error {
	if ctx.Err() != nil || models.AsError(err).Text.Code == noAnswerCode {
		return err
	}
	return nil
}
