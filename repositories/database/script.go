package database

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5"
)

// ExecAll runs statements without parameters in one round trip and returns how many were done before
// an error. PostgreSQL only.
func (c *Conn) ExecAll(ctx context.Context, statements ...string) (done int, err error) {
	err = c.pgx(func(conn *pgx.Conn) error {
		results, err := conn.PgConn().Exec(ctx, strings.Join(statements, ";")).ReadAll()
		done = len(results)
		return err
	})
	return done, c.db.Translate(err)
}
