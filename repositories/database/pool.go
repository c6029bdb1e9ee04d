package database

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"sync"
	"time"

	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5/pgconn"
	"gorm.io/gorm"

	"lifecycle-sync/models"
)

// fullPause is the pause between attempts to connect to a server that has no free connection.
const fullPause = 50 * time.Millisecond

// limitWait prepares the limit of the wait for a free connection. A wait of 0 means no limit.
func (db *DB) limitWait(o Options) {
	db.wait, db.places = o.Wait, make(chan struct{}, o.MaxConns)
}

// acquire takes a connection of the pool. release must be called after it is closed. If the pool has a limit of the wait, it
// covers both a pool and a server that are full, but not the time for connecting.
func (db *DB) acquire(ctx context.Context) (conn *sql.Conn, release func(), err error) {
	release = func() {}
	if db.wait == 0 {
		conn, err = db.SQL.Conn(ctx)
		return conn, release, db.Translate(err)
	}
	patience := time.NewTimer(db.wait)
	defer patience.Stop()
	select {
	case db.places <- struct{}{}:
		release = sync.OnceFunc(func() { <-db.places })
	case <-ctx.Done():
		return nil, nil, models.AsError(ctx.Err())
	case <-patience.C:
		return nil, nil, db.busy(nil)
	}
	for {
		if conn, err = db.SQL.Conn(ctx); err == nil {
			return conn, release, nil
		}
		if isFull(err) {
			select {
			case <-time.After(fullPause):
				continue
			case <-ctx.Done():
				err = ctx.Err()
			case <-patience.C:
				err = db.busy(err)
			}
		}
		release()
		return nil, nil, db.Translate(err)
	}
}

// with calls fn with a connection of the pool, and again with another one if that is dead. The connection is free again when
// the rows that fn has opened are closed.
func (db *DB) with(ctx context.Context, fn func(conn *sql.Conn) error) error {
	for left := db.SQL.Stats().MaxOpenConnections; ; left-- {
		conn, release, err := db.acquire(ctx)
		if err != nil {
			return err
		}
		err = fn(conn)
		go func() {
			_ = conn.Close() // waits for open rows
			release()
		}()
		if left <= 0 || !errors.Is(err, driver.ErrBadConn) {
			return err
		}
	}
}

// busy is the error after the wait for a free connection.
func (db *DB) busy(cause error) error {
	e := models.NewError(models.Unavailable, "database.busy", models.Params{"database": db.Name}).WithRemedy("database.busy_remedy", nil).WithCause(cause).AsExpected()
	e.Transient = true
	return e
}

// isFull reports whether the server, the database or the role allows no further connection.
func isFull(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && pg.Code == pgerrcode.TooManyConnections
}

// gormPool returns what GORM runs statements outside of transactions on.
func (db *DB) gormPool() gorm.ConnPool { //nolint:ireturn // as GORM wants it
	if db.wait == 0 {
		return db.SQL
	}
	return pool{db}
}

// pool runs GORM's statements outside of transactions, so that they, too, wait no longer than allowed.
type pool struct{ db *DB }

// PrepareContext implements gorm.ConnPool.
func (p pool) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	return p.db.SQL.PrepareContext(ctx, query)
}

// ExecContext implements gorm.ConnPool.
func (p pool) ExecContext(ctx context.Context, query string, args ...any) (result sql.Result, err error) {
	err = p.db.with(ctx, func(conn *sql.Conn) error {
		result, err = conn.ExecContext(ctx, query, args...)
		return err
	})
	return result, err
}

// QueryContext implements gorm.ConnPool.
func (p pool) QueryContext(ctx context.Context, query string, args ...any) (rows *sql.Rows, err error) {
	err = p.db.with(ctx, func(conn *sql.Conn) error {
		rows, err = conn.QueryContext(ctx, query, args...) //nolint:rowserrcheck,sqlclosecheck // the caller reads and closes the rows
		return err
	})
	return rows, err
}

// QueryRowContext implements gorm.ConnPool.
func (p pool) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	return p.db.SQL.QueryRowContext(ctx, query, args...)
}
