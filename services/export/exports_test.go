package export_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/pmo"
	"lifecycle-sync/services/export"
	"lifecycle-sync/services/products"
	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/databases"
	"lifecycle-sync/test/kit/testdb"
	"lifecycle-sync/test/kit/testfiles"
)

func byName(column string) string { return column }

// fixture is exports of a mirror with n products.
type fixture struct {
	t       *testing.T
	db      *database.DB
	url     string
	store   *pmo.Store
	exports *export.Exports
	folder  string
}

func newFixture(t *testing.T, url string, n int) *fixture {
	t.Helper()
	db, store := databases.PMO(t, url)
	l := &fixture{t: t, db: db, url: url, store: store, folder: filepath.Join(t.TempDir(), "exports")}
	l.exports = export.New(store, l.folder)
	t.Cleanup(l.exports.Close)
	numbers := "SELECT i FROM generate_series(1, %d) AS g(i)"
	if db.Kind() == database.SQLite {
		numbers = "WITH RECURSIVE g(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM g WHERE i < %d) SELECT i FROM g"
	}
	l.exec("INSERT INTO tbl_produk_lifecycle (id, produk, deskripsi, harga) SELECT i, 'P ' || i, '" + strings.Repeat("x", 200) + "', i FROM (" + fmt.Sprintf(numbers, n) + ") n")
	return l
}

func (l *fixture) exec(statement string) {
	l.t.Helper()
	kit.Exec(l.t, l.db.SQL, statement)
}

func (l *fixture) csv(q products.Query) io.ReadCloser {
	l.t.Helper()
	file, _, err := l.exports.CSV(l.t.Context(), q, time.Now(), byName)
	if err != nil {
		l.t.Fatal(err)
	}
	return file
}

// TestExports reads more rows than fit into any buffer, and rows that do not fit into the mirror.
func TestExports(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		l := newFixture(t, url(t), 3000)
		unfit := "'infinity'"
		if l.db.Kind() == database.SQLite {
			unfit = "'soon'"
		}
		l.exec("UPDATE tbl_produk_lifecycle SET tanggal_launch = " + unfit + ", created_at = " + unfit + " WHERE id = 7")
		l.exec("INSERT INTO lifecycle_attachments (id_produk, nama_file, tipe_file, ukuran_file, sha256, object_key, state, created_at) VALUES " +
			"(8, 'a', 'b', 1, '', 'k1', 'stored', '2026-01-01'), (8, 'a', 'b', 1, '', 'k2', 'pending', '2026-01-01'), (8, 'a', 'b', 1, '', 'k3', 'stored', '2026-01-01')")
		file := l.csv(products.Query{Sort: "-id"})
		got, err := io.ReadAll(file)
		if err != nil || file.Close() != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(string(got)), "\r\n")
		for i, line := range lines { // without the row versions, which are hashes
			lines[i] = regexp.MustCompile(`^(\d+),[\w-]{16},`).ReplaceAllString(line, "$1,")
		}
		x := strings.Repeat("x", 200)
		if len(lines) != 3001 || lines[1] != "3000,P 3000,"+x+",,,,3000,,,,,,,0" || lines[2994] != "7,P 7,"+x+",,,,7,,,,,,,0" || lines[2993] != "8,P 8,"+x+",,,,8,,,,,,,2" {
			t.Errorf("%d lines: %q, %q", len(lines), lines[1], lines[2990:])
		}
		none := l.csv(products.Query{Filter: products.Filter{Search: "%"}})
		if got, err := io.ReadAll(none); err != nil || bytes.Count(got, []byte("\r\n")) != 1 {
			t.Errorf("%q, %v", got, err)
		}
		book, size, err := l.exports.Workbook(t.Context(), products.Query{Filter: products.Filter{Search: "2999 xx"}, Sort: "id"}, time.Now(), byName)
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(book)
		if err != nil || size != int64(len(content)) || book.Close() != nil {
			t.Fatalf("%d of %d bytes: %v", len(content), size, err)
		}
		if rows, err := openBook(t, content).GetRows("products"); err != nil || len(rows) != 2 || rows[1][0] != "2999" {
			t.Errorf("%d rows, %v", len(rows), err)
		}
		l.exports.Close()
		nothingIn(t, l.folder)
		if _, _, err := l.exports.CSV(t.Context(), products.Query{Sort: "x"}, time.Now(), byName); models.AsError(err) == nil || models.AsError(err).Class != models.Invalid {
			t.Errorf("an unknown sort: %v", err)
		}
	})
}

// TestUnreadFiles opens many files and reads none: they hold no connection, keep the state of their time, and have no name.
func TestUnreadFiles(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		l := newFixture(t, url(t), 100)
		var open []io.ReadCloser
		for range 12 { // more than are written at the same time
			open = append(open, l.csv(products.Query{}))
		}
		if n := l.db.SQL.Stats().InUse; n != 0 {
			t.Errorf("%d connections are in use", n)
		}
		nothingIn(t, l.folder)
		l.exec("DELETE FROM tbl_produk_lifecycle")
		l.exports.Close()
		for _, file := range open {
			if got, err := io.ReadAll(file); err != nil || bytes.Count(got, []byte("\r\n")) != 101 || file.Close() != nil {
				t.Errorf("%d lines, %v", bytes.Count(got, []byte("\r\n")), err)
			}
		}
		if _, _, err := l.exports.CSV(t.Context(), products.Query{}, time.Now(), byName); models.AsError(err) == nil || models.AsError(err).Class != models.Canceled {
			t.Errorf("after the end: %v", err)
		}
	})
}

// TestFailures loses the database, has no table, and a full disk: nothing is left of a file.
func TestFailures(t *testing.T) {
	t.Parallel()
	l := newFixture(t, testdb.Postgres(t), 5000)
	want := func(write func(context.Context, products.Query, time.Time, export.Heading) (io.ReadCloser, int64, error), code string) {
		t.Helper()
		file, _, err := write(t.Context(), products.Query{}, time.Now(), byName)
		if e := models.AsError(err); e == nil || e.Text.Code != code || file != nil {
			t.Errorf("%v, want %s", err, code)
		}
		if n := l.db.SQL.Stats().InUse; n != 0 {
			t.Errorf("%d connections are in use", n)
		}
		nothingIn(t, l.folder)
	}
	l.exec("ALTER TABLE tbl_produk_lifecycle RENAME TO gone")
	want(l.exports.CSV, "database.object_missing")
	want(l.exports.Workbook, "database.object_missing")
	l.exec("ALTER TABLE gone RENAME TO tbl_produk_lifecycle")
	release, awaited := kit.Lock(t, testdb.Open(t, l.url), "LOCK TABLE lifecycle_attachments IN ACCESS EXCLUSIVE MODE")
	lost := make(chan error, 1)
	go func() {
		_, _, err := l.exports.CSV(t.Context(), products.Query{}, time.Now(), byName)
		lost <- err
	}()
	kit.Eventually(t, "the export waits", awaited)
	kit.Exec(t, testdb.Open(t, l.url), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()")
	if err := <-lost; models.AsError(err) == nil || models.AsError(err).Class != models.Connection {
		t.Errorf("a lost connection: %v", err)
	}
	release()
	nothingIn(t, l.folder)

	l.folder = testfiles.SmallDisk(t)
	l.exports = export.New(l.store, l.folder)
	want(l.exports.CSV, "export.disk_full")
	l.folder = filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(l.folder, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	l.exports = export.New(l.store, l.folder)
	if _, _, err := l.exports.CSV(t.Context(), products.Query{}, time.Now(), byName); models.AsError(err) == nil || models.AsError(err).Text.Code != "export.failed" {
		t.Errorf("without a folder: %v", err)
	}
}

// TestExports_WaitForOthers asks for an export while as many are being written as may be at the same time.
func TestExports_WaitForOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		exports, start := export.New(nil, t.TempDir()), time.Now()
		exports.Occupy()
		_, _, err := exports.CSV(t.Context(), products.Query{}, start, byName)
		if e := models.AsError(err); e == nil || e.Text.Code != "export.busy" || e.Class != models.Unavailable || time.Since(start) != 10*time.Second {
			t.Errorf("%v after %s", err, time.Since(start))
		}
	})
}

// TestSweep removes what a crash has left, and does without a folder.
func TestSweep(t *testing.T) {
	t.Parallel()
	l := newFixture(t, testdb.SQLite(t), 1)
	if err := l.exports.Sweep(); err != nil {
		t.Error(err)
	}
	if err := os.MkdirAll(filepath.Join(l.folder, "workbook-1"), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(l.folder, "workbook-1", "excelize-1"), []byte("left"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := l.exports.Sweep(); err != nil {
		t.Error(err)
	}
	nothingIn(t, l.folder)
}
