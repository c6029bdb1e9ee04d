package database

import (
	"context"
	"database/sql/driver"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// pooledConn is a connection through a pooler in transaction mode. Each transaction may have another session, whose settings
// come from its role, from its database or from other clients. So every statement runs in a transaction that first sets what
// the program relies on.
type pooledConn struct{ *stdlib.Conn }

// pooledSettings sets, in a transaction, what a direct connection sets at its start.
func pooledSettings(conn *pgx.Conn) string {
	all := sessionSettings()
	maps.Copy(all, textSettings())
	if hasTransactionTimeout(conn) {
		all[transactionTimeout] = "0"
	}
	statements := []string{"SET LOCAL statement_timeout = 0"} // first: it also ends these
	for _, name := range slices.Sorted(maps.Keys(all)) {
		statements = append(statements, "SET LOCAL "+name+" = '"+all[name]+"'")
	}
	return strings.Join(statements, "; ")
}

// inTx reports whether a transaction is open.
func (c *pooledConn) inTx() bool { return c.Conn.Conn().PgConn().TxStatus() != 'I' }

// begin begins a transaction for one statement, unless one is open. end ends it.
func (c *pooledConn) begin(ctx context.Context) (end func(error) error, err error) {
	if c.inTx() {
		return func(err error) error { return err }, nil
	}
	return beginPooled(ctx, c.Conn.Conn())
}

// beginPooled begins a transaction through a pooler, for one statement. end ends it, and returns the statement's error or its own.
func beginPooled(ctx context.Context, conn *pgx.Conn) (end func(error) error, err error) {
	if _, err := conn.PgConn().Exec(ctx, "BEGIN; "+pooledSettings(conn)).ReadAll(); err != nil {
		rollbackPooled(conn)
		return nil, err
	}
	return func(err error) error {
		if err != nil {
			rollbackPooled(conn)
			return err
		}
		_, err = conn.PgConn().Exec(ctx, "COMMIT").ReadAll()
		return err
	}, nil
}

// rollbackPooled ends a failed transaction. Without an answer the connection is closed, which has the same effect.
func rollbackPooled(conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), rollbackTimeout)
	defer cancel()
	if _, err := conn.PgConn().Exec(ctx, "ROLLBACK").ReadAll(); err != nil {
		closeConn(conn)
	}
}

// ExecContext runs a statement.
func (c *pooledConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	end, err := c.begin(ctx)
	if err != nil {
		return nil, err
	}
	result, err := c.Conn.ExecContext(ctx, query, args)
	return result, end(err)
}

// QueryContext runs a query, whose transaction ends with its rows.
func (c *pooledConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	end, err := c.begin(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := c.Conn.QueryContext(ctx, query, args)
	if err != nil {
		return nil, end(err)
	}
	return &pooledRows{Rows: rows.(*stdlib.Rows), end: end}, nil //nolint:forcetypeassert // the package has no other
}

// BeginTx begins a transaction of several statements.
func (c *pooledConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	tx, err := c.Conn.BeginTx(ctx, opts)
	if err != nil {
		return nil, err
	}
	conn := c.Conn.Conn()
	if _, err := conn.PgConn().Exec(ctx, pooledSettings(conn)).ReadAll(); err != nil {
		rollbackPooled(conn)
		return nil, err
	}
	return tx, nil
}

// pooledRows are the rows of a query in a transaction of its own.
type pooledRows struct {
	*stdlib.Rows
	end func(error) error
}

// Close ends the transaction.
func (r *pooledRows) Close() error { return r.end(r.Rows.Close()) }
