package app_test

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/testdb"
)

// uploads is the folder in which a site keeps the contents of files.
func (s *site) uploads() string { return filepath.Join(s.dir, "data", "uploads") }

// contents are the files in it, finished or not.
func (s *site) contents() (paths []string) {
	s.Helper()
	err := filepath.WalkDir(s.uploads(), func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil && !os.IsNotExist(err) {
		s.Fatal(err)
	}
	return paths
}

// until waits for a condition.
func (s *site) until(what string, holds func() bool) {
	s.Helper()
	kit.Eventually(s, what, holds)
}

// productWithFile is a form, whole.
func productWithFile(t testing.TB) (text []byte, contentType string) {
	t.Helper()
	var buf bytes.Buffer
	w := multipart.NewWriter(&buf)
	for _, field := range [][2]string{{"produk", "Satu"}, {"id_kategori", "1"}, {"id_segmen", "1"}, {"id_stage", "1"}} {
		if err := w.WriteField(field[0], field[1]); err != nil {
			t.Fatal(err)
		}
	}
	part, err := w.CreateFormFile("files", "a.txt")
	if err == nil {
		_, err = io.WriteString(part, strings.Repeat("a", 100_000))
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return buf.Bytes(), w.FormDataContentType()
}

// wantFiles wants so many products of the form, each with its one file, and nothing open.
func (s *site) wantFiles(want int64) {
	s.Helper()
	for query, want := range map[string]int64{
		"SELECT count(*) FROM tbl_produk_lifecycle WHERE produk = 'Satu'":        want,
		"SELECT count(*) FROM lifecycle_attachments WHERE state = 'stored'":      want,
		"SELECT count(*) FROM lifecycle_attachments WHERE state <> 'stored'":     0,
		"SELECT count(*) FROM lifecycle_writes WHERE state <> 'done'":            0,
		"SELECT count(*) FROM lifecycle_attachments WHERE ukuran_file <> 100000": 0,
		"SELECT count(*) FROM lifecycle_sync_runs WHERE state = 'running'":       0,
	} {
		if n := s.number(s.target, query); n != want {
			s.Errorf("%s: %d, want %d", query, n, want)
		}
	}
	if n := s.number(s.source, "SELECT count(*) FROM tbl_produk WHERE produk = 'Satu'"); n != want {
		s.Errorf("%d products, want %d", n, want)
	}
	if kept := s.contents(); int64(len(kept)) != want {
		s.Errorf("%d contents are kept, want %d", len(kept), want)
	}
}

// points are where a server is killed during a write.
var points = []string{"after-intent", "after-source-commit", "mid-refresh"}

// eachKill runs a scenario for each point on each database system, on a site that has been synchronised.
func eachKill(t *testing.T, fn func(s *site, point string)) {
	t.Helper()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		for _, point := range points {
			t.Run(point, func(t *testing.T) {
				t.Parallel()
				s := newSite(t, url)
				s.must(0, "seed", "--products", "5", "--history", "3")
				s.must(0, "sync")
				fn(s, point)
				s.must(0, "verify")
			})
		}
	})
}

// TestKilledWithFiles kills the server while it makes a product with a file: the client's second try, with
// the same key, ends with one product and one file.
func TestKilledWithFiles(t *testing.T) {
	t.Parallel()
	eachKill(t, func(s *site, point string) {
		form, kind := productWithFile(s)
		first := s.serve("LIFECYCLE_FAILPOINT=" + point)
		if status, err := first.send(http.MethodPost, "/products", bytes.NewReader(form), "Content-Type", kind, "Idempotency-Key", "satu"); err == nil {
			s.Fatalf("%s was not reached: %d\n%s", point, status, first)
		}
		first.Wait()
		second := s.serve()
		for range 2 {
			if status, err := second.send(http.MethodPost, "/products", bytes.NewReader(form), "Content-Type", kind, "Idempotency-Key", "satu"); err != nil || status != http.StatusCreated {
				s.Fatalf("the second try: %d %v\n%s", status, err, second)
			}
		}
		second.end()
		s.wantFiles(1)
	})
}

// TestKilledDuringADeletion kills the server while it deletes a product with a file, which is then there
// with its file, or gone with it.
func TestKilledDuringADeletion(t *testing.T) {
	t.Parallel()
	eachKill(t, func(s *site, point string) {
		form, kind := productWithFile(s)
		maker := s.serve()
		if status, err := maker.send(http.MethodPost, "/products", bytes.NewReader(form), "Content-Type", kind); err != nil || status != http.StatusCreated {
			s.Fatalf("%d %v\n%s", status, err, maker)
		}
		maker.end()
		s.wantFiles(1)
		path := fmt.Sprintf("/products/%d", s.number(s.source, "SELECT id FROM tbl_produk WHERE produk = 'Satu'"))
		first := s.serve("LIFECYCLE_FAILPOINT=" + point)
		if status, err := first.send(http.MethodDelete, path, http.NoBody); err == nil {
			s.Fatalf("%s was not reached: %d\n%s", point, status, first)
		}
		first.Wait()
		if strings.HasPrefix(s.sourceURL, "postgres") {
			s.until("the server notices that its client is gone", func() bool {
				return s.number(s.source, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND backend_xid IS NOT NULL") == 0
			})
		}
		// As if the minute had passed in which the process could still be at work.
		if _, err := s.target.Exec("UPDATE lifecycle_writes SET leased_until = '2000-01-01T00:00:00.000000Z'"); err != nil {
			s.Fatal(err)
		}
		second := s.serve()
		s.until("the write is ended", func() bool { return s.number(s.target, "SELECT count(*) FROM lifecycle_writes") == 0 })
		s.must(0, "sync")
		want, wantStatus := int64(0), http.StatusNotFound
		if point == "after-intent" {
			want, wantStatus = 1, http.StatusOK
		}
		s.until("the product is there or gone", func() bool {
			status, err := second.send(http.MethodGet, path, http.NoBody)
			return err == nil && status == wantStatus
		})
		s.until("the file is there or gone", func() bool { return int64(len(s.contents())) == want })
		second.end()
		s.wantFiles(want)
	})
}

// TestKilledDuringAnUpload kills the server while a file comes; a later one removes what is left of it,
// once it is so old that nobody can be at work on it.
func TestKilledDuringAnUpload(t *testing.T) {
	t.Parallel()
	s := newSite(t, testdb.SQLite)
	s.must(0, "seed", "--products", "5", "--history", "3")
	s.must(0, "sync")
	form, kind := productWithFile(t)
	first := s.serve()
	body, client := io.Pipe()
	go func() { _, _ = first.send(http.MethodPost, "/products", body, "Content-Type", kind) }()
	if _, err := client.Write(form[:50_000]); err != nil {
		t.Fatal(err)
	}
	s.until("a part of the file is there", func() bool { return len(s.contents()) == 1 })
	first.End(syscall.SIGKILL)
	_ = client.Close()
	second := s.serve()
	second.end() // the first sweep leaves it: somebody could be at work on it
	if left := s.contents(); len(left) != 1 {
		t.Fatalf("%d contents", len(left))
	}
	long := time.Now().Add(-4 * time.Hour)
	if err := os.Chtimes(s.contents()[0], long, long); err != nil {
		t.Fatal(err)
	}
	third := s.serve()
	s.until("it is gone", func() bool { return len(s.contents()) == 0 })
	third.end()
	s.wantFiles(0)
}
