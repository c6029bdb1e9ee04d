package database

import (
	"context"

	"github.com/jackc/pgx/v5/pgconn"
)

// senderTimeout is after what silence of ours the server ends a replication connection, so that another
// process can take a slot over whose holder's machine has vanished.
const senderTimeout = "8s"

// Replicate connects for logical replication, beside the pool. PostgreSQL only. Whoever uses the connection
// must speak every few seconds, and close it. Errors: connection, permission.
func (db *DB) Replicate(ctx context.Context, purpose string) (*pgconn.PgConn, error) {
	cfg := db.outside(purpose)
	cfg.RuntimeParams["replication"] = "database"
	cfg.RuntimeParams["wal_sender_timeout"] = senderTimeout
	conn, err := pgconn.ConnectConfig(ctx, &cfg.Config)
	if err != nil {
		return nil, unconnected(ctx, err, db.Name)
	}
	return conn, nil
}
