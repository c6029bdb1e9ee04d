package app_test

import (
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/program"
	"lifecycle-sync/test/kit/testdb"
)

// TestKilledDuringAWrite kills the server between the databases: the client's second try, with the same
// key, finds one product, or makes it.
func TestKilledDuringAWrite(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		for _, point := range []string{"after-intent", "after-source-commit", "mid-refresh"} {
			t.Run(point, func(t *testing.T) {
				t.Parallel()
				s := newSite(t, url)
				s.must(0, "seed", "--products", "5", "--history", "3")
				s.must(0, "sync")
				first := s.serve("LIFECYCLE_FAILPOINT=" + point)
				if status, err := first.post(); err == nil {
					t.Fatalf("%s was not reached: %d\n%s", point, status, first)
				}
				first.Wait()
				second := s.serve()
				for range 2 {
					if status, err := second.post(); err != nil || status != http.StatusCreated {
						t.Fatalf("the second try: %d %v\n%s", status, err, second)
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
	*program.Process

	t testing.TB
}

// serve starts a server and waits until it serves.
func (s *site) serve(env ...string) *server {
	s.Helper()
	v := &server{s.start(append(env, "PORT=0"), "serve"), s}
	v.Says("Serving http://")
	return v
}

// send sends a request to the API and returns the response's status.
func (v *server) send(method, path string, body io.Reader, headers ...string) (int, error) {
	return kit.Status(method, "http://"+v.Address()+"/api/product-lifecycle"+path, body, headers...)
}

// post creates a product with a key, always the same.
func (v *server) post() (int, error) {
	return v.send(http.MethodPost, "/products", strings.NewReader(`{"produk":"Satu","id_kategori":1,"id_segmen":1,"id_stage":1}`),
		"Content-Type", "application/json", "Idempotency-Key", "satu")
}

// end tells the server to end and waits for it.
func (v *server) end() {
	v.t.Helper()
	if code := v.End(os.Interrupt); code != 0 {
		v.t.Errorf("the server ended with %s", v)
	}
}
