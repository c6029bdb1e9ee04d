package export_test

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"lifecycle-sync/models"
	"lifecycle-sync/services/export"
)

var columns = []models.Column{{Name: "id", Kind: models.KindInt}, {Name: "produk", Kind: models.KindText}, {Name: "harga", Kind: models.KindInt},
	{Name: "tanggal_launch", Kind: models.KindDate}, {Name: "created_at", Kind: models.KindTimestamp}}

// of streams rows, in which "NULL" is none, and then an error, unless it is nil. As of a database, a row is
// valid until the next.
func of(end error, rows ...[]string) iter.Seq2[[][]byte, error] {
	return func(yield func([][]byte, error) bool) {
		cells := make([][]byte, len(columns))
		for _, row := range rows {
			for i, cell := range row {
				cells[i] = append(cells[i][:0:0], cell...)
				if cell == "" {
					cells[i] = []byte{}
				}
				if cell == "NULL" {
					cells[i] = nil
				}
			}
			if !yield(cells, nil) {
				return
			}
			for _, cell := range cells {
				clear(cell)
			}
		}
		if end != nil {
			yield(nil, end)
		}
	}
}

func TestNeutral(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\nx", "\t", "＝1", "＋1", "－1", "＠x", " =1", "\u00a0=1", "\u200b=1", "\ufeff=1", "\x01=1", "=", "- 5 °C",
		"'=1", "''=1", `"=1`, "'\tx", "", "'", "''",
	} {
		if got := export.Neutral(text); got != "'"+text {
			t.Errorf("%q became %q", text, got)
		}
	}
	for _, text := range []string{" ", "a=1", "1-2", "'x", "x@y.id", "é", "(=1)", "😀", "\xff", "a; b", "a\tb", "a\n\nb", "a, -1"} {
		if got := export.Neutral(text); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
	for text, want := range map[string]string{
		"a;=1": "a;'=1", "a;'=1": "a;''=1", "a\t=1": "a\t'=1", "\t=1": "'\t'=1", "a; \"=1": "a;' \"=1", "a;=1;=2": "a;'=1;'=2", "=1;x": "'=1;x", "a\n- b\r\n+c": "a\n'- b\r\n'+c",
	} {
		if got := export.Neutral(text); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}

// restored reverses Neutral. It returns nil for NULL.
func restored(cell string) *string {
	if cell == "" {
		return nil
	}
	return new(export.Restored(cell))
}

// TestCSV_IsSafeAndReversible exports random texts and reads the file as spreadsheets with each separator do.
func TestCSV_IsSafeAndReversible(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	parts := []string{"=1+1", "=", "+", "-", "@", "＝", "'", `"`, ";", ",", "\t", "\n", "\r", "\r\n", " ", "\u200b", "a", "1"}
	rows := [][]string{{"1", "", "1", "NULL", "NULL"}, {"2", "NULL", "1", "NULL", "NULL"}}
	for i := range 3000 {
		var text strings.Builder
		for range random.IntN(8) {
			text.WriteString(parts[random.IntN(len(parts))])
		}
		rows = append(rows, []string{fmt.Sprint(i + 3), text.String(), "1", "NULL", "NULL"})
	}
	file, err := export.CSVOf(columns, of(nil, rows...))
	if err != nil {
		t.Fatal(err)
	}
	records, err := csv.NewReader(bytes.NewReader(file[3:])).ReadAll()
	if err != nil || len(records) != len(rows)+1 {
		t.Fatal(len(records), err)
	}
	formula := regexp.MustCompile(`^["\s\x{200b}]*[=+\-@＝]`)
	for i, record := range records[1:] {
		want := strings.ReplaceAll(rows[i][1], "\r\n", "\n") // as Go's reader returns it
		if got := restored(record[1]); want == "NULL" != (got == nil) || got != nil && *got != want {
			t.Errorf("%q was exported as %q", want, record[1])
		}
		if formula.MatchString(record[1]) {
			t.Errorf("a formula under comma: %q", record)
		}
	}
	for _, separator := range []string{";", "\t"} {
		lazy := csv.NewReader(bytes.NewReader(file))
		lazy.Comma, lazy.LazyQuotes, lazy.FieldsPerRecord = rune(separator[0]), true, -1
		records, err := lazy.ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range strings.FieldsFunc(string(file), func(r rune) bool { return r == '\r' || r == '\n' }) { // without regard to quotes
			records = append(records, strings.Split(line, separator))
		}
		for _, record := range records {
			if slices.ContainsFunc(record, formula.MatchString) {
				t.Errorf("a formula under %q: %q", separator, record)
			}
		}
	}
}

func TestCSV(t *testing.T) {
	t.Parallel()
	got, err := export.CSVOf(columns, of(nil,
		[]string{"1", `a "b", c`, "-5", "2026-03-01", "2026-03-01 09:30:00.123456+00"},
		[]string{"2", "a\nb\r\nc\rd", "9223372036854775807", "0001-01-01", "2026-03-01T09:30:00.000000Z"},
		[]string{"3", "=HYPERLINK(\"x\")", "NULL", "NULL", "NULL"},
		[]string{"4", "", "0", "9999-12-31", "0001-01-01 00:00:00+00"}))
	const want = "\ufeffid,produk,harga,tanggal_launch,created_at\r\n" +
		`1,"a ""b"", c",-5,2026-03-01,2026-03-01T09:30:00.123456Z` + "\r\n" +
		"2,\"a\nb\r\nc\rd\",9223372036854775807,0001-01-01,2026-03-01T09:30:00.000000Z\r\n" +
		`3,"'=HYPERLINK(""x"")",,,` + "\r\n" +
		"4,',0,9999-12-31,0001-01-01T00:00:00.000000Z\r\n"
	if err != nil || string(got) != want {
		t.Errorf("%v\ngot  %q\nwant %q", err, got, want)
	}
	if _, err := csv.NewReader(bytes.NewReader(got[3:])).ReadAll(); err != nil {
		t.Error(err)
	}
	end := errors.New("the database is gone")
	if _, err := export.CSVOf(columns, of(end, []string{"1", "a", "1", "NULL", "NULL"})); !errors.Is(err, end) {
		t.Errorf("it ended with %v", err)
	}
}

// TestWorkbook opens a workbook and looks at each cell's value and type.
func TestWorkbook(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x😀", 20_000)
	folder := t.TempDir()
	got, err := export.WorkbookOf(folder, columns, of(nil,
		[]string{"1", "=1+1", "999999999999999", "2026-03-01", "2026-03-01 09:30:00.123456+00"},
		[]string{"2", "_x0041_ <b>&amp;", "1000000000000000", "1900-03-01", "NULL"},
		[]string{"3", " 'x\n ", fmt.Sprint(math.MinInt64), "1900-02-28", "NULL"},
		[]string{"4", long, "-1500000000", "9999-12-31", "NULL"},
		[]string{"5", "NULL", "NULL", "NULL", "NULL"},
		[]string{"6", "", "0", "NULL", "NULL"}), 1_048_576)
	if err != nil {
		t.Fatal(err)
	}
	book := openBook(t, got)
	const number, text = excelize.CellTypeUnset, excelize.CellTypeInlineString
	for _, c := range []struct {
		cell, raw, shown string
		kind             excelize.CellType
	}{
		{"A1", "id", "id", text},
		{"A2", "1", "1", number},
		{"B2", "=1+1", "=1+1", text},
		{"C2", "999999999999999", "999999999999999", number},
		{"D2", "46082", "2026-03-01", number},
		{"E2", "2026-03-01T09:30:00.123456Z", "2026-03-01T09:30:00.123456Z", text},
		{"B3", "_x0041_ <b>&amp;", "_x0041_ <b>&amp;", text},
		{"C3", "1000000000000000", "1000000000000000", text},
		{"D3", "61", "1900-03-01", number},
		{"B4", " 'x\n ", " 'x\n ", text},
		{"C4", "-9223372036854775808", "-9223372036854775808", text},
		{"D4", "1900-02-28", "1900-02-28", text},
		{"B5", long[:5*10_922] + "…", long[:5*10_922] + "…", text},
		{"C5", "-1500000000", "-1500000000", number},
		{"D5", "2958465", "9999-12-31", number},
		{"B6", "", "", number},
		{"C6", "", "", number},
		{"B7", "", "", text},
		{"C7", "0", "0", number},
	} {
		raw, _ := book.GetCellValue("products", c.cell, excelize.Options{RawCellValue: true})
		shown, _ := book.GetCellValue("products", c.cell)
		kind, _ := book.GetCellType("products", c.cell)
		formula, _ := book.GetCellFormula("products", c.cell)
		if raw != c.raw || shown != c.shown || kind != c.kind || formula != "" {
			t.Errorf("%s: %.40q shown as %.40q, type %v, formula %q; want %.40q, %.40q, %v", c.cell, raw, shown, kind, formula, c.raw, c.shown, c.kind)
		}
	}
	if panes, err := book.GetPanes("products"); err != nil || !panes.Freeze || panes.YSplit != 1 {
		t.Errorf("panes %+v, %v", panes, err)
	}
	head, _ := book.GetCellStyle("products", "B1")
	if style, err := book.GetStyle(head); err != nil || style.Font == nil || !style.Font.Bold {
		t.Errorf("the header's style is %+v, %v", style, err)
	}
	nothingIn(t, folder)
}

// TestSheets goes on where a sheet is full: with a header and two rows.
func TestSheets(t *testing.T) {
	t.Parallel()
	for n, want := range []string{
		"products: id", "products: id 1", "products: id 1 2", "products: id 1 2 products 2: id 3", "products: id 1 2 products 2: id 3 4", "products: id 1 2 products 2: id 3 4 products 3: id 5",
	} {
		var rows [][]string
		for i := range n {
			rows = append(rows, []string{fmt.Sprint(i + 1), "x", "1", "NULL", "NULL"})
		}
		content, err := export.WorkbookOf(t.TempDir(), columns, of(nil, rows...), 3)
		if err != nil {
			t.Fatal(err)
		}
		book := openBook(t, content)
		var got []string
		for _, name := range book.GetSheetList() {
			got = append(got, name+":")
			lines, err := book.GetRows(name)
			if err != nil {
				t.Fatal(err)
			}
			for _, line := range lines {
				got = append(got, line[0])
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%d rows: %v, want %s", n, got, want)
		}
	}
}

// TestLargeWorkbook has sheets that excelize keeps in files meanwhile.
func TestLargeWorkbook(t *testing.T) {
	t.Parallel()
	folder, text := t.TempDir(), strings.Repeat("abcdefghij", 3000)
	var rows [][]string
	for i := range 700 {
		rows = append(rows, []string{fmt.Sprint(i), text, "1", "NULL", "NULL"})
	}
	got, err := export.WorkbookOf(folder, columns, of(nil, rows...), 1_048_576)
	if err != nil {
		t.Fatal(err)
	}
	if lines, err := openBook(t, got).GetRows("products"); err != nil || len(lines) != 701 || lines[700][0] != "699" || lines[700][1] != text {
		t.Errorf("%d lines, %v", len(lines), err)
	}
	nothingIn(t, folder)
	if _, err := export.WorkbookOf(folder, columns, of(errors.New("gone"), rows...), 1_048_576); err == nil {
		t.Error("no error")
	}
	nothingIn(t, folder)
}

func openBook(t *testing.T, content []byte) *excelize.File {
	t.Helper()
	book, err := excelize.OpenReader(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = book.Close() })
	return book
}

func nothingIn(t *testing.T, folder string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, os.ErrNotExist) || len(entries) > 0 {
		t.Errorf("%v, %v", entries, err)
	}
}
