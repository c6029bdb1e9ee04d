package attachments

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"
)

const (
	orphanAge     = 3 * time.Hour // minimum age of deleted content: longer than any request and any clock difference
	sweepInterval = time.Hour
	batchSize     = 500
)

// references finds the keys that a row refers to. Errors: connection, timeout.
type references interface {
	Referenced(ctx context.Context, keys []string) ([]string, error)
}

// Sweeper deletes orphaned contents, which a crashed process left. It is used by one goroutine.
type Sweeper struct {
	contents Contents
	rows     references
	now      func() time.Time
	log      *slog.Logger
	last     time.Time
}

// NewSweeper returns the use case.
func NewSweeper(contents Contents, rows references, now func() time.Time, log *slog.Logger) *Sweeper {
	return &Sweeper{contents: contents, rows: rows, now: now, log: log}
}

// Sweep deletes old contents without a row. It may be called often: it searches at most once an hour. Errors:
// unavailable, connection, timeout; the next call retries.
func (s *Sweeper) Sweep(ctx context.Context) error {
	now := s.now()
	if !s.last.IsZero() && now.Sub(s.last) < sweepInterval {
		return nil
	}
	var batch []string
	for key, err := range s.contents.Old(ctx, now.Add(-orphanAge)) {
		if err != nil {
			return err
		}
		if batch = append(batch, key); len(batch) == batchSize {
			if err := s.deleteOrphans(ctx, batch); err != nil {
				return err
			}
			batch = batch[:0]
		}
	}
	if err := s.deleteOrphans(ctx, batch); err != nil {
		return err
	}
	s.last = now
	return nil
}

// deleteOrphans deletes the contents among the keys that no row refers to.
func (s *Sweeper) deleteOrphans(ctx context.Context, keys []string) error {
	if len(keys) == 0 {
		return nil
	}
	referenced, err := s.rows.Referenced(ctx, keys)
	if err != nil {
		return err
	}
	var failures []error
	for _, key := range keys {
		if slices.Contains(referenced, key) {
			continue
		}
		if err := s.contents.Delete(ctx, key); err != nil {
			failures = append(failures, err)
			continue
		}
		s.log.Info("orphaned attachment deleted", "key", key)
	}
	return errors.Join(failures...)
}
