package mirror

import (
	"context"
	"fmt"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/pmo/journal"
)

const (
	lockWait  = "10s"           // a run's timeout for another writer of the mirror or of a mirrored table
	shortWait = 2 * time.Second // timeout of API writes and steps of real-time sync for another writer
)

// begin opens a transaction that writes the mirror, once there is no other writer. run is nil for API writes and steps
// of real-time sync. A run does not wait for another run. Errors: busy, connection.
func (s *Store) begin(ctx context.Context, run *models.Run) (*Tx, error) {
	opening, single := ctx, s.pool.Features().SingleWriter
	if single && run == nil {
		var cancel context.CancelFunc
		opening, cancel = context.WithTimeout(ctx, shortWait)
		defer cancel()
	}
	conn, session, err := s.pool.Begin(opening, database.Write)
	switch {
	case err == nil:
	case ctx.Err() == nil && opening.Err() != nil:
		return nil, runIsWriting()
	case single && run != nil && models.AsError(err).Class == models.Busy:
		return nil, s.journal().Busy(ctx, run.ID)
	default:
		return nil, err
	}
	if !single {
		err = s.lock(ctx, conn, run)
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return &Tx{Reader: &Reader{store: s, s: session, conn: conn, writing: true}, Journal: journal.New(session), Run: run}, nil
}

// lock takes the advisory locks of a writer, which end with the transaction.
func (s *Store) lock(ctx context.Context, conn *database.Conn, run *models.Run) error {
	statements := []string{fmt.Sprintf("SET LOCAL lock_timeout = %d", shortWait.Milliseconds()), fmt.Sprintf("SELECT pg_advisory_xact_lock(%d)", int64(journal.WriterLock))}
	if run != nil {
		var locked bool
		if err := conn.QueryRow(ctx, "SELECT pg_try_advisory_xact_lock($1)", []any{int64(journal.RunLock)}, &locked); err != nil {
			return err
		}
		if !locked {
			return s.journal().Busy(ctx, run.ID)
		}
		statements[0] = "SET LOCAL lock_timeout = '" + lockWait + "'"
		statements = append(statements, "SET LOCAL lock_timeout = DEFAULT")
	}
	_, err := conn.ExecAll(ctx, statements...)
	switch timedOut := err != nil && models.AsError(err).Class == models.Timeout && ctx.Err() == nil; {
	case timedOut && run == nil:
		return runIsWriting()
	case timedOut:
		return models.NewError(models.Busy, "pmo.writers_busy", models.Params{"wait": lockWait}).WithRemedy("pmo.writers_busy_remedy", nil).WithCause(err)
	default:
		return err
	}
}

func runIsWriting() error {
	return models.NewError(models.Busy, "pmo.run_is_writing", nil).WithRemedy("pmo.run_is_writing_remedy", nil)
}

// BeginRun opens the transaction of a new run and records the run as running, visible to others. Runs left running by
// processes that died are marked interrupted. Errors: busy (names the run in progress), connection.
func (s *Store) BeginRun(ctx context.Context, run models.Run) (*Tx, error) {
	tx, err := s.begin(ctx, &run)
	if err != nil {
		return nil, err
	}
	if s.pool.Features().SingleWriter { // nobody else can write while the run's transaction is open
		if err = tx.Journal.Start(ctx, &run); err == nil {
			err = tx.restart(ctx)
		}
	} else {
		err = s.journal().Start(ctx, &run)
	}
	if err != nil {
		tx.Close()
		return nil, err
	}
	return tx, nil
}

// restart commits the transaction and continues in a new one.
func (tx *Tx) restart(ctx context.Context) error {
	if err := tx.conn.Commit(ctx); err != nil {
		return err
	}
	tx.conn.Close()
	next, err := tx.store.begin(ctx, tx.Run)
	if err != nil {
		return err
	}
	tx.conn, tx.s, tx.Journal = next.conn, next.s, next.Journal
	return nil
}

// ResumeRun retries a run that has failed transiently, in a new transaction. succeeded means that it had not failed: the
// answer to its commit was lost; run is then as it ended, and there is no transaction. PostgreSQL only, because nothing
// on SQLite is transient. Errors: busy when another run has begun since; connection, also transient while the server
// keeps the lock of the lost connection.
func (s *Store) ResumeRun(ctx context.Context, run *models.Run) (tx *Tx, succeeded bool, err error) {
	tx, err = s.begin(ctx, run)
	if err != nil {
		if models.AsError(err).Class == models.Busy {
			err = s.lockHolder(ctx, run, err)
		}
		return nil, false, err
	}
	current, err := s.journal().Restart(ctx, run)
	if err != nil {
		tx.Close()
		return nil, false, err
	}
	if *run = current; run.State == models.Succeeded {
		tx.Close()
		return nil, true, nil
	}
	return tx, false, nil
}

// lockHolder returns the error that names who holds the lock: another run, or the run's own lost connection.
func (s *Store) lockHolder(ctx context.Context, run *models.Run, busy error) error {
	if err := s.journal().Superseded(ctx, run); err != nil {
		return err
	}
	e := models.NewError(models.Connection, "pmo.lock_of_lost_connection", models.Params{"database": s.pool.Name()}).
		WithRemedy("pmo.lock_of_lost_connection_remedy", nil).WithCause(busy)
	e.Transient = true
	return e
}

// BeginRefresh opens the transaction that mirrors an API write, and records its run in it. It waits at most 2 s for
// another writer. Errors: busy, connection.
func (s *Store) BeginRefresh(ctx context.Context, now time.Time) (*Tx, error) {
	tx, err := s.begin(ctx, nil)
	if err != nil {
		return nil, err
	}
	tx.Run = &models.Run{Mode: models.WriteRun, State: models.Running, StartedAt: now}
	err = tx.s.Translate(tx.s.Gorm(ctx).Create(tx.Run).Error)
	if err == nil {
		tx.Run.MirrorXID, _, err = tx.conn.TransactionID(ctx)
	}
	if err != nil {
		tx.Close()
		return nil, err
	}
	return tx, nil
}

// BeginStep opens the transaction of a step of real-time sync. It waits at most 2 s for another writer. Errors: busy,
// connection.
func (s *Store) BeginStep(ctx context.Context) (*Tx, error) { return s.begin(ctx, nil) }

// Lock locks out all other writers, including manual edits, until the run ends, so that what was proved equal stays
// equal. Readers continue. SQLite locks when the transaction begins. Errors: timeout (names the table that another
// session has locked).
func (tx *Tx) Lock(ctx context.Context) error {
	err := tx.conn.LockForWriting(ctx, tx.store.pool.MirrorNames()...)
	if err == nil {
		tx.Run.MirrorXID, _, err = tx.conn.TransactionID(ctx)
	}
	return err
}
