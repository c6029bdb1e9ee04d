package faults_test

import (
	"database/sql"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/testdb"
)

// TestServe_KilledDuringImport expects all or none of the rows, and a retry that writes them once: the preview is the key.
func TestServe_KilledDuringImport(t *testing.T) {
	t.Parallel()
	eachKill(t, []string{"after-import", "after-outbox-entry", "after-source-commit", "mid-refresh"}, func(s *site, point string) {
		s.exec(s.source, "UPDATE tbl_produk SET produk = 'P', id_stage = 1, id_kategori = 1, id_segmen = 1, harga = 1")
		stage := kit.One[string](s, s.source, "SELECT stage FROM tbl_stage WHERE id = 2")
		kind := kit.One[string](s, s.source, "SELECT segmen || ',' || kategori FROM tbl_segmen s JOIN tbl_kategori k ON s.id = 1 AND k.id = 1")
		const boundary = "batas"
		form := func(name, value string) string {
			return "--" + boundary + "\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n--" + boundary + "--\r\n"
		}
		file := strings.Replace(form("file", "ID,Price,Product name,Stage,Segment,Category\n1,7,P,"+stage+","+kind+"\n2,7,P,"+stage+","+kind+"\n3,8,P,"+stage+","+kind+"\n,,Baru,"+stage+","+kind), `name="file"`, `name="file"; filename="x.csv"`, 1)
		send := func(address, body string) (int, string, error) {
			return do(address, http.MethodPost, api+"/products/import", body, "Content-Type", "multipart/form-data; boundary="+boundary)
		}
		first := s.serve()
		_, shown, err := send(first.Address(), file)
		first.end()
		digest := regexp.MustCompile(`"digest":"(\w{32})"`).FindStringSubmatch(shown)
		if err != nil || digest == nil {
			s.Fatalf("%v: %s", err, shown)
		}
		apply := func(address string) (int, error) {
			status, _, err := send(address, form("digest", digest[1]))
			return status, err
		}
		s.killedBy(point, apply)
		const changed = "SELECT count(*) FROM tbl_produk p JOIN tbl_stage_histori h ON h.id_produk = p.id AND h.stage_now = 2 WHERE p.harga > 1 AND p.id_stage = 2"
		if n, want := s.number(s.source, changed), map[bool]int64{true: 0, false: 3}[strings.HasSuffix(point, "import") || strings.HasSuffix(point, "entry")]; n != want {
			s.Errorf("%s: %d products are changed, want %d", point, n, want)
		}
		s.exec(s.target, "UPDATE lifecycle_writes SET leased_until = '2020-01-01T00:00:00.000000Z' WHERE state = 'claimed'") // as if it were long ago
		second := s.serve()
		for range 2 {
			if status, err := apply(second.Address()); err != nil || status != http.StatusOK {
				s.Fatalf("retry: %d %v\n%s", status, err, second)
			}
		}
		second.end()
		for db, query := range map[*sql.DB]string{s.source: changed, s.target: strings.NewReplacer("tbl_produk", "tbl_produk_lifecycle", "tbl_stage_histori", "tbl_stage_histori_lifecycle").Replace(changed)} {
			if n := s.number(db, query); n != 3 {
				s.Errorf("%s: %d, want 3", query, n)
			}
		}
		if n := s.number(s.source, "SELECT count(*) FROM tbl_produk WHERE produk = 'Baru'"); n != 1 {
			s.Errorf("%d new products", n)
		}
		if n := s.number(s.target, "SELECT count(*) FROM lifecycle_writes WHERE state <> 'done'"); n != 0 {
			s.Errorf("%d writes are open", n)
		}
	})
}

// TestServe_KilledDuringDelete expects that the next run removes the product. Its file is kept for its return.
func TestServe_KilledDuringDelete(t *testing.T) {
	t.Parallel()
	eachKill(t, []string{"after-source-commit", "mid-refresh"}, func(s *site, point string) {
		first := s.serve()
		if status, err := createWithFile(s).create(first.Address()); err != nil || status != http.StatusCreated {
			s.Fatalf("%d %v\n%s", status, err, first)
		}
		first.end()
		s.wantProducts(1, 1)
		path := fmt.Sprintf("/products/%d", s.number(s.source, "SELECT id FROM tbl_produk WHERE produk = 'Satu'"))
		s.killedBy(point, func(address string) (int, error) {
			status, _, err := do(address, http.MethodDelete, api+path, "")
			return status, err
		})
		second := s.serve()
		s.Command("sync")
		s.Eventually("the product is gone", func() bool { return second.send(http.MethodGet, path, "") == http.StatusNotFound })
		second.end()
		if n := s.number(s.target, "SELECT count(*) FROM lifecycle_attachments WHERE closed_at IS NOT NULL"); n != 1 || len(s.uploads()) != 1 {
			s.Errorf("%d closed attachments, the files %v", n, s.uploads())
		}
	})
}

// TestServe_KilledDuringUpload expects a later server to remove the incomplete file once it is old.
func TestServe_KilledDuringUpload(t *testing.T) {
	t.Parallel()
	s := siteOn(t, testdb.SQLite(t), testdb.SQLite(t))
	form := createWithFile(t)
	first := s.Fork([]string{"PORT=0"}, "serve")
	target := "http://" + first.Address() + api + "/products"
	body, client := io.Pipe()
	go func() { _, _ = kit.Status(http.MethodPost, target, body, "Content-Type", form.kind) }()
	if _, err := io.WriteString(client, form.body[:50_000]); err != nil {
		t.Fatal(err)
	}
	s.Eventually("a part of the file is stored", func() bool { return len(s.uploads()) == 1 })
	first.End(syscall.SIGKILL)
	_ = client.Close()
	s.serve().end() // its first cleanup leaves the file: another process could be writing it
	if left := s.uploads(); len(left) != 1 {
		t.Fatalf("%d files", len(left))
	}
	old := time.Now().Add(-4 * time.Hour)
	if err := os.Chtimes(s.uploads()[0], old, old); err != nil {
		t.Fatal(err)
	}
	third := s.serve()
	s.Eventually("the file is removed", func() bool { return len(s.uploads()) == 0 })
	third.end()
	s.wantProducts(0, 1)
}
