package mirror

import (
	"context"
	"time"

	"github.com/sethvargo/go-retry"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
)

const (
	firstPause, longestPause = 500 * time.Millisecond, 10 * time.Second

	maxDeadlocks = 5 // more are no coincidence
)

// Retry retries transient failures for a time after the first one. onRetry is called before each pause with the
// number of the next attempt and the error; it may be nil. Errors: that of the last attempt, or the cause of ctx's end.
func Retry(ctx context.Context, retryTime time.Duration, onRetry func(attempt int, pause time.Duration, err error), try func() error) error {
	var backoff retry.Backoff
	deadlocks := 0
	for attempt := 2; ; attempt++ {
		err := try()
		if err == nil || ctx.Err() != nil || !models.AsError(err).Transient {
			return err
		}
		if database.IsCollision(err) {
			deadlocks++
		}
		if backoff == nil {
			backoff = retry.WithMaxDuration(retryTime, database.Backoff(firstPause, longestPause))
		}
		pause, stop := backoff.Next()
		if stop || deadlocks > maxDeadlocks {
			return err
		}
		if onRetry != nil {
			onRetry(attempt, pause, err)
		}
		select {
		case <-ctx.Done():
			return withContextCause(ctx, err)
		case <-time.After(pause):
		}
	}
}
