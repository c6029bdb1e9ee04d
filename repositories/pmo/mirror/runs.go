package mirror

import (
	"context"
	"fmt"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/pmo/journal"
)

// lockWait bounds the wait for another application that is writing to a mirrored table, and a run's for the
// mirror's other writers.
const lockWait = "10s"

// BeginRun makes the caller the one writer of the mirror, records the run, of which mode, start and what was
// asked are given, as running, and opens the transaction that everything it does will commit in. Runs left
// running by processes that died are marked interrupted. Errors: busy (names the run under way), connection.
func (s *Store) BeginRun(ctx context.Context, asked models.Run) (*Tx, error) {
	run := &asked
	begin := s.beginPostgres
	if s.pool.Features().SingleWriter {
		begin = s.beginSQLite
	}
	conn, err := begin(ctx, run)
	if err != nil {
		return nil, err
	}
	return s.tx(conn, run), nil
}

func (s *Store) beginPostgres(ctx context.Context, run *models.Run) (*database.Conn, error) {
	conn, err := s.lockedConn(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.journal().Start(ctx, run); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// lockedConn begins a transaction that holds a run's locks. Writers that are not runs are waited for, in
// turn. Errors: busy, connection.
func (s *Store) lockedConn(ctx context.Context) (*database.Conn, error) {
	conn, err := s.pool.DB.BeginConn(ctx, database.Write)
	if err != nil {
		return nil, err
	}
	var locked bool
	err = conn.QueryRow(ctx, "SELECT pg_try_advisory_xact_lock($1)", []any{int64(journal.RunLock)}, &locked)
	if err == nil && !locked {
		err = s.journal().Busy(ctx, 0)
	}
	if err == nil {
		_, err = conn.ExecAll(ctx, "SET LOCAL lock_timeout = '"+lockWait+"'", fmt.Sprintf("SELECT pg_advisory_xact_lock(%d)", int64(journal.WriterLock)),
			"SET LOCAL lock_timeout = DEFAULT")
		if e := models.AsError(err); err != nil && e.Class == models.Timeout && ctx.Err() == nil {
			err = models.NewError(models.Busy, "pmo.writers_busy", models.Params{"wait": lockWait}).WithRemedy("pmo.writers_busy_remedy", nil).WithCause(err)
		}
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// restart commits what the run has done so far and goes on in a transaction of its own.
func (tx *Tx) restart(ctx context.Context) error {
	if err := tx.s.Conn.Commit(ctx); err != nil {
		return err
	}
	tx.s.Conn.Close()
	conn, err := tx.store.lockedConn(ctx)
	if err != nil {
		return err
	}
	tx.s.Conn = conn
	return nil
}

// Lock keeps every other writer, a person's hand edit included, out of the mirror until the run ends, so
// that what was proved equal still is. Readers are not kept out. SQLite's one write lock does so from
// the beginning. Errors: timeout (names the table that another session holds).
func (tx *Tx) Lock(ctx context.Context) error {
	names := make([]string, len(tx.s.Tables))
	for i, t := range tx.s.Tables {
		names[i] = t.Mirror
	}
	err := tx.s.Conn.LockForWriting(ctx, names...)
	if err == nil {
		tx.Run.MirrorXID, _, err = tx.s.Conn.TransactionID(ctx)
	}
	return err
}

// beginSQLite records the run in a transaction of its own first: while the run holds SQLite's one
// write lock nobody else could.
func (s *Store) beginSQLite(ctx context.Context, run *models.Run) (*database.Conn, error) {
	conn, err := s.pool.DB.BeginConn(ctx, database.Write)
	if err == nil {
		defer conn.Close()
		err = journal.New(s.session(conn)).Start(ctx, run)
	}
	if err == nil {
		err = conn.Commit(ctx)
	}
	if err == nil {
		var tx *database.Conn
		if tx, err = s.pool.DB.BeginConn(ctx, database.Write); err == nil {
			return tx, nil
		}
	}
	if models.AsError(err).Class == models.Busy {
		return nil, s.journal().Busy(ctx, run.ID)
	}
	return nil, err
}
