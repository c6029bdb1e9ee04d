package attachments

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

const (
	// orphanAge is how old a content must be to be deleted when nothing refers to it: far longer than any
	// request takes, and than clocks are apart.
	orphanAge = 3 * time.Hour
	sweepRest = time.Hour // between two looks through all contents
	batchSize = 500
)

// referring tells which of the keys some row refers to. Errors: connection, timeout.
type referring interface {
	Referenced(ctx context.Context, keys []string) ([]string, error)
}

// Sweeper deletes contents that belong to nothing, which a process that died has left. It is used by one
// goroutine.
type Sweeper struct {
	contents Contents
	rows     referring
	now      func() time.Time
	log      *slog.Logger
	last     time.Time
}

// NewSweeper returns the use case.
func NewSweeper(contents Contents, rows referring, now func() time.Time, log *slog.Logger) *Sweeper {
	return &Sweeper{contents: contents, rows: rows, now: now, log: log}
}

// Sweep deletes what nothing refers to and is old enough. It may be called often: it looks at most once an
// hour. Errors: unavailable, connection, timeout; the next call tries again.
func (s *Sweeper) Sweep(ctx context.Context) error {
	now := s.now()
	if !s.last.IsZero() && now.Sub(s.last) < sweepRest {
		return nil
	}
	var batch []string
	for key, err := range s.contents.Old(ctx, now.Add(-orphanAge)) {
		if err != nil {
			return err
		}
		if batch = append(batch, key); len(batch) == batchSize {
			if err := s.orphans(ctx, batch); err != nil {
				return err
			}
			batch = batch[:0]
		}
	}
	if err := s.orphans(ctx, batch); err != nil {
		return err
	}
	s.last = now
	return nil
}

// orphans deletes those of the keys that nothing refers to.
func (s *Sweeper) orphans(ctx context.Context, keys []string) error {
	if len(keys) == 0 {
		return nil
	}
	referred, err := s.rows.Referenced(ctx, keys)
	if err != nil {
		return err
	}
	belongs := make(map[string]bool, len(referred))
	for _, key := range referred {
		belongs[key] = true
	}
	var failures []error
	for _, key := range keys {
		if belongs[key] {
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
