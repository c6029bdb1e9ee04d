// Package console_test holds scenarios of the console's pages. Each boots the real program, on databases of
// its own, and asks for pages as a browser does.
package console_test

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
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/ncruces/go-sqlite3/driver" // the driver "sqlite3"

	"lifecycle-sync/app"
)

const api = "/api/product-lifecycle"

// site is the program at work on demo data, synchronised once.
type site struct {
	t       *testing.T
	environ []string
	address string // host:port
	source  string // where lifecycle_db is
}

// newSite fills a source with 60 products and 40 transitions, lets prepare change it, and boots the program
// on it. env are further settings, as "NAME=value".
func newSite(t *testing.T, prepare func(source *sql.DB), env ...string) *site {
	t.Helper()
	dir := t.TempDir()
	s := &site{t: t, source: "file:" + filepath.Join(dir, "lifecycle.db")}
	s.environ = append([]string{
		"LIFECYCLE_DATABASE_URL=" + s.source, "PMO_DATABASE_URL=file:" + filepath.Join(dir, "pmo.db"), "DATA_DIR=" + dir,
		"SYNC_SCHEDULE=off", "SYNC_FULL_SCHEDULE=off",
	}, env...)
	s.command("seed", "--products", "60", "--history", "40")
	s.inSource(prepare)
	s.start(s.environ)
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

// inSource does something in lifecycle_db.
func (s *site) inSource(do func(source *sql.DB)) {
	s.t.Helper()
	db, err := sql.Open("sqlite3", s.source+"?_pragma=busy_timeout(10000)")
	if err != nil {
		s.t.Fatal(err)
	}
	do(db)
	if err := db.Close(); err != nil {
		s.t.Fatal(err)
	}
}

// start boots the program and waits until it has synchronised.
func (s *site) start(environ []string) {
	s.t.Helper()
	cfg, err := app.LoadConfig(os.DevNull, environ)
	if err != nil {
		s.t.Fatal(err)
	}
	a, err := app.New(cfg, slog.New(slog.DiscardHandler))
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
	go func() {
		defer close(stopped)
		if err := a.Serve(ctx, listener, io.Discard); err != nil {
			s.t.Error("the program ended with", err)
		}
		if err := a.Close(); err != nil {
			s.t.Error("closing the program:", err)
		}
	}()
	s.t.Cleanup(func() {
		cancel()
		<-stopped
	})
	deadline := time.Now().Add(30 * time.Second)
	for tick := time.NewTicker(10 * time.Millisecond); s.get("/readyz").StatusCode != http.StatusOK; <-tick.C {
		if time.Now().After(deadline) {
			s.t.Fatal("not ready within 30 s")
		}
	}
}

func exec(t *testing.T, db *sql.DB, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		if _, err := db.Exec(statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

// answer is what came back, with its body.
type answer struct {
	*http.Response
	body string
}

// get asks for an address and follows no redirect.
func (s *site) get(target string) answer {
	s.t.Helper()
	r, err := http.NewRequest(http.MethodGet, "http://"+s.address+target, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer{response, string(body)}
}

// page asks for a page, which must have a status and contain some texts.
func (s *site) page(target string, status int, texts ...string) answer {
	s.t.Helper()
	a := s.get(target)
	if a.StatusCode != status || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") {
		s.t.Fatalf("GET %s: %d %s\n%s", target, a.StatusCode, a.Header.Get("Content-Type"), a.body)
	}
	for _, text := range texts {
		if !strings.Contains(a.body, text) {
			s.t.Errorf("GET %s: there is no %q in\n%s", target, text, a.body)
		}
	}
	return a
}

// total is how many products the API lists for a query.
func (s *site) total(query string) int64 {
	s.t.Helper()
	var list struct{ Pagination struct{ TotalItems int64 } }
	a := s.get(api + "/products?" + query)
	if err := json.Unmarshal([]byte(a.body), &list); err != nil || a.StatusCode != http.StatusOK {
		s.t.Fatalf("%s: %d %s", query, a.StatusCode, a.body)
	}
	return list.Pagination.TotalItems
}
