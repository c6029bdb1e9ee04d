package database

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
)

// closeTime bounds the farewell to a server that may not be there any more.
const closeTime = time.Second

// Listener is a connection of its own, beside the pool, that is told what is sent to a channel.
// PostgreSQL only. It is used by one goroutine, and must be closed.
type Listener struct {
	db   *DB
	conn *pgx.Conn
}

// Listen connects and subscribes: whatever commits from here on is told. Errors: connection, permission.
func (db *DB) Listen(ctx context.Context, channel string) (*Listener, error) {
	conn, err := db.dial(ctx)
	if err != nil {
		return nil, db.Translate(err)
	}
	l := &Listener{db: db, conn: conn}
	if _, err := conn.Exec(ctx, "LISTEN "+pgx.Identifier{channel}.Sanitize(), pgx.QueryExecModeSimpleProtocol); err != nil {
		l.Close()
		return nil, db.Translate(err)
	}
	return l, nil
}

// Next returns what was sent next, or false when nothing was until a time. The connection may be dead
// all the same: only a query shows that it lives. Errors: connection; ctx's end.
func (l *Listener) Next(ctx context.Context, until time.Time) (payload string, sent bool, err error) {
	waiting, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	notification, err := l.conn.WaitForNotification(waiting)
	switch {
	case err == nil:
		return notification.Payload, true, nil
	case ctx.Err() != nil:
		return "", false, ctx.Err()
	case errors.Is(waiting.Err(), context.DeadlineExceeded) && !l.conn.IsClosed():
		return "", false, nil
	default:
		return "", false, l.db.Translate(err)
	}
}

// QueryRow reads one row into dest. After an error the connection is of no more use.
func (l *Listener) QueryRow(ctx context.Context, query string, dest ...any) error {
	return l.db.Translate(l.conn.QueryRow(ctx, query, pgx.QueryExecModeExec).Scan(dest...))
}

// Close ends the connection.
func (l *Listener) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	_ = l.conn.Close(ctx) // it is gone either way
}
