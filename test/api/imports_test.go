package api_test

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"
)

// preview is the preview of an import.
type preview struct {
	Digest *string
	Counts struct{ Unchanged, Changed, New, Invalid, Conflict int }

	UnknownColumns []string
	Rows           []struct {
		Line    int
		ID      *int64
		Status  string
		Changes []struct {
			Field         string
			Before, After *string
		}
		Errors []struct{ Field, Code, Message string }
	}
}

// String lists the rows that are not unchanged: "line status field: before → after! field code".
func (p preview) String() string {
	var out strings.Builder
	text := func(s *string) string {
		if s == nil {
			return "NULL"
		}
		return *s
	}
	for _, row := range p.Rows {
		if row.Status == "unchanged" {
			continue
		}
		fmt.Fprintf(&out, "%d %s", row.Line, row.Status)
		for _, c := range row.Changes {
			fmt.Fprintf(&out, " %s: %s → %s", c.Field, text(c.Before), text(c.After))
		}
		for _, e := range row.Errors {
			fmt.Fprintf(&out, "! %s %s", e.Field, e.Code)
		}
		out.WriteString("\n")
	}
	return out.String()
}

// importForm sends the form of an import; file may be nil, and fields are pairs of name and value.
func (s *site) importForm(file []byte, headers []string, fields ...string) apiResponse {
	s.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for i := 0; i < len(fields); i += 2 {
		if err := form.WriteField(fields[i], fields[i+1]); err != nil {
			s.t.Fatal(err)
		}
	}
	if file != nil {
		part, err := form.CreateFormFile("file", "products")
		if err == nil {
			_, err = part.Write(file)
		}
		if err != nil {
			s.t.Fatal(err)
		}
	}
	if err := form.Close(); err != nil {
		s.t.Fatal(err)
	}
	return s.do(http.MethodPost, base+"/products/import", &body, append(headers, "Content-Type", form.FormDataContentType())...)
}

// preview previews the import of a file.
func (s *site) preview(file []byte, fields ...string) preview {
	s.t.Helper()
	return decode[preview](s.t, s.importForm(file, nil, fields...).want(s.t, http.StatusOK))
}

// export returns the rows of the export, headings first.
func (s *site) exportRows(query string) [][]string {
	s.t.Helper()
	records, err := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(s.get("/products/export.csv"+query).body, []byte("\ufeff")))).ReadAll()
	if err != nil {
		s.t.Fatal(err)
	}
	return records
}

// csvOf writes rows as CSV with a separator.
func csvOf(t testing.TB, rows [][]string, separator rune) []byte {
	t.Helper()
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	w.Comma = separator
	if err := w.WriteAll(rows); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// workbookOf writes cells as a workbook; edit may change it.
func workbookOf(t testing.TB, rows [][]any, edit func(book *excelize.File) error) []byte {
	t.Helper()
	book := excelize.NewFile()
	defer func() { _ = book.Close() }()
	for i, row := range rows {
		if err := book.SetSheetRow("Sheet1", fmt.Sprintf("A%d", i+1), &row); err != nil {
			t.Fatal(err)
		}
	}
	if edit != nil {
		if err := edit(book); err != nil {
			t.Fatal(err)
		}
	}
	out, err := book.WriteToBuffer()
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestImport_AppliesExactlyThePreview(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		exec(t, s.source, "UPDATE tbl_produk SET id_stage = 1, id_segmen = 1, id_kategori = 1, harga = 5, tanggal_launch = '2026-01-02', tanggal_stage_start = NULL, tanggal_stage_end = '2026-02-02', pelanggan = 'PLN'")
		s.Command("sync")
		stages := queryOne[string](t, s.source, "SELECT stage FROM tbl_stage WHERE id = 2")
		rows := s.exportRows("?sort=id")[:6]
		cell := func(row int, heading, value string) {
			rows[row][slices.Index(rows[0], heading)] = value
		}
		cell(1, "Price", "Rp 1.250.000")
		cell(2, "Launch date", "31/12/2026")
		cell(2, "Customer", "")
		cell(3, "Stage", stages)
		cell(4, "Price", "1,250,000.00")
		rows = append(rows, slices.Clone(rows[5]))
		cell(6, "ID", "")
		cell(6, "Version", "")
		cell(6, "Product name", "'=Baru")
		file := csvOf(t, rows, ';')
		before := s.fingerprint()
		shown := s.preview(file)
		const want = `2 changed harga: 5 → 1250000
3 changed pelanggan: PLN → NULL tanggal_launch: 2026-01-02 → 2026-12-31
4 changed id_stage: %s → %s
5 changed harga: 5 → 1250000
7 new produk: NULL → =Baru `
		first := queryOne[string](t, s.source, "SELECT stage FROM tbl_stage WHERE id = 1")
		if got := shown.String(); !strings.HasPrefix(got, fmt.Sprintf(want, first, stages)) || shown.Counts.Unchanged != 1 || shown.Digest == nil {
			t.Fatalf("%+v %s", shown.Counts, got)
		}
		if again := s.preview(file); *again.Digest != *shown.Digest {
			t.Errorf("digests %s and %s", *shown.Digest, *again.Digest)
		}
		if after := s.fingerprint(); after != before {
			t.Errorf("a preview wrote: %s became %s", before, after)
		}
		applied := s.importForm(nil, []string{"Idempotency-Key", "impor"}, "digest", *shown.Digest).want(t, http.StatusOK)
		if got := string(applied.json.Data); got != `{"created":1,"changed":4}` {
			t.Errorf("applied %s", got)
		}
		s.importForm(nil, []string{"Idempotency-Key", "impor"}, "digest", *shown.Digest).want(t, http.StatusOK)
		after := s.fingerprint()
		if p := decode[product](t, s.get("/products/3")); *p.StageID != 2 || p.StageEnd != nil || p.StageStart == nil || !s.inNewestStage(3) {
			t.Errorf("%+v", p)
		}
		if p := decode[product](t, s.get("/products/2")); p.LaunchDate.String() != "2026-12-31" || p.Customer != nil {
			t.Errorf("%+v", p)
		}
		if got := queryOne[string](t, s.source, "SELECT produk FROM tbl_produk ORDER BY id DESC LIMIT 1"); got != "=Baru" {
			t.Errorf("created %q", got)
		}

		// The same file conflicts now where it would change something: it still has the old stage dates.
		again := s.importForm(file, nil, "digest", *shown.Digest).want(t, http.StatusConflict, "conflict")
		stale := decode[preview](t, again)
		if stale.Digest != nil || stale.Counts.New != 1 || stale.Counts.Unchanged != 4 || stale.Counts.Conflict != 1 {
			t.Errorf("%+v %s", stale.Counts, stale)
		}
		s.importForm(nil, nil, "digest", *shown.Digest).want(t, http.StatusConflict, "conflict")
		if now := s.fingerprint(); now != after {
			t.Errorf("%s became %s", after, now)
		}

		list := s.activities("limit=1")
		if len(list) != 1 || list[0].Channel != "import" || len(list[0].Products) != 5 {
			t.Fatalf("%+v", list)
		}
		s.undo(list[0].ID)
		if now := s.fingerprint(); now != before {
			t.Errorf("undone to %s, was %s", now, before)
		}
		s.Command("verify")
	})
}

func TestImport_ReportsProblemsAndSkipsThem(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		exec(t, s.source, "UPDATE tbl_produk SET id_stage = 1, id_segmen = 1, id_kategori = 1, harga = 5, tanggal_stage_start = '2026-01-01', tanggal_stage_end = NULL")
		s.Command("sync")
		rows := s.exportRows("?sort=id")[:8]
		cell := func(row int, heading, value string) { rows[row][slices.Index(rows[0], heading)] = value }
		cell(1, "Price", "mahal")
		cell(2, "Product name", "")
		cell(3, "Segment", "Entah")
		cell(4, "Planned stage end", "2025-01-01")
		cell(5, "Price", "7")
		cell(6, "Price", "8")
		cell(7, "ID", "99999")
		rows = append(rows, slices.Clone(rows[6]))
		rows[0][slices.Index(rows[0], "Description")] = "Remark"
		file := csvOf(t, rows, ',')
		exec(t, s.source, "UPDATE tbl_produk SET pelanggan = 'lain' WHERE id = 5")
		s.Command("sync")
		got := s.preview(file)
		const want = `2 invalid harga: 5 → mahal! harga integer
3 invalid produk: %s → NULL! produk required
4 invalid id_segmen: %s → Entah! id_segmen unknown
5 invalid tanggal_stage_end: NULL → 2025-01-01! tanggal_stage_end order
6 conflict harga: 5 → 7! version conflict
7 changed harga: 5 → 8
8 conflict! id not_found
9 invalid! id duplicate
`
		segment := queryOne[string](t, s.source, "SELECT segmen FROM tbl_segmen WHERE id = 1")
		name := queryOne[string](t, s.source, "SELECT produk FROM tbl_produk WHERE id = 2")
		if shown := got.String(); got.Digest != nil || !slices.Equal(got.UnknownColumns, []string{"Remark"}) || !strings.HasPrefix(strings.ReplaceAll(shown, " pelanggan: lain → "+rows[5][9], ""), strings.SplitAfter(fmt.Sprintf(want, name, segment), "\n")[0]) ||
			got.Counts.Invalid != 5 || got.Counts.Conflict != 2 || got.Counts.Changed != 1 {
			t.Errorf("%+v %v\n%s", got.Counts, got.UnknownColumns, shown)
		}
		skipping := s.preview(file, "skip", "problems")
		if skipping.Digest == nil {
			t.Fatalf("no digest: %s", skipping)
		}
		s.importForm(file, nil, "digest", *skipping.Digest).want(t, http.StatusConflict, "conflict")
		s.importForm(file, nil, "digest", *skipping.Digest, "skip", "problems").want(t, http.StatusOK)
		if got := queryOne[string](t, s.source, "SELECT harga || ' ' || (SELECT harga FROM tbl_produk WHERE id = 5) FROM tbl_produk WHERE id = 6"); got != "8 5" {
			t.Errorf("prices %s", got)
		}

		// The mirror does not know a change yet: the import fails, and the new preview shows the conflict.
		rows = s.exportRows("?sort=id")[:2]
		cell(1, "Price", "11")
		shown := s.preview(csvOf(t, rows, '\t'))
		exec(t, s.source, "UPDATE tbl_produk SET harga = 10 WHERE id = 1")
		refused := decode[preview](t, s.importForm(nil, nil, "digest", *shown.Digest).want(t, http.StatusConflict, "conflict"))
		if refused.Digest != nil || refused.String() != "2 conflict harga: 10 → 11! version conflict\n" {
			t.Errorf("%s", refused)
		}
		s.importForm(nil, nil, "digest", strings.Repeat("0", 32)).want(t, http.StatusNotFound, "not_found")
		s.Command("verify")
	})
}
