package database

import (
	"context"
	"fmt"
	"time"

	"lifecycle-sync/models"
)

// lockWait bounds the wait for a lock on a table.
const lockWait = 10 * time.Second

// LockTables keeps other writers out of the tables until the transaction ends; readers are not kept out. A single
// writer needs no lock. Errors: timeout (names the table that another session holds), permission, connection.
func (c *Conn) LockTables(ctx context.Context, names ...string) error {
	return c.lock(ctx, "SHARE ROW EXCLUSIVE", names)
}

// Holdable lists those of the named tables that exist and are readable, none without table locks.
func (c *Conn) Holdable(ctx context.Context, names []string) (holdable []string, err error) {
	if c.db.Features().SingleWriter {
		return nil, nil
	}
	for cells, err := range c.Rows(ctx, `SELECT n.name FROM unnest($1::text[]) AS n(name) JOIN pg_class c ON c.oid = to_regclass(quote_ident(n.name))
		WHERE c.relkind IN ('r', 'p') AND has_table_privilege(c.oid, 'SELECT')`, names) {
		if err != nil {
			return nil, err
		}
		holdable = append(holdable, string(cells[0]))
	}
	return holdable, nil
}

// Hold keeps holdable tables from being dropped, altered or truncated until the transaction ends; readers and writers
// are not kept out. It must come first in a transaction that reads one snapshot: a snapshot taken before waiting for a
// session that reloads a table would see that table empty. Every connection of a snapshot needs its own locks, because
// a session waiting to alter a table blocks those that come later. Errors: timeout (names the table that another
// session holds).
func (c *Conn) Hold(ctx context.Context, holdable []string) error {
	return c.lock(ctx, "ACCESS SHARE", holdable)
}

// lock leaves lock_timeout set for the transaction, so that two of them never wait for each other forever.
func (c *Conn) lock(ctx context.Context, mode string, names []string) error {
	if len(names) == 0 || c.db.Features().SingleWriter {
		return nil
	}
	statements := []string{fmt.Sprintf("SET LOCAL lock_timeout = %d", lockWait.Milliseconds())}
	for _, name := range names {
		statements = append(statements, "LOCK TABLE "+name+" IN "+mode+" MODE")
	}
	done, err := c.ExecAll(ctx, statements...)
	if e := models.AsError(err); err != nil && e.Class == models.Timeout && ctx.Err() == nil && done > 0 && done <= len(names) {
		e.Text = models.NewText("database.table_locked", models.Params{"database": c.db.Name, "table": names[done-1], "wait": lockWait})
	}
	return err
}
