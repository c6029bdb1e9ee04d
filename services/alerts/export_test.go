package alerts

import "time"

// Hasten makes a webhook impatient: so long it waits for an answer, and so long before the second attempt.
func (w *Webhook) Hasten(answer, pause time.Duration) *Webhook {
	w.client.Timeout, w.pause = answer, pause
	return w
}

// Attempts is how often at most an alert is posted.
const Attempts = retries + 1
