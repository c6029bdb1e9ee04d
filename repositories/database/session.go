package database

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
)

// closeTime bounds the farewell to a server that may not be there any more.
const closeTime = time.Second

// Session is a connection of its own, beside the pool, for what lasts longer than a transaction.
// PostgreSQL only. It is used by one goroutine, and must be closed.
type Session struct {
	db   *DB
	conn *pgx.Conn
}

// Dial connects; purpose stands behind the application's name in pg_stat_activity. Errors:
// connection, permission.
func (db *DB) Dial(ctx context.Context, purpose string) (*Session, error) {
	conn, err := pgx.ConnectConfig(ctx, db.outside(purpose))
	if err != nil {
		return nil, unconnected(ctx, err, db.Name)
	}
	return &Session{db: db, conn: conn}, nil
}

// PID is the server process that serves the session.
func (s *Session) PID() int64 { return int64(s.conn.PgConn().PID()) }

// Exec runs one statement, which is no transaction's. When ctx ends, nobody waits for the statement any
// more, but the server may go on with it.
func (s *Session) Exec(ctx context.Context, statement string) error {
	_, err := s.conn.Exec(ctx, statement, pgx.QueryExecModeSimpleProtocol)
	return s.db.Translate(err)
}

// QueryRow reads one row into dest.
func (s *Session) QueryRow(ctx context.Context, query string, args []any, dest ...any) error {
	return s.db.Translate(s.conn.QueryRow(ctx, query, append([]any{pgx.QueryExecModeExec}, args...)...).Scan(dest...))
}

// Listen subscribes to a channel: whatever commits from here on is told.
func (s *Session) Listen(ctx context.Context, channel string) error {
	return s.Exec(ctx, "LISTEN "+pgx.Identifier{channel}.Sanitize())
}

// Next returns what was sent next, or false when nothing was until a time. The connection may be dead
// all the same: only a query shows that it lives. Errors: connection; ctx's end.
func (s *Session) Next(ctx context.Context, until time.Time) (payload string, sent bool, err error) {
	waiting, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	notification, err := s.conn.WaitForNotification(waiting)
	switch {
	case err == nil:
		return notification.Payload, true, nil
	case ctx.Err() != nil:
		return "", false, ctx.Err()
	case errors.Is(waiting.Err(), context.DeadlineExceeded) && !s.conn.IsClosed():
		return "", false, nil
	default:
		return "", false, s.db.Translate(err)
	}
}

// Close ends the connection.
func (s *Session) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	_ = s.conn.Close(ctx) // it is gone either way
}
