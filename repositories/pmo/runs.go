package pmo

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
)

// The keys of the advisory locks. Whoever writes the mirror holds writerLock: runs, and for moments API
// writes and real time. A run holds runLock as well, by which others know at once that it is a run and not
// worth waiting for. They live as long as the writer's transaction, so a process that dies gives them up.
const (
	writerLock = 0x6c6966656379636c // "lifecycl"
	runLock    = writerLock + 1
)

// lockWait bounds the wait for another application that is writing to a mirrored table, and a run's for the
// mirror's other writers.
const lockWait = "10s"

// BeginRun makes the caller the one writer of the mirror, records the run, of which mode, start and what was
// asked are given, as running, and opens the transaction that everything it does will commit in. Runs left
// running by processes that died are marked interrupted. Errors: busy (names the run under way), connection.
func (s *Store) BeginRun(ctx context.Context, asked models.Run) (*Tx, error) {
	run := &asked
	run.State = models.Running
	begin := s.beginPostgres
	if s.Kind() == database.SQLite {
		begin = s.beginSQLite
	}
	conn, err := begin(ctx, run)
	if err != nil {
		return nil, err
	}
	return &Tx{Mirror: &Mirror{store: s, conn: conn, writing: true}, Run: run}, nil
}

func (s *Store) beginPostgres(ctx context.Context, run *models.Run) (*database.Conn, error) {
	conn, err := s.lockedConn(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.recordStart(s.db.WithContext(ctx), run); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// lockedConn begins a transaction that holds a run's locks. Writers that are not runs are waited for, in
// turn. Errors: busy, connection.
func (s *Store) lockedConn(ctx context.Context) (*database.Conn, error) {
	conn, err := s.db.BeginConn(ctx, database.Write)
	if err != nil {
		return nil, err
	}
	var locked bool
	err = conn.QueryRow(ctx, "SELECT pg_try_advisory_xact_lock($1)", []any{int64(runLock)}, &locked)
	if err == nil && !locked {
		err = s.busy(ctx, 0)
	}
	if err == nil {
		_, err = conn.ExecAll(ctx, "SET LOCAL lock_timeout = '"+lockWait+"'", fmt.Sprintf("SELECT pg_advisory_xact_lock(%d)", int64(writerLock)),
			"SET LOCAL lock_timeout = DEFAULT")
		if e := models.AsError(err); err != nil && e.Class == models.Timeout && ctx.Err() == nil {
			err = &models.Error{Class: models.Busy, LegacyMessage: "the mirror is being written to for more than " + lockWait, Cause: err, LegacyRemedy: "Try again shortly."}
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
	if err := tx.conn.Commit(ctx); err != nil {
		return err
	}
	tx.conn.Close()
	conn, err := tx.store.lockedConn(ctx)
	if err != nil {
		return err
	}
	tx.conn = conn
	return nil
}

// Lock keeps every other writer, a person's hand edit included, out of the mirror until the run ends, so
// that what was proved equal still is. Readers are not kept out. SQLite's one write lock does so from
// the beginning. Errors: timeout (names the table that another session holds).
func (tx *Tx) Lock(ctx context.Context) error {
	if tx.store.Kind() == database.SQLite {
		return nil
	}
	statements := []string{"SET LOCAL lock_timeout = '" + lockWait + "'"}
	for _, t := range tx.store.tables {
		statements = append(statements, "LOCK TABLE "+t.Mirror+" IN SHARE ROW EXCLUSIVE MODE")
	}
	done, err := tx.conn.ExecAll(ctx, statements...)
	if err != nil {
		if e := models.AsError(err); e.Class == models.Timeout && done > 0 && done < len(statements) {
			e.LegacyMessage = "pmo_db: " + tx.store.tables[done-1].Mirror + " was locked by another session for more than " + lockWait
		}
		return err
	}
	return tx.conn.QueryRow(ctx, "SELECT pg_current_xact_id()::text::bigint", nil, &tx.Run.MirrorXID)
}

// beginSQLite records the run in a transaction of its own first: while the run holds SQLite's one
// write lock nobody else could.
func (s *Store) beginSQLite(ctx context.Context, run *models.Run) (*database.Conn, error) {
	conn, err := s.db.BeginConn(ctx, database.Write)
	if err == nil {
		defer conn.Close()
		err = s.recordStart(conn.Gorm(ctx), run)
	}
	if err == nil {
		err = conn.Commit(ctx)
	}
	if err == nil {
		var tx *database.Conn
		if tx, err = s.db.BeginConn(ctx, database.Write); err == nil {
			return tx, nil
		}
	}
	if models.AsError(err).Class == models.Busy {
		return nil, s.busy(ctx, run.ID)
	}
	return nil, err
}

func (s *Store) recordStart(db *gorm.DB, run *models.Run) error {
	err := db.Model(&models.Run{}).Where("state = ?", models.Running).
		Updates(map[string]any{"state": models.Interrupted, "finished_at": run.StartedAt}).Error
	if err == nil {
		err = db.Create(run).Error
	}
	return s.db.Translate(err)
}

// busy says which run, other than our own, is under way.
func (s *Store) busy(ctx context.Context, own int64) error {
	e := &models.Error{Class: models.Busy, LegacyMessage: "another run is under way", LegacyRemedy: "Wait until it has finished."}
	var run models.Run
	if err := s.db.WithContext(ctx).Where("state = ? AND id <> ?", models.Running, own).Last(&run).Error; err == nil {
		e.LegacyMessage = fmt.Sprintf("run %d (%s) is under way since %s", run.ID, run.Mode, run.StartedAt.UTC().Format(time.RFC3339))
	}
	return e
}

// RecordEnd records that a run failed or was canceled, after its transaction is gone, and what it would have
// done, where that is to be seen. A run that turns out to have succeeded stays so.
func (s *Store) RecordEnd(ctx context.Context, run *models.Run, cause error, now time.Time, counts []models.TableCount, changes []models.LoggedChange) error {
	e := models.AsError(cause)
	run.State, run.FinishedAt = models.Failed, &now
	if e.Class == models.Canceled {
		run.State = models.CanceledRun
	}
	class := string(e.Class)
	run.ErrorClass, run.ErrorMessage, run.ErrorRemedy = &class, &e.LegacyMessage, &e.LegacyRemedy
	return s.InTx(ctx, func(tx *Store) error {
		update := tx.gorm(ctx).Model(run).Select("*")
		if !run.CancelRequested { // another process may have asked
			update = update.Omit("cancel_requested")
		}
		done := update.Where("state IN ?", []models.RunState{models.Running, models.Interrupted}).Updates(run)
		if done.Error != nil || done.RowsAffected == 0 {
			return s.db.Translate(done.Error)
		}
		return tx.keep(ctx, run.ID, counts, changes)
	})
}

// RunState looks up how a run ended: after a commit whose answer was lost.
func (s *Store) RunState(ctx context.Context, id int64) (models.RunState, error) {
	var run models.Run
	err := s.gorm(ctx).Where("id = ?", id).Take(&run).Error
	return run.State, s.db.Translate(err)
}

// HasSucceeded reports whether the mirror has ever had a successful run.
func (s *Store) HasSucceeded(ctx context.Context) (has bool, err error) {
	err = s.db.SQL.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM lifecycle_sync_runs WHERE "+succeeded+")").Scan(&has)
	return has, s.db.Translate(err)
}
