package api_test

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"lifecycle-sync/services/export"
	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/testdb"
	"lifecycle-sync/web/messages"
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

// TestImport_OfAnUnchangedExportChangesNothing exports random products and imports the files as they are.
func TestImport_OfAnUnchangedExportChangesNothing(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		n := 300
		if kit.IsLong() {
			n = 5000
		}
		random := rand.New(rand.NewPCG(13, 5))
		parts := []string{"=1+1", "=", "+", "-", "@", "＝", "'", `"`, ";", ",", "\t", "\n", "\r", "\r\n", " ", "\u200b", "\x01", "\x1f", "\u00a0", "_x000D_", "_x005F_", "a", "1", "😀", "é", "\ufeff", "#N/A", "<b>&amp;",
			"00123", "TRUE", "1E5", "12345678901234567890", "31/12/2026", "Rp 1.250.000", "\ufffd", "\ufffe", "\u202e", "%PDF", "\x1b[2J"}
		text := func() any {
			if random.IntN(4) == 0 {
				return nil
			}
			var out strings.Builder
			for range random.IntN(9) {
				out.WriteString(parts[random.IntN(len(parts))])
			}
			return out.String()
		}
		prices := []any{nil, 0, 1, -5, 1250, 1_250_000, 999_999_999_999_999, 1_000_000_000_000_000, int64(9_007_199_254_740_993), int64(9_223_372_036_854_775_807)}
		dates := []any{nil, "0001-01-01", "1899-12-31", "1900-01-01", "1900-02-28", "1900-03-01", "1970-01-01", "2026-12-31", "9999-12-31"}
		tx, err := s.source.Begin()
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			values := []any{text(), text(), 1, 1 + random.IntN(4), prices[random.IntN(len(prices))], dates[random.IntN(len(dates))], text(), dates[random.IntN(len(dates))], dates[random.IntN(len(dates))]}
			if i%7 == 0 {
				values[2] = nil
			}
			if i%50 == 0 { // a workbook's cell holds 32,767 UTF-16 units
				values[1] = strings.Repeat([]string{"x", "😀", "=\n", " "}[i/50%4], 33_000)
			}
			_, err := tx.Exec(`INSERT INTO tbl_produk (produk, deskripsi, id_segmen, id_stage, harga, tanggal_launch, pelanggan, tanggal_stage_start, tanggal_stage_end)
				VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`, values...)
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
		exec(t, s.source, "INSERT INTO tbl_segmen (segmen) VALUES (''''), ('=x'), (' y ')")
		exec(t, s.source, "UPDATE tbl_produk SET id_segmen = (SELECT max(id) FROM tbl_segmen) - id % 3 WHERE id % 5 = 0")
		s.Command("sync")
		total := queryOne[int](t, s.target, "SELECT count(*) FROM tbl_produk_lifecycle")
		indonesian := messages.New().Printer(messages.Indonesian, time.UTC)
		for _, kind := range []string{"csv", "xlsx", "csv in Indonesian"} {
			file := s.get("/products/export." + strings.Fields(kind)[0]).body
			if kind == "csv in Indonesian" {
				rest := file[bytes.IndexByte(file, '\n'):]
				var headings []string
				for _, column := range append([]string{"id", export.VersionColumn}, strings.Fields("produk deskripsi id_kategori id_segmen id_stage harga tanggal_launch pelanggan "+
					"created_at updated_at tanggal_stage_start tanggal_stage_end attachments_count")...) {
					headings = append(headings, indonesian.Text(export.Label(column)))
				}
				file = append([]byte(strings.Join(headings, ",")), rest...)
			}
			got := s.preview(file)
			if got.Counts.Unchanged != total || len(got.Rows) != total || got.Digest != nil || len(got.UnknownColumns) != 0 {
				t.Errorf("%s: %+v of %d, %v\n%.2000s", kind, got.Counts, total, got.UnknownColumns, got)
			}
		}
	})
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

// zipOf returns an archive with one part of zeros.
func zipOf(t testing.TB, name string, size int) []byte {
	t.Helper()
	var out bytes.Buffer
	archive := zip.NewWriter(&out)
	part, err := archive.Create(name)
	if err == nil {
		_, err = part.Write(make([]byte, size))
	}
	if err := errors.Join(err, archive.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestImport_ReadsOrRejectsEveryKindOfFile sends files that are no exports.
func TestImport_ReadsOrRejectsEveryKindOfFile(t *testing.T) {
	t.Parallel()
	s := newSite(t, testdb.SQLite)
	exec(t, s.source, "UPDATE tbl_produk SET harga = 5, tanggal_launch = NULL, produk = 'Café' WHERE id = 1")
	s.Command("sync")
	prices := [][]any{{"ID", "Price"}, {1, 7}}
	const changed = "2 changed harga: 5 → 7\n"
	utf16 := func(text string) []byte {
		out := []byte{0xff, 0xfe}
		for _, r := range text {
			out = append(out, byte(r), byte(r>>8))
		}
		return out
	}
	utf16BE := func(text string) []byte {
		out := []byte{0xfe, 0xff}
		for _, r := range text {
			out = append(out, byte(r>>8), byte(r))
		}
		return out
	}
	customer := queryOne[string](t, s.target, "SELECT coalesce(pelanggan, 'NULL') FROM tbl_produk_lifecycle WHERE id = 1")
	million := "ID,Price\n" + strings.Repeat("1,7\n", 1_000_000)
	for name, test := range map[string]struct {
		file []byte
		want string // the preview, or the code of the error's text
	}{
		"comma":          {[]byte("ID,Price\n1,7\n"), changed},
		"semicolon":      {[]byte("ID;Price\r\n1;7\r\n"), changed},
		"tab":            {[]byte("ID\tPrice\n1\t7"), changed},
		"sep":            {[]byte("sep=;\nid;harga\n1;Rp7"), "3 changed harga: 5 → 7\n"},
		"utf-16":         {utf16("ID;Price\r\n1;7\r\n"), changed},
		"windows-1252":   {[]byte("ID;Product name\n1;Caf\xe9\n"), ""},
		"windows-1252 2": {[]byte("ID;Product name\n1;Th\xe9\n"), "2 changed produk: Café → Thé\n"},
		"short row":      {[]byte("ID,Price,Customer\n1,7"), changed},
		"empty lines":    {[]byte("ID,Price\n\n,\n1,7\n"), "4 changed harga: 5 → 7\n"},
		"workbook":       {workbookOf(t, prices, nil), changed},
		"native date":    {workbookOf(t, [][]any{{"ID", "Launch date"}, {1, time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC)}}, nil), "2 changed tanggal_launch: NULL → 2026-12-31\n"},
		"hidden sheet": {workbookOf(t, prices, func(b *excelize.File) error {
			_, err := b.NewSheet("x")
			return errors.Join(err, b.SetSheetVisible("x", false))
		}), changed},
		"visible sheets":  {workbookOf(t, prices, func(b *excelize.File) error { _, err := b.NewSheet("x"); return err }), "import.sheets"},
		"merged":          {workbookOf(t, prices, func(b *excelize.File) error { return b.MergeCell("Sheet1", "A2", "B2") }), "import.merged"},
		"computed":        {workbookOf(t, prices, func(b *excelize.File) error { return b.SetCellFormula("Sheet1", "B2", "1+6") }), changed},
		"formula":         {workbookOf(t, [][]any{{"ID", "Price"}, {1}}, func(b *excelize.File) error { return b.SetCellFormula("Sheet1", "B2", "1+6") }), "import.formula"},
		"error":           {workbookOf(t, [][]any{{"ID", "Price"}, {1, "#REF!"}}, nil), "2 invalid harga: 5 → #REF!! harga formula\n"},
		"macros":          {workbookOf(t, prices, func(b *excelize.File) error { b.Pkg.Store("xl/vbaProject.bin", []byte("x")); return nil }), "import.macros"},
		"decimals":        {[]byte("ID;Price\n1;7.5"), "2 invalid harga: 5 → 7.5! harga integer\n"},
		"million rows":    {[]byte(million), "import.too_many_rows"},
		"empty":           {[]byte("\ufeff\n"), "import.empty"},
		"no heading":      {[]byte("a,b\n1,7"), "import.no_headings"},
		"twice":           {[]byte("ID,Price,harga\n1,7,8"), "import.heading_twice"},
		"extra cells":     {[]byte("ID,Price\n1,7,8"), "import.extra_cells"},
		"quotes":          {[]byte("ID,Price\n1,\"7"), "import.quotes"},
		"pdf":             {[]byte("%PDF-1.4\nID,Price"), "import.not_a_table"},
		"html":            {[]byte("<html><table>"), "import.not_a_table"},
		"old workbook":    {[]byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), "import.old_workbook"},
		"zip":             {zipOf(t, "x.txt", 10), "import.not_a_table"},
		"bomb":            {zipOf(t, "xl/workbook.xml", 200<<20), "import.bomb"},
		"damaged":         {[]byte("PK\x03\x04 nothing"), "import.damaged"},
		"not a workbook":  {zipOf(t, "xl/workbook.xml", 10), "import.damaged"},
		"nul":             {[]byte("ID,Price\n1,\x00"), "import.not_a_table"},
		"unknown product": {[]byte("ID,Price\n77777,1"), "2 invalid! id not_found\n"},
		"big endian":      {utf16BE("ID;Price\r\n1;7\r\n"), changed},
		"half a utf-16":   {[]byte("\xff\xfeI\x00D\x00\x00\xd8,\x00"), "import.no_headings"},
		"other encoding":  {[]byte("ID;Product name\n1;\x81\xe9\n"), "import.not_a_table"},
		"replacement":     {[]byte("ID;Customer\n1;\ufffd\n"), "2 changed pelanggan: " + customer + " → \ufffd\n"},
		"dates":           {[]byte("ID;Launch date\n1;31/12/2026"), "2 changed tanggal_launch: NULL → 2026-12-31\n"},
		"no such date":    {[]byte("ID;Launch date\n1;31/02/2026"), "2 invalid tanggal_launch: NULL → 31/02/2026! tanggal_launch date\n"},
		"rupiah":          {workbookOf(t, [][]any{{"ID", "Harga"}, {1, "Rp 1.250.000"}}, nil), "2 changed harga: 5 → 1250000\n"},
		"hidden only": {workbookOf(t, prices, func(b *excelize.File) error {
			other, err := b.NewSheet("x")
			b.SetActiveSheet(other)
			return errors.Join(err, b.SetSheetVisible("Sheet1", false))
		}), "import.empty"},
		"not an id": {[]byte("ID,Price\nx,1"), "2 invalid! id integer\n"},
	} {
		a := s.importForm(test.file, nil)
		if a.StatusCode != http.StatusOK {
			if a.StatusCode != http.StatusBadRequest || !strings.Contains(string(a.body), `"code":"`+test.want+`"`) || strings.Count(a.json.Message, ".") == 0 {
				t.Errorf("%s: %s, want %s", name, a.body, test.want)
			}
			continue
		}
		if got := decode[preview](t, a).String(); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
	s.importForm(nil, nil).want(t, http.StatusBadRequest, "validation_failed")
	s.importForm(nil, nil, "digest", "x").want(t, http.StatusBadRequest, "validation_failed")
	s.importForm(bytes.Repeat([]byte("x"), 11<<20), nil).want(t, http.StatusRequestEntityTooLarge)
}
