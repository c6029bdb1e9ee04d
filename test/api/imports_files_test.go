package api_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"lifecycle-sync/services/export"
	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/testdb"
	"lifecycle-sync/web/messages"
)

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
