package database

import (
	"context"
	"database/sql"
	"iter"
	"time"

	"gorm.io/gorm"

	"lifecycle-sync/models"
)

// TxMode is how a transaction begins.
type TxMode int

// The modes of transaction.
const (
	Write    TxMode = iota // READ COMMITTED; SQLite: BEGIN IMMEDIATE
	ReadOnly               // one snapshot for the whole transaction
)

// rollbackTime bounds the wait for a rollback after the caller's context has ended.
const rollbackTime = 2 * time.Second

// Conn is one connection, in at most one transaction, used by one goroutine at a time. It must be
// closed.
type Conn struct {
	db   *DB
	raw  *sql.Conn
	gorm *gorm.DB
	inTx bool
}

// Conn takes a connection out of the pool, waiting for one at most as long as ctx.
func (db *DB) Conn(ctx context.Context) (*Conn, error) {
	raw, err := db.SQL.Conn(ctx)
	if err != nil {
		return nil, db.Translate(err)
	}
	g := db.Session(&gorm.Session{NewDB: true, Context: ctx})
	g.Statement.ConnPool = raw
	return &Conn{db: db, raw: raw, gorm: g}, nil
}

// BeginConn takes a connection and begins a transaction on it. Connections of the pool that turn out to be
// dead, as all of them are after the server's restart, are passed over: nothing was done on them yet.
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

// Exec runs one statement and returns how many rows it touched.
func (c *Conn) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	res, err := c.raw.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, c.db.Translate(err)
	}
	return res.RowsAffected()
}

// QueryRow reads one row into dest.
func (c *Conn) QueryRow(ctx context.Context, query string, args []any, dest ...any) error {
	return c.db.Translate(c.raw.QueryRowContext(ctx, query, args...).Scan(dest...))
}

// Rows streams a query's rows as text cells, nil for NULL. A yielded slice and its cells are valid
// until the next row. Breaking off early is fine. After an error the stream has ended.
func (c *Conn) Rows(ctx context.Context, query string, args ...any) iter.Seq2[[][]byte, error] {
	return func(yield func([][]byte, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		stopped := false
		err := c.db.openRows(ctx, c, query, args, func(cells [][]byte) error {
			if !yield(cells, nil) {
				stopped = true
				return errStop
			}
			return nil
		})
		if err != nil && !stopped {
			yield(nil, c.db.Translate(err))
		}
	}
}

// Commit ends the transaction and keeps what it did. After an error the connection is thrown away: the
// statement may never have been sent, and the transaction would be open for whoever is given it next.
func (c *Conn) Commit(ctx context.Context) error {
	c.inTx = false
	_, err := c.Exec(ctx, "COMMIT")
	if err != nil {
		c.discard()
	}
	return err
}

// Rollback ends the transaction, if one is open, and undoes it, also when ctx has ended. A
// connection on which that fails is thrown away, which has the same effect.
func (c *Conn) Rollback(ctx context.Context) {
	if !c.inTx {
		return
	}
	c.inTx = false
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTime)
	defer cancel()
	if _, err := c.raw.ExecContext(ctx, "ROLLBACK"); err != nil {
		c.discard()
	}
}

// discard keeps the connection from going back to the pool.
func (c *Conn) discard() { _ = c.raw.Raw(func(any) error { return errBadConn }) }

// Close rolls back what is open and gives the connection back.
func (c *Conn) Close() {
	c.Rollback(context.Background())
	_ = c.raw.Close() // fails only when it is closed already
}
