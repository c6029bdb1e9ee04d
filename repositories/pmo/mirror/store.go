// Package mirror reads and writes the mirrored rows for the sync engine: the transactions of runs, API writes
// and real-time sync, the preflight checks, and loading an empty mirror.
package mirror

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm/clause"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/pmo"
	"lifecycle-sync/repositories/pmo/attachments"
	"lifecycle-sync/repositories/pmo/journal"
)

// Store opens the mirror for reading and writing.
type Store struct{ pool *pmo.Store }

// New returns the mirror in a store.
func New(pool *pmo.Store) *Store { return &Store{pool: pool} }

// journal is the journal outside of a run's transaction.
func (s *Store) journal() *journal.Journal { return journal.New(s.pool.Session) }

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
	reader := &Reader{store: s, s: session, conn: conn, writing: true}
	return &Tx{Reader: reader, Journal: journal.New(session), Attachments: attachments.New(session), Run: run}, nil
}

// lock takes the advisory locks of a writer, which end with the transaction. Raw, because GORM has no locks of this kind.
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
	if s.pool.Features().SingleWriter { // no other connection can write while the run's transaction is open
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
	tx.conn, tx.s, tx.Journal, tx.Attachments = next.conn, next.s, next.Journal, next.Attachments
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

// Clock returns the database's time. Raw, because it reads no table. PostgreSQL only.
func (tx *Tx) Clock(ctx context.Context) (now time.Time, err error) {
	err = tx.conn.QueryRow(ctx, "SELECT clock_timestamp()", nil, &now)
	return now.UTC(), err
}

// JoinRun makes the step part of a run, which it records if it is new. A real-time run is never running: it has succeeded
// up to its last step.
func (tx *Tx) JoinRun(ctx context.Context, run models.Run) error {
	run.Mode, run.State, run.FinishedAt = models.RealtimeRun, models.Succeeded, &run.StartedAt
	if run.ID == 0 {
		if err := tx.s.Gorm(ctx).Create(&run).Error; err != nil {
			return tx.s.Translate(err)
		}
	}
	tx.Run = &run
	return tx.conn.QueryRow(ctx, "SELECT pg_current_xact_id()::text::bigint", nil, &run.MirrorXID)
}

// FinishStep adds the step's counts to those of its run, moves the watermark and commits. A step without a run has
// changed no row.
func (tx *Tx) FinishStep(ctx context.Context, counts []models.TableCount, changed models.ChangedProducts, reached models.Watermark) error {
	if tx.Run == nil {
		return tx.commitStep(ctx, reached)
	}
	tx.Run.Horizon, tx.Run.FinishedAt = reached.Horizon, &reached.CurrentAt
	g := tx.s.Gorm(ctx)
	if err := g.Omit("cancel_requested").Save(tx.Run).Error; err != nil {
		return tx.s.Translate(err)
	}
	var written []models.TableCount
	for i, c := range counts {
		c.RunID, c.Position, c.Unchanged = tx.Run.ID, i+1, 0
		if c.Wrote() || c.Quarantined > 0 {
			written = append(written, c)
		}
	}
	if written != nil {
		if err := tx.recordActivities(ctx, reached.CurrentAt, reached.Horizon); err != nil {
			return err
		}
		if err := g.Clauses(addCounts()).Create(&written).Error; err != nil {
			return tx.s.Translate(err)
		}
		version, err := tx.s.BumpVersion(ctx, changed)
		if err != nil {
			return err
		}
		tx.Version = version
	}
	reached.RunID, reached.MirrorXID = tx.Run.ID, tx.Run.MirrorXID
	return tx.commitStep(ctx, reached)
}

// addCounts makes an INSERT of counts add to existing ones.
func addCounts() clause.OnConflict {
	sums := map[string]any{}
	for _, column := range []string{"inserted", "updated", "deleted", "quarantined", "released"} {
		sums[column] = clause.Expr{SQL: "lifecycle_sync_run_tables." + column + " + excluded." + column}
	}
	return clause.OnConflict{Columns: []clause.Column{{Name: "run_id"}, {Name: "table_name"}}, DoUpdates: clause.Assignments(sums)}
}

// commitStep commits. If the answer is lost, the step counts as failed: repeating it changes nothing.
func (tx *Tx) commitStep(ctx context.Context, reached models.Watermark) error {
	if err := tx.Journal.SetWatermark(ctx, reached); err != nil {
		return err
	}
	return tx.conn.Commit(ctx)
}
