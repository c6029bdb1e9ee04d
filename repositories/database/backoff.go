package database

import (
	"time"

	"github.com/sethvargo/go-retry"
)

const jitterPercent = 20 // so that processes do not retry in step

// Backoff returns pauses between retries that grow from first to longest. It never ends by itself.
func Backoff(first, longest time.Duration) retry.Backoff { //nolint:ireturn // the library has no other type for it
	return retry.WithCappedDuration(longest, retry.WithJitterPercent(jitterPercent, retry.NewExponential(first)))
}
