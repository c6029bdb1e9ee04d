package faults_test

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/testdb"
)

func TestSync_AKilledRunChangesEverythingOrNothing(t *testing.T) {
	t.Parallel()
	eachSite(t, func(_ *testing.T, s *site) {
		for _, point := range kit.Daily(s, 2, "after-snapshot", "mid-diff", "mid-apply", "before-commit", "after-commit") {
			s.change()
			s.exec(s.source, "INSERT INTO tbl_segmen (segmen) VALUES ('baru')")
			s.exec(s.source, "UPDATE tbl_stage_histori SET id_produk = 0 WHERE id = (SELECT min(id) FROM tbl_stage_histori WHERE id_produk <> 0)")
			s.killedAt(point)
		}
	})
}

func TestSync_AKilledFirstLoadChangesEverythingOrNothing(t *testing.T) {
	t.Parallel()
	kit.Long(t)
	s := newSite(t)
	s.exec(s.source, "INSERT INTO tbl_produk (produk, deskripsi, id_segmen, id_stage) SELECT 'P' || i, repeat(md5(i::text), 8), 1, 1 FROM generate_series(1, 60000) AS i")
	if n := s.number(s.source, "SELECT pg_relation_size('tbl_produk')"); n < 8<<20 {
		t.Fatalf("the source has %d bytes: too few for the load by COPY", n)
	}
	for _, point := range []string{"after-snapshot", "mid-apply", "before-commit", "after-commit"} {
		s.UseDatabases(s.SourceURL, testdb.Postgres(t))
		s.target = testdb.Open(t, s.TargetURL)
		s.Command("migrate")
		s.killedAt(point)
	}
}

// killedAt kills a run at a failpoint, and checks the mirror and that the next run completes the work.
func (s *site) killedAt(point string) {
	s.Helper()
	before, interrupted := s.mirrorRows(), s.runs("interrupted")
	if run := s.Fork([]string{"LIFECYCLE_FAILPOINT=" + point}, "sync"); run.EndedBy() != syscall.SIGKILL {
		s.Fatalf("%s was not reached: %s", point, run)
	}
	after := s.mirrorRows()
	if committed := point == "after-commit"; slices.Equal(before, after) == committed {
		s.Fatalf("%s: the mirror was changed: %t", point, !committed)
	} else if !committed {
		interrupted++
	}
	s.wantRecovery()
	if point == "after-commit" {
		s.wantUnchanged(after)
	}
	if got := s.runs("interrupted"); got != interrupted {
		s.Errorf("%s: %d runs are interrupted, want %d", point, got, interrupted)
	}
}

// uploads lists the files in which the site keeps attachments, complete or not.
func (s *site) uploads() (paths []string) {
	s.Helper()
	err := filepath.WalkDir(filepath.Join(s.dir, "uploads"), func(path string, entry fs.DirEntry, err error) error {
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

// write is the request that creates a product.
type write struct {
	body, kind string
	files      int64
}

// createWithFile is a form.
func createWithFile(t testing.TB) write {
	t.Helper()
	var buf bytes.Buffer
	w := multipart.NewWriter(&buf)
	for _, field := range [][2]string{{"produk", "Satu"}, {"id_kategori", "1"}, {"id_segmen", "1"}, {"id_stage", "1"}} {
		_ = w.WriteField(field[0], field[1]) // a buffer never fails
	}
	part, err := w.CreateFormFile("files", "a.txt")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(part, strings.Repeat("a", 100_000))
	_ = w.Close()
	return write{buf.String(), w.FormDataContentType(), 1}
}

// create sends the request to a server.
func (w write) create(address string) (int, error) {
	status, _, err := do(address, http.MethodPost, api+"/products", w.body, "Content-Type", w.kind, "Idempotency-Key", "satu")
	return status, err
}

// wantProducts wants a number of created products, each with a number of files, and no pending write.
func (s *site) wantProducts(products, files int64) {
	s.Helper()
	if n := s.number(s.source, "SELECT count(*) FROM tbl_produk WHERE produk = 'Satu'"); n != products {
		s.Errorf("%d products in the source, want %d", n, products)
	}
	for query, want := range map[string]int64{
		"SELECT count(*) FROM tbl_produk_lifecycle WHERE produk = 'Satu'":        products,
		"SELECT count(*) FROM lifecycle_attachments WHERE state = 'stored'":      products * files,
		"SELECT count(*) FROM lifecycle_attachments WHERE state <> 'stored'":     0,
		"SELECT count(*) FROM lifecycle_writes WHERE state <> 'done'":            0,
		"SELECT count(*) FROM lifecycle_attachments WHERE ukuran_file <> 100000": 0,
	} {
		if n := s.number(s.target, query); n != want {
			s.Errorf("%s: %d, want %d", query, n, want)
		}
	}
	if kept := s.uploads(); int64(len(kept)) != products*files {
		s.Errorf("%d files are kept, want %d", len(kept), products*files)
	}
}

// eachKill runs a scenario for each point at which a server is killed during a write, on each database system.
func eachKill(t *testing.T, points []string, fn func(s *site, point string)) {
	t.Helper()
	for _, point := range kit.Daily(t, 1, points...) {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			eachSite(t, func(_ *testing.T, s *site) {
				fn(s, point)
				s.wantRecovery()
			})
		})
	}
}

// killedBy sends a request that kills a server.
func (s *site) killedBy(point string, send func(address string) (int, error)) {
	s.Helper()
	v := s.Fork([]string{"LIFECYCLE_FAILPOINT=" + point, "PORT=0"}, "serve")
	if status, err := send(v.Address()); err == nil {
		s.Fatalf("%s was not reached: %d\n%s", point, status, v)
	}
	v.Wait()
}

// TestServe_KilledDuringCreate expects one product, with its file, when the client retries with the same key.
func TestServe_KilledDuringCreate(t *testing.T) {
	t.Parallel()
	for name, w := range map[string]write{
		"product":           {`{"produk":"Satu","id_kategori":1,"id_segmen":1,"id_stage":1}`, "application/json", 0},
		"product with file": createWithFile(t),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachKill(t, []string{"after-outbox-entry", "after-source-commit", "mid-refresh"}, func(s *site, point string) {
				s.killedBy(point, w.create)
				second := s.serve()
				for range 2 {
					if status, err := w.create(second.Address()); err != nil || status != http.StatusCreated {
						s.Fatalf("retry: %d %v\n%s", status, err, second)
					}
				}
				second.end()
				s.wantProducts(1, w.files)
			})
		})
	}
}

// bulkMove moves all products to stage 1, and returns a request that moves three of them to stage 2.
func (s *site) bulkMove() (move func(address string) (int, error)) {
	s.Helper()
	s.exec(s.source, "UPDATE tbl_produk SET id_stage = 1")
	v := s.serve()
	_, list, err := do(v.Address(), http.MethodGet, api+"/products?limit=3", "")
	if err != nil {
		s.Fatal(err)
	}
	v.end()
	var page struct {
		Data []struct {
			ID      int64  `json:"id"`
			Version string `json:"version"`
		}
	}
	_, document, _ := strings.Cut(list, `{"success"`) // after the headers
	if err := json.Unmarshal([]byte(`{"success"`+document), &page); err != nil || len(page.Data) != 3 {
		s.Fatalf("%v: %s", err, list)
	}
	products, err := json.Marshal(page.Data)
	if err != nil {
		s.Fatal(err)
	}
	return func(address string) (int, error) {
		body := fmt.Sprintf(`{"products":%s,"move":{"stage_now":2,"catatan":"Satu"}}`, products)
		status, _, err := do(address, http.MethodPost, api+"/products/bulk", body, "Idempotency-Key", "satu")
		return status, err
	}
}

// wantMoved wants a number of products in stage 2, each with its record, in the source.
func (s *site) wantMoved(want int64) {
	s.Helper()
	records := s.number(s.source, "SELECT count(*) FROM tbl_stage_histori WHERE catatan = 'Satu'")
	if products := s.number(s.source, "SELECT count(*) FROM tbl_produk WHERE id_stage = 2"); records != want || products != want {
		s.Errorf("%d products are in the stage and %d have a record, want %d", products, records, want)
	}
}

// TestServe_KilledDuringUndo expects that a bulk move is undone completely or not at all, that the next server finds out which, and
// that a retry with the same key undoes it once.
func TestServe_KilledDuringUndo(t *testing.T) {
	t.Parallel()
	eachKill(t, []string{"after-outbox-entry", "after-source-commit", "mid-refresh"}, func(s *site, point string) {
		move := s.bulkMove()
		first := s.serve()
		if status, err := move(first.Address()); err != nil || status != http.StatusOK {
			s.Fatalf("move: %d %v", status, err)
		}
		first.end()
		moved := s.number(s.target, "SELECT id FROM lifecycle_activities WHERE action = 'move'")
		undo := func(address string) (int, string, error) {
			return do(address, http.MethodPost, fmt.Sprintf("%s/activity/%d/undo", api, moved), "", "Idempotency-Key", "undo")
		}
		s.killedBy(point, func(address string) (int, error) {
			status, _, err := undo(address)
			return status, err
		})
		left, undos := int64(0), int64(1)
		if point == "after-outbox-entry" {
			left, undos = 3, 0
		}
		s.wantMoved(left)
		if n := s.number(s.target, "SELECT count(*) FROM lifecycle_activities WHERE pending"); n != 1 {
			s.Errorf("%d activities are pending", n)
		}
		s.exec(s.target, "UPDATE lifecycle_writes SET leased_until = '2020-01-01T00:00:00.000000Z' WHERE state = 'intended'") // as if it were long ago
		second := s.serve()
		s.Eventually("the undo is resolved", func() bool {
			return s.number(s.target, "SELECT count(*) FROM lifecycle_writes WHERE state = 'intended'") == 0
		})
		s.wantUndos(moved, undos)
		s.wantMoved(left)
		var answers []string
		for range 2 {
			status, answer, err := undo(second.Address())
			if err != nil || status != http.StatusOK {
				s.Fatalf("retry: %d %s %v\n%s", status, answer, err, second)
			}
			_, id, _ := strings.Cut(answer, `"data":{"id":`)
			id, _, _ = strings.Cut(id, ",")
			answers = append(answers, id)
		}
		if answers[0] == "" || answers[0] != answers[1] {
			s.Errorf("the activities of the answers are %q", answers)
		}
		second.end()
		s.wantUndos(moved, 1)
		s.wantMoved(0)
	})
}

// wantUndos wants a number of undos of an activity, which names the last one.
func (s *site) wantUndos(activity, want int64) {
	s.Helper()
	undos := s.number(s.target, "SELECT count(*) FROM lifecycle_activities WHERE undoes = $1", activity)
	pending := s.number(s.target, "SELECT count(*) FROM lifecycle_activities WHERE pending")
	named := s.number(s.target, "SELECT count(*) FROM lifecycle_activities a JOIN lifecycle_activities u ON u.id = a.undone_by WHERE a.id = $1 AND u.undoes = a.id", activity)
	orphans := s.number(s.target, "SELECT count(*) FROM lifecycle_activity_changes WHERE activity_id NOT IN (SELECT id FROM lifecycle_activities)")
	if undos != want || named != want || pending != 0 || orphans != 0 {
		s.Errorf("%d undos, %d of them named by the activity, %d pending, %d changes of none; want %d undos", undos, named, pending, orphans, want)
	}
}

// TestServe_KilledDuringBulkMove expects that all products have moved, once, when the client retries with the same key, and none
// of them before the source has committed.
func TestServe_KilledDuringBulkMove(t *testing.T) {
	t.Parallel()
	eachKill(t, []string{"after-outbox-entry", "after-source-commit", "mid-refresh"}, func(s *site, point string) {
		move := s.bulkMove()
		s.killedBy(point, move)
		s.wantMoved(map[bool]int64{true: 0, false: 3}[point == "after-outbox-entry"])
		second := s.serve()
		for range 2 {
			if status, err := move(second.Address()); err != nil || status != http.StatusOK {
				s.Fatalf("retry: %d %v\n%s", status, err, second)
			}
		}
		second.end()
		for db, query := range map[*sql.DB]string{
			s.source: "SELECT count(*) FROM tbl_stage_histori h JOIN tbl_produk p ON p.id = h.id_produk WHERE p.id_stage = 2 AND h.stage_now = 2 AND h.catatan = 'Satu'",
			s.target: "SELECT count(*) FROM tbl_stage_histori_lifecycle h JOIN tbl_produk_lifecycle p ON p.id = h.id_produk WHERE p.id_stage = 2 AND h.stage_now = 2 AND h.catatan = 'Satu'",
		} {
			if n := s.number(db, query); n != 3 {
				s.Errorf("%s: %d, want 3", query, n)
			}
		}
		if n := s.number(s.target, "SELECT count(*) FROM lifecycle_writes WHERE state <> 'done'"); n != 0 {
			s.Errorf("%d writes are open", n)
		}
	})
}
