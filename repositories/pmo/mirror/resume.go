package mirror

import (
	"context"

	"lifecycle-sync/models"
)

// ResumeRun begins a run again that has failed transiently: with its locks and in a new transaction it is
// running once more, and has one attempt more. succeeded means that it had not failed at all: the answer to
// its commit was lost; run is then as it ended, and there is no transaction. PostgreSQL only, because nothing
// on SQLite is transient. Errors: busy when another run has begun meanwhile; connection, transient too while
// the server still takes the lost connection for alive and keeps its lock.
func (s *Store) ResumeRun(ctx context.Context, run *models.Run) (tx *Tx, succeeded bool, err error) {
	conn, err := s.lockedConn(ctx)
	if models.AsError(err) != nil && models.AsError(err).Class == models.Busy {
		return nil, false, s.stillLocked(ctx, run, err)
	}
	if err != nil {
		return nil, false, err
	}
	current, err := s.journal().Restart(ctx, run)
	if err != nil {
		conn.Close()
		return nil, false, err
	}
	*run = current
	if run.State == models.Succeeded {
		conn.Close()
		return nil, true, nil
	}
	return s.tx(conn, run), false, nil
}

// stillLocked says whose the lock is: another run's, or that of a connection which is gone for us only.
func (s *Store) stillLocked(ctx context.Context, run *models.Run, busy error) error {
	if err := s.journal().Superseded(ctx, run); err != nil {
		return err
	}
	e := models.NewError(models.Connection, "pmo.lock_of_lost_connection", models.Params{"database": s.pool.DB.Name}).
		WithRemedy("pmo.lock_of_lost_connection_remedy", nil).WithCause(busy)
	e.Transient = true
	return e
}
