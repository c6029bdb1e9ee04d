// Package api_test holds scenarios of the HTTP API. Each boots the real program, on databases of its
// own, and speaks to it through a real socket.
package api_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"lifecycle-sync/app"
	"lifecycle-sync/repositories/database/databasetest"
)

const base = "/api/product-lifecycle"

// eachSite runs a scenario against the program on each database system.
func eachSite(t *testing.T, fn func(t *testing.T, s *site), env ...string) {
	t.Helper()
	databasetest.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		fn(t, newSite(t, url, env...))
	})
}

// site is the program at work, synchronised once, and its two databases.
type site struct {
	t              testing.TB
	environ        []string
	address        string // host:port
	source, target *sql.DB
	log            *lockedBuffer
	token          string             // sent with every request, unless ""
	stop           context.CancelFunc // ends the program; stopped is then closed
	stopped        chan struct{}
}

// newSite fills a source with 20 products and 12 transitions, and boots the program on it, without a
// schedule. env are further settings, as "NAME=value". url makes an empty database.
func newSite(t testing.TB, url func(testing.TB) string, env ...string) *site {
	t.Helper()
	sourceURL, targetURL, dir := url(t), url(t), t.TempDir()
	s := &site{t: t, environ: append([]string{
		"LIFECYCLE_DATABASE_URL=" + sourceURL, "PMO_DATABASE_URL=" + targetURL, "DATA_DIR=" + dir, "LOG_LEVEL=DEBUG",
		"SYNC_SCHEDULE=off", "SYNC_FULL_SCHEDULE=off",
	}, env...)}
	s.command("seed", "--products", "20", "--history", "12")
	s.source, s.target = databasetest.Open(t, sourceURL), databasetest.Open(t, targetURL)
	s.start()
	return s
}

// command runs one of the program's commands, which must succeed, and returns what it printed.
func (s *site) command(args ...string) string {
	s.t.Helper()
	var stdout, stderr bytes.Buffer
	if code := app.Main(s.t.Context(), args, s.environ, &stdout, &stderr); code != 0 {
		s.t.Fatalf("%v: exit %d\n%s%s", args, code, &stdout, &stderr)
	}
	return stdout.String()
}

// exitCode runs one of the program's commands, however it ends, and returns its exit code.
func (s *site) exitCode(args ...string) int {
	var out bytes.Buffer
	return app.Main(s.t.Context(), args, s.environ, &out, &out)
}

// start boots the program and waits until it has synchronised.
func (s *site) start() {
	s.t.Helper()
	cfg, err := app.LoadConfig(os.DevNull, s.environ)
	if err != nil {
		s.t.Fatal(err)
	}
	s.log = &lockedBuffer{}
	a, err := app.New(cfg, slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	if err != nil {
		s.t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	s.address = listener.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	stopped := make(chan struct{})
	s.stop, s.stopped = cancel, stopped
	go func() {
		defer close(stopped)
		if err := a.Serve(ctx, listener, s.log); err != nil {
			s.t.Error("the program ended with", err)
		}
		if err := a.Close(); err != nil {
			s.t.Error("closing the program:", err)
		}
	}()
	s.t.Cleanup(s.end)
	s.eventually("ready", func() bool { return s.do(http.MethodGet, "/readyz", nil).StatusCode == http.StatusOK })
}

// end ends the program and waits for it.
func (s *site) end() {
	s.stop()
	<-s.stopped
}

// eventually waits until a condition holds.
func (s *site) eventually(what string, holds func() bool) {
	s.t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for tick := time.NewTicker(10 * time.Millisecond); !holds(); <-tick.C {
		if time.Now().After(deadline) {
			s.t.Fatalf("%s: not within 30 s\n%s", what, s.log)
		}
	}
}

// one reads one value from a database.
func one[T any](t testing.TB, db *sql.DB, query string, args ...any) (value T) {
	t.Helper()
	if err := db.QueryRow(query, args...).Scan(&value); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return value
}

func exec(t testing.TB, db *sql.DB, statement string, args ...any) {
	t.Helper()
	if _, err := db.Exec(statement, args...); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// answer is what came back, with the body as it was and, where it is ours, its envelope.
type answer struct {
	*http.Response
	body []byte
	json envelope
}

type envelope struct {
	Success *bool           `json:"success"`
	Message string          `json:"message"`
	Code    string          `json:"code"`
	Data    json.RawMessage `json:"data"`
	Errors  []struct {
		Field, Code, Message string
	} `json:"errors"`
	RequestID  string `json:"requestId"`
	Pagination *struct {
		CurrentPage, TotalPages, TotalItems, Limit int64
	} `json:"pagination"`
}

// into reads the answer's data.
func into[T any](t testing.TB, a answer) (data T) {
	t.Helper()
	if err := json.Unmarshal(a.json.Data, &data); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
	return data
}

// want fails the test unless the answer has a status and, where one is given, a code.
func (a answer) want(t testing.TB, status int, code ...string) answer {
	t.Helper()
	if a.StatusCode != status || len(code) > 0 && a.json.Code != code[0] {
		t.Fatalf("%s %s: %d %s, want %d %s", a.Request.Method, a.Request.URL, a.StatusCode, a.body, status, strings.Join(code, ""))
	}
	return a
}

// do sends a request; headers are pairs of name and value.
func (s *site) do(method, target string, body io.Reader, headers ...string) answer {
	s.t.Helper()
	a, err := s.try(method, target, body, headers...)
	if err != nil {
		s.t.Fatal(err)
	}
	return a
}

// try is do for requests that may fail, and for other goroutines than the test's.
func (s *site) try(method, target string, body io.Reader, headers ...string) (answer, error) {
	r, err := http.NewRequest(method, "http://"+s.address+target, body)
	if err != nil {
		return answer{}, err
	}
	if s.token != "" {
		r.Header.Set("Authorization", "Bearer "+s.token)
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		} else {
			r.Header.Set(headers[i], headers[i+1])
		}
	}
	response, err := (&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(r)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = response.Body.Close() }()
	a := answer{Response: response}
	if a.body, err = io.ReadAll(response.Body); err != nil {
		return a, err
	}
	s.holds(r, a)
	if strings.HasPrefix(response.Header.Get("Content-Type"), "application/json") && len(a.body) > 0 {
		err = json.Unmarshal(a.body, &a.json)
	}
	return a, err
}

// holds fails the test when a request and its answer are not as openapi.yaml says.
func (s *site) holds(r *http.Request, a answer) {
	s.t.Helper()
	c, err := theContract()
	if err != nil {
		s.t.Error(err)
		return
	}
	sent := []byte{}
	if r.GetBody != nil {
		again, err := r.GetBody()
		if err != nil {
			s.t.Error(err)
			return
		}
		sent, _ = io.ReadAll(again) // from memory
	} else if r.Body != nil {
		sent = nil // it is gone
	}
	if err := c.check(r, sent, a.Response, a.body); err != nil {
		s.t.Errorf("not as openapi.yaml says: %v", err)
	}
}

// get sends a GET to the API and wants 200.
func (s *site) get(path string, headers ...string) answer {
	s.t.Helper()
	return s.do(http.MethodGet, base+path, nil, headers...).want(s.t, http.StatusOK)
}

// send sends JSON to the API.
func (s *site) send(method, path, body string, headers ...string) answer {
	s.t.Helper()
	return s.do(method, base+path, strings.NewReader(body), append(headers, "Content-Type", "application/json")...)
}
