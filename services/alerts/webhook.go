package alerts

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/sethvargo/go-retry"
)

// A receiver that does not answer is tried for a while: one alert takes at most some 80 s, 31 of them
// waiting between the attempts.
const (
	answerTime = 10 * time.Second // for one attempt
	firstPause = time.Second      // before the second, and then twice as long each time
	jitter     = 20               // percent, so that two processes do not come at once
	retries    = 5
	maxAnswer  = 64 << 10 // bytes that are read, and thrown away
)

// The headers of a signed request. The signature is of the timestamp, a full stop and the body.
const (
	signatureHeader = "X-Lifecycle-Signature"
	timestampHeader = "X-Lifecycle-Timestamp"
)

// Webhook posts alerts to one address, and follows it nowhere else.
type Webhook struct {
	url, secret string
	client      *http.Client
	pause       time.Duration
}

// NewWebhook returns the webhook at an address, http or https. With a secret, requests are signed.
func NewWebhook(address, secret string) *Webhook {
	return &Webhook{url: address, secret: secret, pause: firstPause, client: &http.Client{
		Timeout:       answerTime,
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true}, // alerts are seldom
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Post sends an alert, again when the receiver cannot be reached or says that it cannot take it at the
// moment (429, 5xx), a few times and for as long as ctx. The error shows neither address nor secret.
func (w *Webhook) Post(ctx context.Context, a Alert) error {
	body, err := json.Marshal(a)
	if err != nil {
		return err
	}
	backoff := retry.WithMaxRetries(retries, retry.WithJitterPercent(jitter, retry.NewExponential(w.pause)))
	return retry.Do(ctx, backoff, func(ctx context.Context) error { return w.attempt(ctx, body) })
}

func (w *Webhook) attempt(ctx context.Context, body []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url, bytes.NewReader(body))
	if err != nil {
		return errors.New("ALERT_WEBHOOK_URL is not an address") // the error has it
	}
	request.Header.Set("Content-Type", "application/json")
	w.sign(request.Header, body)
	response, err := w.client.Do(request)
	if err != nil {
		if full, ok := errors.AsType[*url.Error](err); ok {
			err = full.Err // without the address
		}
		return retry.RetryableError(fmt.Errorf("the receiver cannot be reached: %w", err))
	}
	defer func() { _ = response.Body.Close() }()
	_, _ = io.CopyN(io.Discard, response.Body, maxAnswer)
	switch status := response.StatusCode; {
	case status >= 200 && status < 300:
		return nil
	case status == http.StatusTooManyRequests || status >= 500:
		return retry.RetryableError(fmt.Errorf("the receiver answered %d", status))
	default:
		return fmt.Errorf("the receiver answered %d", status)
	}
}

// sign proves who sends the request, and when.
func (w *Webhook) sign(header http.Header, body []byte) {
	if w.secret == "" {
		return
	}
	timestamp := strconv.FormatInt(time.Now().Unix(), 10)
	mac := hmac.New(sha256.New, []byte(w.secret))
	mac.Write([]byte(timestamp + "."))
	mac.Write(body)
	header.Set(timestampHeader, timestamp)
	header.Set(signatureHeader, "sha256="+hex.EncodeToString(mac.Sum(nil)))
}
