package app_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"lifecycle-sync/repositories/database/databasetest"
)

// TestKilledDuringAWrite kills the server between the databases: the client's second try, with the same
// key, finds one product, or makes it.
func TestKilledDuringAWrite(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		for _, point := range []string{"after-intent", "after-source-commit", "mid-refresh"} {
			t.Run(point, func(t *testing.T) {
				t.Parallel()
				s := newSite(t, url)
				s.must(0, "seed", "--products", "5", "--history", "3")
				s.must(0, "sync")
				first := s.serve("LIFECYCLE_FAILPOINT=" + point)
				if status, err := first.post(); err == nil {
					t.Fatalf("%s was not reached: %d\n%s", point, status, first.out)
				}
				_ = first.cmd.Wait()
				second := s.serve()
				for range 2 {
					if status, err := second.post(); err != nil || status != http.StatusCreated {
						t.Fatalf("the second try: %d %v\n%s", status, err, second.out)
					}
				}
				second.end()
				if n := s.number(s.source, "SELECT count(*) FROM tbl_produk WHERE produk = 'Satu'"); n != 1 {
					t.Errorf("%d products", n)
				}
				if n := s.number(s.target, "SELECT count(*) FROM tbl_produk_lifecycle WHERE produk = 'Satu'"); n != 1 {
					t.Errorf("%d mirrored products", n)
				}
				if n := s.number(s.target, "SELECT count(*) FROM lifecycle_writes WHERE state <> 'done'"); n != 0 {
					t.Errorf("%d writes are open", n)
				}
				s.must(0, "verify")
			})
		}
	})
}

// server is the program, serving as a process.
type server struct {
	t       testing.TB
	cmd     *exec.Cmd
	out     *output
	address string
}

// output collects what a process prints.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

var serving = regexp.MustCompile(`Serving http://([0-9.:]+)/`)

// serve starts a server and waits until it serves.
func (s *site) serve(env ...string) *server {
	s.Helper()
	cmd, _, _ := s.command(append(env, "PORT=0"), "serve")
	v := &server{t: s.TB, cmd: cmd, out: &output{}}
	cmd.Stdout, cmd.Stderr = v.out, v.out
	if err := cmd.Start(); err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { _ = cmd.Process.Kill() })
	deadline := time.Now().Add(30 * time.Second)
	for tick := time.NewTicker(10 * time.Millisecond); v.address == ""; <-tick.C {
		if found := serving.FindStringSubmatch(v.out.String()); found != nil {
			v.address = found[1]
		} else if time.Now().After(deadline) {
			s.Fatalf("does not serve:\n%s", v.out)
		}
	}
	return v
}

// post creates a product with a key, always the same.
func (v *server) post() (int, error) {
	r, err := http.NewRequest(http.MethodPost, fmt.Sprintf("http://%s/api/product-lifecycle/products", v.address),
		strings.NewReader(`{"produk":"Satu","id_kategori":1,"id_segmen":1,"id_stage":1}`))
	if err != nil {
		return 0, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotency-Key", "satu")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err
	}
	defer func() { _ = response.Body.Close() }()
	_, err = io.Copy(io.Discard, response.Body)
	return response.StatusCode, err
}

// end tells the server to end and waits for it.
func (v *server) end() {
	v.t.Helper()
	if err := v.cmd.Process.Signal(os.Interrupt); err != nil {
		v.t.Fatal(err)
	}
	if err := v.cmd.Wait(); err != nil {
		v.t.Errorf("the server ended with %v\n%s", err, v.out)
	}
}
