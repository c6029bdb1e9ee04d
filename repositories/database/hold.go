package database

import (
	"context"
	"fmt"
	"time"

	"lifecycle-sync/models"
)

// holdWait bounds the wait for a session that alters or truncates a table.
const holdWait = 10 * time.Second

// Holdable lists those of the named tables that are there and may be read. On SQLite there is none to hold.
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

// Hold keeps holdable tables from being dropped, altered or truncated until the transaction ends; everybody can
// read and write them. Where the transaction reads one state, it comes first in it: a snapshot from before the
// wait for somebody who is loading a table anew would see the table empty. Each connection holds them for
// itself, because whoever waits to alter one stands in the way of those who come later. lock_timeout stays set,
// so that they do not wait for each other for ever. Errors: timeout (names the table that another session
// holds).
func (c *Conn) Hold(ctx context.Context, holdable []string) error {
	if holdable == nil {
		return nil
	}
	statements, held := []string{fmt.Sprintf("SET LOCAL lock_timeout = %d", holdWait.Milliseconds())}, []string{""}
	for _, name := range holdable {
		statements, held = append(statements, "LOCK TABLE "+name+" IN ACCESS SHARE MODE"), append(held, name)
	}
	done, err := c.ExecAll(ctx, statements...)
	if e := models.AsError(err); err != nil && e.Class == models.Timeout && ctx.Err() == nil && done > 0 && done < len(held) {
		e.Text = models.NewText("database.table_locked", models.Params{"database": c.db.Name, "table": held[done], "wait": holdWait})
	}
	return err
}
