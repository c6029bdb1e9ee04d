package alerts

import (
	"net/http"
	"time"
)

// WithTimes sets the timeout of an attempt and the pause before the first retry.
func (w *Webhook) WithTimes(answer, pause time.Duration) *Webhook {
	w.client.Timeout, w.pause = answer, pause
	return w
}

// BeforeAttempt calls a function before each attempt.
func (w *Webhook) BeforeAttempt(attempt func()) *Webhook {
	w.client.Transport = watched{w.client.Transport, attempt}
	return w
}

type watched struct {
	http.RoundTripper
	attempt func()
}

// RoundTrip implements http.RoundTripper.
func (t watched) RoundTrip(r *http.Request) (*http.Response, error) {
	t.attempt()
	return t.RoundTripper.RoundTrip(r)
}

// Attempts is the maximum number of attempts.
const Attempts = retries + 1
