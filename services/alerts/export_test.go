package alerts

import "time"

// WithTimes sets the timeout of an attempt and the pause before the first retry.
func (w *Webhook) WithTimes(answer, pause time.Duration) *Webhook {
	w.client.Timeout, w.pause = answer, pause
	return w
}

// Attempts is the maximum number of attempts.
const Attempts = retries + 1
