package database

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"lifecycle-sync/models"
)

// closeTimeout limits the wait for a server that may be gone when a connection is closed.
const closeTimeout = time.Second

// DedicatedConn is a connection outside the pool, for work that outlasts a transaction. One goroutine uses it, and must
// close it. PostgreSQL only.
type DedicatedConn struct {
	db   *DB
	conn *pgx.Conn
}

// DedicatedConn connects. purpose is appended to application_name in pg_stat_activity. Errors: connection, permission.
func (db *DB) DedicatedConn(ctx context.Context, purpose string) (*DedicatedConn, error) {
	cfg := db.dedicatedConfig(purpose)
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if refusesSettings(err) {
		for name := range sessionSettings() {
			delete(cfg.RuntimeParams, name)
		}
		conn, err = pgx.ConnectConfig(ctx, cfg)
	}
	if err != nil {
		return nil, connectFailure(ctx, err, db.Name)
	}
	return &DedicatedConn{db: db, conn: conn}, nil
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
	return c.db.Translate(c.conn.QueryRow(ctx, query, append([]any{pgx.QueryExecModeExec}, args...)...).Scan(dest...))
}

// Listen subscribes to notifications of commits from now on.
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
func (c *DedicatedConn) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	_ = c.conn.Close(ctx) // it is gone either way
}

// senderTimeout is the time limit for a silent replication connection, so that another process can take over
// the slot of a machine that has vanished.
const senderTimeout = "8s"

// ReplicationConn connects for logical replication, outside the pool. The caller must send a message every few seconds,
// and close the connection. PostgreSQL only. Errors: connection, permission.
func (db *DB) ReplicationConn(ctx context.Context, purpose string) (*pgconn.PgConn, error) {
	cfg := db.dedicatedConfig(purpose)
	cfg.RuntimeParams["replication"] = "database"
	cfg.RuntimeParams["wal_sender_timeout"] = senderTimeout
	cfg.RuntimeParams["client_encoding"] = "SQL_ASCII" // no conversion, which would fail on bytes that are not valid in the server's encoding
	conn, err := pgconn.ConnectConfig(ctx, &cfg.Config)
	if err != nil {
		return nil, connectFailure(ctx, err, db.Name)
	}
	return conn, nil
}

// Dead connections are detected in two ways: by the TCP settings of both ends (network.go), and by Heartbeat where a
// proxy between client and server keeps TCP alive.

// Heartbeat queries the server regularly over a dedicated connection. It returns an error if the server has not answered
// for the network timeout; any answer counts, also a refusal. It returns nil when ctx ends. Without a network timeout,
// and for a file, it only waits for ctx. The error is transient, of class connection.
func (db *DB) Heartbeat(ctx context.Context) error {
	if db.dedicatedConfig == nil || db.networkTimeout == 0 {
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
