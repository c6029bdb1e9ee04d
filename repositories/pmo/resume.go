package pmo

import (
	"context"
	"fmt"

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
	current, err := s.resume(ctx, run)
	if err != nil {
		conn.Close()
		return nil, false, err
	}
	*run = current
	if run.State == models.Succeeded {
		conn.Close()
		return nil, true, nil
	}
	return &Tx{Mirror: &Mirror{store: s, conn: conn, writing: true}, Run: run}, false, nil
}

// resume makes the run the one under way, unless it has succeeded. The caller holds the lock of runs.
func (s *Store) resume(ctx context.Context, run *models.Run) (current models.Run, err error) {
	if err := s.superseded(ctx, run); err != nil {
		return current, err
	}
	resumed := map[string]any{"state": models.Running, "finished_at": nil, "attempts": run.Attempts + 1}
	err = s.db.WithContext(ctx).Model(&models.Run{}).Where("id = ? AND state <> ?", run.ID, models.Succeeded).Updates(resumed).Error
	if err == nil {
		err = s.db.WithContext(ctx).Where("id = ?", run.ID).Take(&current).Error
	}
	return current, s.db.Translate(err)
}

// superseded is the error that another run has begun since.
func (s *Store) superseded(ctx context.Context, run *models.Run) error {
	var newer []models.Run
	err := s.db.WithContext(ctx).Where(synchronise+" AND id > ?", run.ID).Order("id DESC").Limit(1).Find(&newer).Error
	if err != nil || len(newer) == 0 {
		return s.db.Translate(err)
	}
	return &models.Error{Class: models.Busy, LegacyMessage: fmt.Sprintf("run %d (%s) has begun meanwhile", newer[0].ID, newer[0].Mode), LegacyRemedy: "It does what this one was to do."}
}

// stillLocked says whose the lock is: another run's, or that of a connection which is gone for us only.
func (s *Store) stillLocked(ctx context.Context, run *models.Run, busy error) error {
	if err := s.superseded(ctx, run); err != nil {
		return err
	}
	return &models.Error{Class: models.Connection, Transient: true, Cause: busy,
		LegacyMessage: s.db.Name + " has not noticed yet that the run's connection is gone, and keeps its lock",
		LegacyRemedy:  "It does so within NETWORK_TIMEOUT; docs/operations.md says how to end it at once, under interrupted and hanging runs."}
}

// Silence returns an error once pmo_db has not answered for the network timeout, nil when ctx ends.
func (s *Store) Silence(ctx context.Context) error { return s.db.Silence(ctx) }
