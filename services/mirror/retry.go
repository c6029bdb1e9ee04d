package mirror

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sethvargo/go-retry"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/pmo"
)

const (
	firstPause, longestPause = 500 * time.Millisecond, 10 * time.Second

	maxCollisions = 5 // of transactions in each other's way: after so many it is no chance
)

// These bound the record of how a run has ended: pmo_db may be away.
const (
	recordTime = 2 * time.Second
	keepTime   = 10 * time.Second // with the first changes that it would make: they are of 8 MB at most
)

// Retry does something until it succeeds or fails for good, which is also when it still fails after the time
// of patience, from its first failure on. Of each pause, with the attempt that follows and the reason for it,
// told is told first; it may be nil. The error is that of the last attempt, or ctx's end.
func Retry(ctx context.Context, patience time.Duration, told func(attempt int, pause time.Duration, err error), try func() error) error {
	var pauses retry.Backoff
	collisions := 0
	for attempt := 2; ; attempt++ {
		err := try()
		if err == nil || ctx.Err() != nil || !models.AsError(err).Transient {
			return err
		}
		if database.Collided(err) {
			collisions++
		}
		if pauses == nil {
			pauses = retry.WithCappedDuration(longestPause, retry.NewExponential(firstPause))
			pauses = retry.WithMaxDuration(patience, retry.WithJitterPercent(25, pauses))
		}
		pause, stop := pauses.Next()
		if stop || collisions > maxCollisions {
			return err
		}
		if told != nil {
			told(attempt, pause, err)
		}
		select {
		case <-ctx.Done():
			return because(ctx, err)
		case <-time.After(pause):
		}
	}
}

// Sync makes the mirror equal to the source as it is now: a full run by comparing every row, an incremental
// one by comparing what can differ since the last. Where that cannot be told, an incremental run becomes a
// full one, with the reason. What fails transiently is tried again whole, as the same run: with a new
// transaction, new locks and a new snapshot. On an error nothing has changed, except for a run row that says so.
// Errors: busy, mass_delete, schema, permission, data_type, constraint, connection, timeout, canceled; with a
// digest ChangedError, whose preview is then kept as that of a dry run is. Whoever cancels ctx because somebody
// asked for it gives ErrCancelRequested as the cause.
func (e *Engine) Sync(ctx context.Context, req Request, progress Progress) (result Result, err error) {
	req.began = time.Now()
	if req.Digest != "" {
		req.Mode = models.FullRun
	}
	err = Retry(ctx, req.RetryTime, req.Retrying, func() (err error) {
		result, err = e.attempt(ctx, req, progress, result.Run)
		return err
	})
	if run := result.Run; err != nil && run != nil && run.State != models.Succeeded {
		run.CancelRequested = run.CancelRequested || errors.Is(context.Cause(ctx), ErrCancelRequested)
		now, patience := Preview{}, recordTime
		if changed, is := errors.AsType[*ChangedError](err); is {
			now, patience = changed.Preview, keepTime
			run.Digest, run.Reason, result.Tables = &now.Digest, given(now.Kept()), now.Tables
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		if recordErr := e.store.RecordEnd(ctx, run, err, req.ended(run), now.Tables, now.Changes); recordErr != nil {
			err = fmt.Errorf("%w (and the run's end could not be recorded: %w)", err, recordErr)
		}
	}
	return result, err
}

// given is a text that may have been left out.
func given(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// begin opens the transaction of a run: of a new one, or of the one to be tried again. A run that turned out
// to have succeeded has no transaction.
func (e *Engine) begin(ctx context.Context, req Request, again *models.Run) (tx *pmo.Tx, succeeded bool, err error) {
	asked := models.Run{Mode: cmp.Or(req.Mode, models.FullRun), StartedAt: e.now(), Reason: given(req.Reason), Digest: given(req.Digest)}
	if again == nil {
		tx, err = e.store.BeginRun(ctx, asked)
	} else {
		tx, succeeded, err = e.store.ResumeRun(ctx, again)
	}
	if err != nil || succeeded {
		return nil, succeeded, err
	}
	tx.Run.Mode, tx.Run.Reason = asked.Mode, asked.Reason // the attempt before may have made a full run of it
	if again == nil && req.Began != nil {
		req.Began(*tx.Run)
	}
	return tx, false, nil
}
