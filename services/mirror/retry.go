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

	maxCollisions = 5 // of transactions in each other's way: after so many it is no chance
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
