package api_test

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"lifecycle-sync/test/kit/testdb"
)

func TestExports_NeutralizeFormulas(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		// A spreadsheet would take the names for formulas, and Excel's numbers cannot hold the prices.
		for i, name := range []string{"=1+1", "@SUM(A1)", "-2", "+3", "\tx", "a;=1+1", "a \"b\", c", "biasa"} {
			s.send(http.MethodPost, "/products", fmt.Sprintf(`{"produk":%q,"id_kategori":1,"id_segmen":1,"id_stage":1,"harga":%d,"tanggal_launch":"2026-03-01"}`, name, 9007199254740993+i)).
				want(t, http.StatusCreated)
		}
		a := s.get("/products/export.csv?sort=id")
		if d := a.Header.Get("Content-Disposition"); !strings.HasPrefix(d, `attachment; filename="products-`) || !strings.HasSuffix(d, `.csv"`) {
			t.Errorf("Content-Disposition %q", d)
		}
		text, found := bytes.CutPrefix(a.body, []byte("\ufeff"))
		if !found || !bytes.Contains(text, []byte("\r\n")) {
			t.Errorf("no byte order mark, or no CRLF: %.80q", a.body)
		}
		records, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		if len(records) != 29 || records[0][0] != "id" || records[0][1] != "produk" {
			t.Fatalf("%d records, the first %v", len(records), records[0])
		}
		for i, want := range []string{"'=1+1", "'@SUM(A1)", "'-2", "'+3", "'\tx", "a;'=1+1", "a \"b\", c", "biasa"} {
			if got := records[21+i]; got[1] != want || got[6] != fmt.Sprint(9007199254740993+i) || got[7] != "2026-03-01" {
				t.Errorf("%q: %q", want, got)
			}
		}
		filtered := s.get("/products/export.csv?search=biasa")
		if n := strings.Count(string(filtered.body), "\r\n"); n != 2 {
			t.Errorf("filtered: %q", filtered.body)
		}
		workbook := s.get("/products/export.xlsx?sort=-id")
		book, err := excelize.OpenReader(bytes.NewReader(workbook.body))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = book.Close() }()
		rows, err := book.GetRows("products")
		if err != nil || len(rows) != 29 || rows[0][1] != "produk" {
			t.Fatalf("%d rows, %v", len(rows), err)
		}
		for i, want := range []string{"biasa", "a \"b\", c", "a;=1+1", "\tx", "+3", "-2", "@SUM(A1)", "=1+1"} {
			if got := rows[i+1][1]; got != want {
				t.Errorf("%q, want %q", got, want)
			}
		}
		if formula, err := book.GetCellFormula("products", "B9"); err != nil || formula != "" {
			t.Errorf("formula %q, %v", formula, err)
		}
		if price, _ := book.GetCellValue("products", "G9"); price != "9007199254740993" {
			t.Errorf("price %s", price)
		}
	})
}

// TestExports_ErrorClosesTheConnection loses the database midway: the connection ends without the end of the file. When the
// client disconnects, the query ends.
func TestExports_ErrorClosesTheConnection(t *testing.T) {
	t.Parallel()
	s := newSite(t, testdb.Postgres)
	exec(t, s.target, "INSERT INTO tbl_produk_lifecycle (id, produk, deskripsi) SELECT i, 'P ' || i, repeat('x', 500) FROM generate_series(10001, 110000) AS g(i)")
	begin := func() io.ReadCloser {
		response, err := http.Get("http://" + s.Address + base + "/products/export.csv?sort=id")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = response.Body.Close() })
		if _, err := io.ReadFull(response.Body, make([]byte, 10_000)); err != nil || response.StatusCode != http.StatusOK {
			t.Fatalf("%d, %v", response.StatusCode, err)
		}
		return response.Body
	}
	const exporting = "pid <> pg_backend_pid() AND datname = current_database() AND state <> 'idle' AND query LIKE '%lifecycle_attachments%'"
	lost := begin()
	if queryOne[int](t, s.target, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE "+exporting) == 0 {
		t.Fatal("the export is over")
	}
	if n, err := io.Copy(io.Discard, lost); err == nil {
		t.Errorf("%d bytes came, as if they were all", n)
	}
	closed := begin()
	_ = closed.Close()
	s.Eventually("the query ends", func() bool {
		return queryOne[int](t, s.target, "SELECT count(*) FROM pg_stat_activity WHERE "+exporting) == 0
	})
	for _, path := range []string{"/products/export.csv", "/products/export.xlsx"} {
		if d := s.do(http.MethodHead, base+path, nil).want(t, http.StatusOK).Header.Get("Content-Disposition"); d == "" {
			t.Errorf("HEAD %s: no Content-Disposition", path)
		}
	}
}
