package api_test

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"lifecycle-sync/test/kit"
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
		if len(records) != 29 || strings.Join(records[0], ",") != "ID,Version,Product name,Description,Category,Segment,Stage,Price,Launch date,Customer,Created,Updated,Stage start,Planned stage end,Attachments" {
			t.Fatalf("%d records, the first %v", len(records), records[0])
		}
		for i, want := range []string{"'=1+1", "'@SUM(A1)", "'-2", "'+3", "'\tx", "a;'=1+1", "a \"b\", c", "biasa"} {
			if got := records[21+i]; got[2] != want || got[7] != fmt.Sprint(9007199254740993+i) || got[8] != "2026-03-01" {
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
		if err != nil || len(rows) != 29 || rows[0][2] != "Product name" {
			t.Fatalf("%d rows, %v", len(rows), err)
		}
		for i, want := range []string{"biasa", "a \"b\", c", "a;=1+1", "\tx", "+3", "-2", "@SUM(A1)", "=1+1"} {
			if got := rows[i+1][2]; got != want {
				t.Errorf("%q, want %q", got, want)
			}
		}
		if formula, err := book.GetCellFormula("products", "C9"); err != nil || formula != "" {
			t.Errorf("formula %q, %v", formula, err)
		}
		if price, _ := book.GetCellValue("products", "H9"); price != "9007199254740993" {
			t.Errorf("price %s", price)
		}
	})
}

// TestExports_DatabaseLostMidway loses the connection while an export is written: the response is an error, not a part of the file.
func TestExports_DatabaseLostMidway(t *testing.T) {
	t.Parallel()
	s := newSite(t, testdb.Postgres)
	release, awaited := kit.Lock(t, s.target, "LOCK TABLE lifecycle_attachments IN ACCESS EXCLUSIVE MODE")
	lost := make(chan apiResponse, 1)
	go func() {
		a, err := s.try(http.MethodGet, base+"/products/export.csv", nil)
		if err != nil {
			t.Error(err)
		}
		lost <- a
	}()
	s.Eventually("the export waits", awaited)
	exec(t, s.target, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()")
	a := (<-lost).want(t, http.StatusServiceUnavailable, "connection")
	if a.Header.Get("Content-Disposition") != "" || a.Header.Get("Retry-After") == "" {
		t.Errorf("%v", a.Header)
	}
	release()
	for _, path := range []string{"/products/export.csv", "/products/export.xlsx"} {
		if d := s.do(http.MethodHead, base+path, nil).want(t, http.StatusOK).Header.Get("Content-Disposition"); d == "" {
			t.Errorf("HEAD %s: no Content-Disposition", path)
		}
		s.do(http.MethodHead, base+path+"?sort=nope", nil).want(t, http.StatusBadRequest)
	}
}
