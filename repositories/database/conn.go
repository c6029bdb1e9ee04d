package database

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"gorm.io/gorm"

	"lifecycle-sync/models"
)

// TxMode is the mode in which a transaction begins.
type TxMode int

// The modes of transaction.
const (
	Write    TxMode = iota // READ COMMITTED; SQLite: BEGIN IMMEDIATE
	ReadOnly               // one snapshot for the whole transaction
)

// rollbackTimeout limits a rollback after the caller's context has ended.
const rollbackTimeout = 2 * time.Second

// readLockTimeout is how long a request's reads wait for a locked table. It is below the time limit of requests.
const readLockTimeout = 5 * time.Second

// Conn is one connection, in at most one transaction. One goroutine uses it at a time, and must close it.
type Conn struct {
	db   *DB
	raw  *sql.Conn
	gorm *gorm.DB
	inTx bool

	release func() // lets another caller have a connection of the pool
}

// Conn takes a connection from the pool. It waits for a free one until ctx ends or, if the pool has a limit, for Options.Wait:
// then the error says that there are too many requests. Errors: connection, permission; unavailable.
func (db *DB) Conn(ctx context.Context) (*Conn, error) {
	raw, release, err := db.acquire(ctx)
	if err != nil {
		return nil, err
	}
	g := db.Session(&gorm.Session{NewDB: true, Context: ctx})
	g.Statement.ConnPool = raw
	return &Conn{db: db, raw: raw, gorm: g, release: release}, nil
}

// BeginConn takes a connection and begins a transaction. It discards dead connections of the pool, as all are after a
// restart of the server: nothing was done on them yet.
func (db *DB) BeginConn(ctx context.Context, mode TxMode) (*Conn, error) {
	for left := db.SQL.Stats().MaxOpenConnections; ; left-- {
		c, err := db.Conn(ctx)
		if err != nil {
			return nil, err
		}
		err = db.Translate(db.begin(ctx, c, mode))
		if err == nil {
			c.inTx = true
			return c, nil
		}
		e := models.AsError(err)
		dead := e.Transient && e.Class == models.Connection
		if dead {
			c.discard()
		}
		c.Close()
		if !dead || left <= 0 {
			return nil, err
		}
	}
}

// Gorm returns GORM on this connection, inside its transaction.
func (c *Conn) Gorm(ctx context.Context) *gorm.DB { return c.gorm.WithContext(ctx) }

// Exec runs one statement and returns the number of rows it changed.
func (c *Conn) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	res, err := c.raw.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, c.db.Translate(err)
	}
	return res.RowsAffected()
}

// ExecAll runs statements without parameters in one round trip and returns how many succeeded. PostgreSQL only.
func (c *Conn) ExecAll(ctx context.Context, statements ...string) (done int, err error) {
	err = c.pgx(func(conn *pgx.Conn) error {
		results, err := conn.PgConn().Exec(ctx, strings.Join(statements, ";")).ReadAll()
		done = len(results)
		return err
	})
	return done, c.db.Translate(err)
}

// QueryRow reads one row into dest.
func (c *Conn) QueryRow(ctx context.Context, query string, args []any, dest ...any) error {
	return c.db.Translate(c.raw.QueryRowContext(ctx, query, args...).Scan(dest...))
}

// Rows streams a query's rows as text cells, nil for NULL. A yielded slice and its cells are valid until the next row.
// The loop may end early. After an error the stream has ended.
func (c *Conn) Rows(ctx context.Context, query string, args ...any) iter.Seq2[[][]byte, error] {
	return func(yield func([][]byte, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		stopped := false
		err := c.db.streamRows(ctx, c, query, args, func(cells [][]byte) bool {
			stopped = !yield(cells, nil)
			return !stopped
		})
		if err != nil && !stopped {
			yield(nil, c.db.Translate(err))
		}
	}
}

// Query is Conn.Rows on a connection of the pool.
func (db *DB) Query(ctx context.Context, query string, args ...any) iter.Seq2[[][]byte, error] {
	return func(yield func([][]byte, error) bool) {
		conn, err := db.Conn(ctx)
		if err != nil {
			yield(nil, err)
			return
		}
		defer conn.Close()
		conn.Rows(ctx, query, args...)(yield)
	}
}

// QueryRow is Conn.QueryRow on a connection of the pool.
func (db *DB) QueryRow(ctx context.Context, query string, args []any, dest ...any) error {
	return db.Translate(db.with(ctx, func(conn *sql.Conn) error { return conn.QueryRowContext(ctx, query, args...).Scan(dest...) }))
}

// TransactionID assigns an id to the transaction and returns it with the time at which the transaction began, to the
// microsecond. Without row versions the id is nil and the time is this machine's. Errors: permission (a read-only
// server), connection.
func (c *Conn) TransactionID(ctx context.Context) (xid *int64, began time.Time, err error) {
	if !c.db.Features().RowVersions {
		return nil, now(), nil
	}
	var stamp models.Instant
	err = c.QueryRow(ctx, "SELECT pg_current_xact_id()::text::bigint, now()", nil, &xid, &stamp)
	return xid, stamp.Time(), err
}

// AvoidFullScans keeps the planner from joins that read whole tables, or allows them again, until the transaction ends.
// Without planner settings it does nothing.
func (c *Conn) AvoidFullScans(ctx context.Context, avoid bool) error {
	if !c.db.Features().PlannerSettings {
		return nil
	}
	_, err := c.Exec(ctx, fmt.Sprintf("SELECT set_config('enable_hashjoin', '%[1]t', true), set_config('enable_mergejoin', '%[1]t', true)", !avoid))
	return err
}

// Commit commits the transaction. After an error the connection is discarded: if COMMIT was never sent, the next user of
// the connection would be in the same transaction.
func (c *Conn) Commit(ctx context.Context) error {
	c.inTx = false
	_, err := c.Exec(ctx, "COMMIT")
	if err != nil {
		c.discard()
	}
	return err
}

// Rollback rolls back the transaction, if one is open, also after ctx has ended. If that fails, the connection is
// discarded, which has the same effect.
func (c *Conn) Rollback(ctx context.Context) {
	if !c.inTx {
		return
	}
	c.inTx = false
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTimeout)
	defer cancel()
	if _, err := c.raw.ExecContext(ctx, "ROLLBACK"); err != nil {
		c.discard()
	}
}

// discard keeps the connection from going back to the pool.
func (c *Conn) discard() { _ = c.raw.Raw(func(any) error { return driver.ErrBadConn }) }

// Close rolls back an open transaction and returns the connection to the pool.
func (c *Conn) Close() {
	c.Rollback(context.Background())
	_ = c.raw.Close() // fails only if it is closed already
	c.release()
}

// lockTimeout limits the wait for a lock on a table.
const lockTimeout = 10 * time.Second

// LockForWriting locks out other writers until the transaction ends; readers continue. A single writer needs no lock.
// Errors: timeout (names the table that another session has locked), permission, connection.
func (c *Conn) LockForWriting(ctx context.Context, names ...string) error {
	return c.lock(ctx, "SHARE ROW EXCLUSIVE", names)
}

// LockableTables lists those of the named tables that exist and are readable, none without table locks.
func (c *Conn) LockableTables(ctx context.Context, names []string) ([]string, error) {
	if c.db.Features().SingleWriter {
		return nil, nil
	}
	return FirstColumn(c.Rows(ctx, `SELECT n.name FROM unnest($1::text[]) AS n(name) JOIN pg_class c ON c.oid = to_regclass(quote_ident(n.name))
		WHERE c.relkind IN ('r', 'p') AND has_table_privilege(c.oid, 'SELECT')`, names))
}

// LockDefinitions prevents DROP, ALTER and TRUNCATE of lockable tables until the transaction ends; readers and writers
// continue. It must come first in a transaction that reads one snapshot: a snapshot taken before waiting for a session
// that reloads a table would see an empty table. Every connection of a snapshot needs its own locks, because a session
// that waits to alter a table blocks later ones. Errors: timeout (names the table that another session has locked).
func (c *Conn) LockDefinitions(ctx context.Context, lockable []string) error {
	return c.lock(ctx, "ACCESS SHARE", lockable)
}

// lock leaves lock_timeout set for the transaction, so that two of them never wait for each other forever.
func (c *Conn) lock(ctx context.Context, mode string, names []string) error {
	if len(names) == 0 || c.db.Features().SingleWriter {
		return nil
	}
	statements := []string{fmt.Sprintf("SET LOCAL lock_timeout = %d", lockTimeout.Milliseconds())}
	for _, name := range names {
		statements = append(statements, "LOCK TABLE "+name+" IN "+mode+" MODE")
	}
	done, err := c.ExecAll(ctx, statements...)
	if e := models.AsError(err); err != nil && e.Class == models.Timeout && ctx.Err() == nil && done > 0 && done <= len(names) {
		e.Text = models.NewText("database.table_locked", models.Params{"database": c.db.Name, "table": names[done-1], "wait": lockTimeout})
	}
	return err
}
