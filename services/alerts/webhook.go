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

	"lifecycle-sync/models"
)

// Sending one alert takes at most about 90 s, 31 of them waiting between the attempts.
const (
	answerTime = 10 * time.Second // for one attempt
	firstPause = time.Second      // before the first retry; it doubles with each
	jitter     = 20               // percent, so that two processes do not retry at once
	retries    = 5
	maxAnswer  = 64 << 10 // bytes read of the response
)

// The headers of a signed request. The signature covers the timestamp, a full stop and the body.
const (
	signatureHeader = "X-Lifecycle-Signature"
	timestampHeader = "X-Lifecycle-Timestamp"
)

// Renderer turns texts into sentences.
type Renderer interface {
	Text(t models.Text) string
	Remedy(r *models.Remedy) string
}

// Payload is the body of a request. Its texts are rendered; the details are their codes and parameters.
type Payload struct {
	Event         Event          `json:"event"`
	State         State          `json:"state"`
	At            time.Time      `json:"at"`
	Message       string         `json:"message"` // one sentence
	Remedy        string         `json:"remedy"`  // "" once resolved
	Run           *int64         `json:"run"`
	Details       map[string]any `json:"details"`
	ID            string         `json:"id"`
	MessageDetail models.Text    `json:"message_detail"`
	RemedyDetail  *models.Remedy `json:"remedy_detail"`
}

// Webhook posts alerts to one URL. It follows no redirects.
type Webhook struct {
	url, secret string
	texts       Renderer
	client      *http.Client
	pause       time.Duration
}

// NewWebhook returns the webhook at an http or https URL. With a secret, requests are signed.
func NewWebhook(address, secret string, texts Renderer) *Webhook {
	return &Webhook{url: address, secret: secret, texts: texts, pause: firstPause, client: &http.Client{
		Timeout:       answerTime,
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true}, // alerts are rare
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Post sends an alert. It retries a few times when the receiver is unreachable or busy (429, 5xx), until ctx ends. The
// error contains neither URL nor secret.
func (w *Webhook) Post(ctx context.Context, a Alert) error {
	body, err := json.Marshal(Payload{
		Event: a.Event, State: a.State, At: a.At, Message: w.texts.Text(a.Text), Remedy: w.texts.Remedy(a.Remedy), Run: a.Run, Details: a.Details, ID: a.ID,
		MessageDetail: a.Text, RemedyDetail: a.Remedy,
	})
	if err != nil {
		return err
	}
	backoff := retry.WithMaxRetries(retries, retry.WithJitterPercent(jitter, retry.NewExponential(w.pause)))
	return retry.Do(ctx, backoff, func(ctx context.Context) error { return w.attempt(ctx, body) })
}

func (w *Webhook) attempt(ctx context.Context, body []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url, bytes.NewReader(body))
	if err != nil {
		return errors.New("ALERT_WEBHOOK_URL is not a URL") // the original error contains it
	}
	request.Header.Set("Content-Type", "application/json")
	w.sign(request.Header, body)
	response, err := w.client.Do(request)
	if err != nil {
		if full, ok := errors.AsType[*url.Error](err); ok {
			err = full.Err // without the URL
		}
		return retry.RetryableError(fmt.Errorf("alert receiver unreachable: %w", err))
	}
	defer func() { _ = response.Body.Close() }()
	_, _ = io.CopyN(io.Discard, response.Body, maxAnswer)
	switch status := response.StatusCode; {
	case status >= 200 && status < 300:
		return nil
	case status == http.StatusTooManyRequests || status >= 500:
		return retry.RetryableError(fmt.Errorf("alert receiver answered %d", status))
	default:
		return fmt.Errorf("alert receiver answered %d", status)
	}
}

// sign authenticates the request and its time.
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
