package alerts

import (
	"net/http"
	"time"
)

// Hasten makes a webhook impatient: so long it waits for an answer, and so long before the second attempt.
func (w *Webhook) Hasten(answer, pause time.Duration) *Webhook {
	w.client.Timeout, w.pause = answer, pause
	return w
}

// Sending has a webhook call a function before each attempt.
func (w *Webhook) Sending(attempt func()) *Webhook {
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

// Attempts is how often at most an alert is posted.
const Attempts = retries + 1
