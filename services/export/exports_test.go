package export_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/services/export"
	"lifecycle-sync/services/products"
	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/databases"
	"lifecycle-sync/test/kit/testdb"
)

// fixture is exports of a mirror with n products.
type fixture struct {
	t       *testing.T
	db      *database.DB
	exports *export.Exports
	folder  string
}

func newFixture(t *testing.T, url string, n int) *fixture {
	t.Helper()
	db, store := databases.PMO(t, url)
	l := &fixture{t: t, db: db, folder: filepath.Join(t.TempDir(), "exports")}
	l.exports = export.New(store, l.folder, slog.New(slog.DiscardHandler))
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
	file, err := l.exports.CSV(l.t.Context(), q, time.Now())
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
		x := strings.Repeat("x", 200)
		if len(lines) != 3001 || lines[1] != "3000,P 3000,"+x+",,,,3000,,,,,,,,,,0" || lines[2994] != "7,P 7,"+x+",,,,7,,,,,,,,,,0" || lines[2993] != "8,P 8,"+x+",,,,8,,,,,,,,,,2" {
			t.Errorf("%d lines: %q, %q", len(lines), lines[1], lines[2990:])
		}
		none := l.csv(products.Query{Filter: products.Filter{Search: "%"}})
		if got, err := io.ReadAll(none); err != nil || bytes.Count(got, []byte("\r\n")) != 1 {
			t.Errorf("%q, %v", got, err)
		}
		book, err := l.exports.Workbook(t.Context(), products.Query{Filter: products.Filter{Search: "p 30"}, Sort: "id"}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(book)
		if err != nil {
			t.Fatal(err)
		}
		if rows, err := openBook(t, content).GetRows("products"); err != nil || len(rows) != 13 || rows[1][0] != "30" || rows[12][0] != "3000" {
			t.Errorf("%d rows, %v", len(rows), err)
		}
		l.exports.Close()
		nothingIn(t, l.folder)
		if _, err := l.exports.CSV(t.Context(), products.Query{Sort: "x"}, time.Now()); models.AsError(err) == nil || models.AsError(err).Class != models.Invalid {
			t.Errorf("an unknown sort: %v", err)
		}
	})
}

// TestBrokenOff closes files and exports midway: no query and no file is left, and nothing ends as if it
// were whole.
func TestBrokenOff(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		l := newFixture(t, url(t), 5000)
		for range 12 { // more than may be under way at once
			file := l.csv(products.Query{})
			if _, err := io.ReadFull(file, make([]byte, 1000)); err != nil {
				t.Fatal(err)
			}
			if err := file.Close(); err != nil {
				t.Fatal(err)
			}
			kit.Eventually(l.t, "its connection is free", func() bool { return l.db.SQL.Stats().InUse == 0 })
		}
		var open []io.ReadCloser
		for range 4 {
			open = append(open, l.csv(products.Query{}))
		}
		if _, err := l.exports.CSV(t.Context(), products.Query{}, time.Now()); models.AsError(err) == nil || models.AsError(err).Class != models.Unavailable {
			t.Errorf("one more: %v", err)
		}
		l.exports.Close()
		for _, file := range open {
			if _, err := io.ReadAll(file); err == nil {
				t.Error("it ended as if it were whole")
			}
		}
		if n := l.db.SQL.Stats().InUse; n != 0 {
			t.Errorf("%d connections are in use", n)
		}
	})
}

// TestConnectionLost loses the database at once, and midway.
func TestConnectionLost(t *testing.T) {
	t.Parallel()
	l := newFixture(t, testdb.Postgres(t), 100_000)
	file := l.csv(products.Query{Sort: "id"})
	if _, err := io.ReadFull(file, make([]byte, 100_000)); err != nil {
		t.Fatal(err)
	}
	l.exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
	if _, err := io.ReadAll(file); err == nil || models.AsError(err).Class != models.Connection {
		t.Errorf("it ended with %v", err)
	}
	l.exec("DROP TABLE tbl_produk_lifecycle CASCADE")
	if _, err := l.exports.CSV(t.Context(), products.Query{}, time.Now()); models.AsError(err) == nil || models.AsError(err).Class != models.Schema {
		t.Errorf("without the table: %v", err)
	}
	if _, err := l.exports.Workbook(t.Context(), products.Query{}, time.Now()); models.AsError(err) == nil || models.AsError(err).Class != models.Schema {
		t.Errorf("without the table: %v", err)
	}
	l.exports.Close()
	nothingIn(t, l.folder)
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
	// A folder that cannot be made.
	if err := os.RemoveAll(l.folder); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(l.folder, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := l.exports.Workbook(t.Context(), products.Query{}, time.Now())
	if e := models.AsError(err); e == nil || e.Class != models.Unavailable || errors.Is(err, io.EOF) {
		t.Errorf("without a folder: %v", err)
	}
}
