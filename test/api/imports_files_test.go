package api_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"io/fs"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"lifecycle-sync/test/kit/testdb"
)

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

// editSheet replaces texts of the first sheet of a workbook, pairs of old and new, each of which must occur.
func editSheet(t testing.TB, workbook []byte, replace ...string) []byte {
	t.Helper()
	return editPart(t, workbook, func(sheet string) string {
		for i := 0; i < len(replace); i += 2 {
			if !strings.Contains(sheet, replace[i]) {
				t.Fatalf("no %s in %s", replace[i], sheet)
			}
			sheet = strings.ReplaceAll(sheet, replace[i], replace[i+1])
		}
		return sheet
	})
}

// prefixed gives every element of the first sheet a namespace prefix, as the Open XML SDK does.
func prefixed(t testing.TB, workbook []byte) []byte {
	t.Helper()
	return editPart(t, workbook, func(sheet string) string {
		return strings.ReplaceAll(regexp.MustCompile(`<(/?)(\w)`).ReplaceAllString(sheet, "<${1}x:$2"), " xmlns=", " xmlns:x=")
	})
}

// editPart edits the XML of the first sheet of a workbook.
func editPart(t testing.TB, workbook []byte, edit func(sheet string) string) []byte {
	t.Helper()
	in, err := zip.NewReader(bytes.NewReader(workbook), int64(len(workbook)))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	archive := zip.NewWriter(&out)
	for _, part := range in.File {
		content, err := fs.ReadFile(in, part.Name)
		if part.Name == "xl/worksheets/sheet1.xml" {
			content = []byte(edit(string(content)))
		}
		w, createErr := archive.Create(part.Name)
		if err := errors.Join(err, createErr); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
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
	// sheet replaces parts of a sheet's XML: its cells are A2 with 1 and B2 with 7.
	sheet := func(replace ...string) []byte { return editSheet(t, workbookOf(t, prices, nil), replace...) }
	price := func(cell string) []byte { return sheet(`<c r="B2"><v>7</v></c>`, cell) }
	const merged = `</sheetData><mergeCells count="1"><mergeCell ref="A1:B1"/></mergeCells>`
	million := "ID,Price\n" + strings.Repeat("1,7\n", 1_000_000)
	for name, test := range map[string]struct {
		file []byte
		want string // the preview, or the code of the error's text
	}{
		"comma":              {[]byte("ID,Price\n1,7\n"), changed},
		"semicolon":          {[]byte("ID;Price\r\n1;7\r\n"), changed},
		"tab":                {[]byte("ID\tPrice\n1\t7"), changed},
		"sep":                {[]byte("sep=;\nid;harga\n1;Rp7"), "3 changed harga: 5 → 7\n"},
		"utf-16":             {utf16("ID;Price\r\n1;7\r\n"), changed},
		"broken utf-16":      {append(utf16("ID;Product name\n1;"), 0, 0xd8), "import.not_a_table"},
		"replaced character": {[]byte("ID;Product name\n1;a\ufffd"), "2 changed produk: Café → a\ufffd\n"},
		"utf-16 replaced":    {utf16("ID;Product name\n1;a\ufffd"), "2 changed produk: Café → a\ufffd\n"},
		"windows-1252":       {[]byte("ID;Product name\n1;Caf\xe9\n"), ""},
		"windows-1252 2":     {[]byte("ID;Product name\n1;Th\xe9\n"), "2 changed produk: Café → Thé\n"},
		"short row":          {[]byte("ID,Price,Customer\n1,7"), changed},
		"empty lines":        {[]byte("ID,Price\n\n,\n1,7\n"), "4 changed harga: 5 → 7\n"},
		"workbook":           {workbookOf(t, prices, nil), changed},
		"native date":        {workbookOf(t, [][]any{{"ID", "Launch date"}, {1, time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC)}}, nil), "2 changed tanggal_launch: NULL → 2026-12-31\n"},
		"hidden sheet": {workbookOf(t, prices, func(b *excelize.File) error {
			_, err := b.NewSheet("x")
			return errors.Join(err, b.SetSheetVisible("x", false))
		}), changed},
		"hidden merged": {workbookOf(t, prices, func(b *excelize.File) error {
			_, err := b.NewSheet("x")
			return errors.Join(err, b.SetSheetVisible("x", false), b.MergeCell("x", "A1", "B1"))
		}), changed},
		"zero fractions":     {sheet(`<c r="A2"><v>1<`, `<c r="A2"><v>1.0<`, "<v>7</v>", "<v>7.000</v>"), changed}, // as Google Sheets writes whole numbers
		"exponent":           {price(`<c r="B2"><v>0.7E+1</v></c>`), changed},
		"decimal":            {price(`<c r="B2"><v>1.234</v></c>`), "2 invalid harga: 5 → 1.234! harga integer\n"},
		"decimal 2":          {price(`<c r="B2" t="n"><v>12.125</v></c>`), "2 invalid harga: 5 → 12.125! harga integer\n"},
		"text":               {price(`<c r="B2" t="inlineStr"><is><t>1.234</t></is></c>`), "2 changed harga: 5 → 1234\n"},
		"boolean":            {price(`<c r="B2" t="b"><v>1</v></c>`), "2 invalid harga: 5 → TRUE! harga integer\n"},
		"boolean id":         {sheet(`<c r="A2"><v>1</v></c>`, `<c r="A2" t="b"><v>1</v></c>`), "2 invalid! id integer\n"},
		"decimal id":         {sheet(`<c r="A2"><v>1<`, `<c r="A2"><v>1.5<`), "2 invalid! id integer\n"},
		"without references": {sheet(` r="A2"`, "", ` r="B2"`, "", `<c><v>7</v>`, `<c><v>1.234</v>`), "2 invalid harga: 5 → 1.234! harga integer\n"},
		"empty value":        {price(`<c r="B2"><f>1+1</f><v></v></c>`), "import.formula"},
		"empty text":         {price(`<c r="B2" t="str"><f>""</f><v></v></c>`), "2 changed harga: 5 → NULL\n"},
		"prefixes":           {prefixed(t, sheet()), changed},
		"prefixed formula":   {prefixed(t, price(`<c r="B2"><f>1+1</f></c>`)), "import.formula"},
		"prefixed merged":    {prefixed(t, sheet("</sheetData>", merged)), "import.merged"},
		"visible sheets":     {workbookOf(t, prices, func(b *excelize.File) error { _, err := b.NewSheet("x"); return err }), "import.sheets"},
		"merged":             {workbookOf(t, prices, func(b *excelize.File) error { return b.MergeCell("Sheet1", "A2", "B2") }), "import.merged"},
		"computed":           {workbookOf(t, prices, func(b *excelize.File) error { return b.SetCellFormula("Sheet1", "B2", "1+6") }), changed},
		"formula":            {workbookOf(t, [][]any{{"ID", "Price"}, {1}}, func(b *excelize.File) error { return b.SetCellFormula("Sheet1", "B2", "1+6") }), "import.formula"},
		"error":              {workbookOf(t, [][]any{{"ID", "Price"}, {1, "#REF!"}}, nil), "2 invalid harga: 5 → #REF!! harga formula\n"},
		"macros":             {workbookOf(t, prices, func(b *excelize.File) error { b.Pkg.Store("xl/vbaProject.bin", []byte("x")); return nil }), "import.macros"},
		"decimals":           {[]byte("ID;Price\n1;7.5"), "2 invalid harga: 5 → 7.5! harga integer\n"},
		"million rows":       {[]byte(million), "import.too_many_rows"},
		"empty":              {[]byte("\ufeff\n"), "import.empty"},
		"no heading":         {[]byte("a,b\n1,7"), "import.no_headings"},
		"twice":              {[]byte("ID,Price,harga\n1,7,8"), "import.heading_twice"},
		"extra cells":        {[]byte("ID,Price\n1,7,8"), "import.extra_cells"},
		"quotes":             {[]byte("ID,Price\n1,\"7"), "import.quotes"},
		"pdf":                {[]byte("%PDF-1.4\nID,Price"), "import.not_a_table"},
		"html":               {[]byte("<html><table>"), "import.not_a_table"},
		"old workbook":       {[]byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), "import.old_workbook"},
		"zip":                {zipOf(t, "x.txt", 10), "import.not_a_table"},
		"bomb":               {zipOf(t, "xl/workbook.xml", 200<<20), "import.bomb"},
		"damaged":            {[]byte("PK\x03\x04 nothing"), "import.damaged"},
		"not a workbook":     {zipOf(t, "xl/workbook.xml", 10), "import.damaged"},
		"nul":                {[]byte("ID,Price\n1,\x00"), "import.not_a_table"},
		"unknown product":    {[]byte("ID,Price\n77777,1"), "2 invalid! id not_found\n"},
		"not an id":          {[]byte("ID,Price\nx,1"), "2 invalid! id integer\n"},
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
