package alerts_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/services/alerts"
	"lifecycle-sync/test/kit"
)

const secret = "rahasia-sekali"

// receiver is an HTTP server that records requests.
type receiver struct {
	*httptest.Server
	mu       sync.Mutex
	requests []request
}

type request struct {
	*http.Request
	body []byte
}

func receive(t *testing.T, answer http.HandlerFunc) *receiver {
	t.Helper()
	v := &receiver{}
	v.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		v.mu.Lock()
		v.requests = append(v.requests, request{r, body})
		v.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(v.Close)
	return v
}

func (v *receiver) got() []request {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.requests)
}

// inTurn answers with statuses in turn, then always with the last one.
func inTurn(statuses ...int) http.HandlerFunc {
	var mu sync.Mutex
	return func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		w.WriteHeader(statuses[0])
		if len(statuses) > 1 {
			statuses = statuses[1:]
		}
	}
}

func example() alerts.Alert {
	run := int64(12)
	return alerts.Alert{Event: alerts.Failed, State: alerts.Firing, At: time.Date(2026, 3, 1, 2, 3, 4, 0, time.UTC), Problem: models.Problem{Text: models.NewText("test.failed", models.Params{"name": "é"}), Remedy: models.NewCommand("test.remedy", nil, "FIX")}, Run: &run, Details: map[string]any{"class": "schema"}, ID: "failed-12-firing"}
}

// codes renders texts as their codes and parameters.
type codes struct{}

func (codes) Text(t models.Text) string { return t.String() }

func (codes) Remedy(r *models.Remedy) string {
	if r == nil {
		return ""
	}
	return r.String() + " " + r.Command
}

// fastWebhook is a webhook with short timeouts.
func fastWebhook(url, secret string) *alerts.Webhook {
	return alerts.NewWebhook(url, secret, codes{}).WithTimes(5*time.Second, time.Millisecond)
}

func TestWebhook_SignsRequestsWithItsSecretAndRendersTexts(t *testing.T) {
	t.Parallel()
	v := receive(t, inTurn(http.StatusNoContent))
	before := time.Now().Unix()
	if err := fastWebhook(v.URL, secret).Post(t.Context(), example()); err != nil {
		t.Fatal(err)
	}
	after := time.Now().Unix()
	all := v.got()
	if len(all) != 1 || all[0].Method != http.MethodPost || all[0].Header.Get("Content-Type") != "application/json" {
		t.Fatalf("%+v", all)
	}
	timestamp := all[0].Header.Get("X-Lifecycle-Timestamp")
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || seconds < before || seconds > after {
		t.Errorf("sent at %s, which is not between %d and %d", timestamp, before, after)
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(timestamp + "." + string(all[0].body)))
	if got, want := all[0].Header.Get("X-Lifecycle-Signature"), "sha256="+hex.EncodeToString(mac.Sum(nil)); got != want {
		t.Errorf("signature %s, want %s", got, want)
	}
	want := `{"event":"failed","state":"firing","at":"2026-03-01T02:03:04Z","message":"test.failed name=é","remedy":"test.remedy FIX","run":12,` +
		`"details":{"class":"schema"},"id":"failed-12-firing","message_detail":{"code":"test.failed","params":{"name":"é"}},"remedy_detail":{"code":"test.remedy","command":"FIX"}}`
	if string(all[0].body) != want {
		t.Errorf("%s\nwant\n%s", all[0].body, want)
	}
	if err := fastWebhook(v.URL, "").Post(t.Context(), example()); err != nil {
		t.Fatal(err)
	}
	for name := range v.got()[1].Header {
		if strings.HasPrefix(name, "X-") {
			t.Errorf("without a secret there is a header %s", name)
		}
	}
}

func TestWebhook_RetriesBusyAndBrokenReceivers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		answers  []int
		requests int
		says     string // "" if it is accepted in the end
	}{
		{[]int{200}, 1, ""}, {[]int{500, 503, 429, 202}, 4, ""}, {[]int{429}, alerts.Attempts, "429"}, {[]int{502}, alerts.Attempts, "502"},
		{[]int{401}, 1, "401"}, {[]int{500, 404, 200}, 2, "404"}, {[]int{304}, 1, "304"},
	} {
		v := receive(t, inTurn(c.answers...))
		err := fastWebhook(v.URL, secret).Post(t.Context(), example())
		if n := len(v.got()); n != c.requests || (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v: %d requests, %v", c.answers, n, err)
		}
	}
}

func TestWebhook_FollowsNoRedirects(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 302, 303, 307, 308} {
		v := receive(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/there", status) })
		if err := fastWebhook(v.URL, secret).Post(t.Context(), example()); err == nil || !strings.Contains(err.Error(), strconv.Itoa(status)) || len(v.got()) != 1 {
			t.Errorf("%d: %v, %d requests", status, err, len(v.got()))
		}
	}
}

func TestWebhook_ErrorsOfUnreachableReceiversHideTheURL(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone := "http://user:" + secret + "@" + listener.Addr().String() + "/" + secret
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	rude := receive(t, func(_ http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) })
	for _, url := range []string{gone, rude.URL + "/" + secret, "http://" + secret + ".invalid:99999/"} {
		err := fastWebhook(url, secret).Post(t.Context(), example())
		if err == nil || !strings.Contains(err.Error(), "unreachable") || strings.Contains(err.Error(), "/"+secret) || strings.Contains(err.Error(), "user") {
			t.Errorf("%v", err)
		}
	}
	if n := len(rude.got()); n != alerts.Attempts {
		t.Errorf("%d requests", n)
	}
}

func TestWebhook_EachAttemptTimesOutAndPostEndsWithItsContext(t *testing.T) {
	t.Parallel()
	v := receive(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	hurried := alerts.NewWebhook(v.URL, "", codes{}).WithTimes(10*time.Millisecond, time.Millisecond)
	if err := hurried.Post(t.Context(), example()); err == nil || !strings.Contains(err.Error(), "unreachable") {
		t.Errorf("%v", err)
	}
	before := len(v.got())
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- alerts.NewWebhook(v.URL, "", codes{}).Post(ctx, example()) }()
	kit.Eventually(t, "a request", func() bool { return len(v.got()) > before })
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
