package mirror

import (
	"context"
	"fmt"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/pmo/journal"
)

// refreshWait is how long an API write waits for the writer's lock.
const refreshWait = 2 * time.Second

// BeginRefresh opens the transaction in which what an API write changed comes to the mirror, once the
// mirror has no other writer, for which it waits at most 2 s. The run is recorded in the transaction.
// Errors: busy, connection.
func (s *Store) BeginRefresh(ctx context.Context, now time.Time) (*Tx, error) {
	conn, err := s.waitForLock(ctx)
	if err != nil {
		return nil, err
	}
	tx := s.tx(conn, &models.Run{Mode: models.WriteRun, State: models.Running, StartedAt: now})
	err = s.pool.DB.Translate(conn.Gorm(ctx).Create(tx.Run).Error)
	if err == nil {
		tx.Run.MirrorXID, _, err = conn.TransactionID(ctx)
	}
	if err != nil {
		tx.Close()
		return nil, err
	}
	return tx, nil
}

func (s *Store) waitForLock(ctx context.Context) (*database.Conn, error) {
	busy := models.NewError(models.Busy, "pmo.run_is_writing", nil).WithRemedy("pmo.run_is_writing_remedy", nil)
	if s.pool.Features().SingleWriter {
		waiting, cancel := context.WithTimeout(ctx, refreshWait)
		defer cancel()
		conn, err := s.pool.DB.BeginConn(waiting, database.Write)
		if err != nil && ctx.Err() == nil && waiting.Err() != nil {
			err = busy
		}
		return conn, err
	}
	conn, err := s.pool.DB.BeginConn(ctx, database.Write)
	if err != nil {
		return nil, err
	}
	_, err = conn.Exec(ctx, fmt.Sprintf("SET LOCAL lock_timeout = '%dms'", refreshWait.Milliseconds()))
	if err == nil {
		_, err = conn.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", int64(journal.WriterLock))
		if e := models.AsError(err); err != nil && e.Class == models.Timeout && ctx.Err() == nil {
			err = busy
		}
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// Count is how many rows a table of the mirror holds.
func (m *Reader) Count(ctx context.Context, t *models.Table) (n int64, err error) {
	return n, m.s.Conn.QueryRow(ctx, "SELECT count(*) FROM "+t.Mirror, nil, &n)
}
