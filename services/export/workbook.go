package export

import (
	"archive/zip"
	"compress/flate"
	"io"
	"os"
	"strconv"
	"time"
	"unicode/utf16"

	"github.com/xuri/excelize/v2"

	"lifecycle-sync/models"
)

const (
	maxRows  = 1_048_576           // of a sheet, including the header
	maxBytes = 512 << 20           // of a sheet's texts, so that the workbook needs no ZIP64, which few programs can stream
	maxExact = 999_999_999_999_999 // the largest integer of which Excel shows every digit
)

// MaxText is the number of UTF-16 units that a cell of a workbook can hold.
const MaxText = 32_767

// writeWorkbook assembles the workbook in a temporary folder and then writes it.
func (e *Exports) writeWorkbook(view viewer, heading Heading, w io.Writer) error {
	folder, err := os.MkdirTemp(e.folder, "workbook-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(folder) }() // Sweep retries
	book, err := newBook(folder, heading)
	if err != nil {
		return err
	}
	defer func() { _ = book.file.Close() }() // removes its temporary files
	if err := view(book.fill); err != nil {
		return err
	}
	return book.write(w)
}

// book is a workbook in progress.
type book struct {
	file             *excelize.File
	heading          Heading
	prices           map[string]bool // the names of the columns in rupiah
	sheet            *excelize.StreamWriter
	sheets           int
	row, bytes       int // of the current sheet: the last row written, and the size of its texts
	maxRows          int // of a sheet
	head, day, money int // styles
}

func newBook(folder string, heading Heading) (*book, error) {
	b := &book{heading: heading, file: excelize.NewFile(excelize.Options{TmpDir: folder}), prices: map[string]bool{}, maxRows: maxRows}
	for _, field := range models.ProductFields() {
		b.prices[field.Column] = field.Kind == models.FieldNumber
	}
	var err error
	for style, of := range map[*int]*excelize.Style{
		&b.head: {Font: &excelize.Font{Bold: true}}, &b.day: {CustomNumFmt: new("yyyy-mm-dd")}, &b.money: {NumFmt: 1}, // 0: all digits
	} {
		if *style, err = b.file.NewStyle(of); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// fill writes the sheets.
func (b *book) fill(columns []models.Column, products rows) error {
	if err := b.begin(columns); err != nil {
		return err
	}
	values := make([]any, len(columns))
	for cells, err := range products {
		if err != nil {
			return err
		}
		if b.row == b.maxRows || b.bytes > maxBytes {
			if err := b.begin(columns); err != nil {
				return err
			}
		}
		for i, c := range columns {
			if values[i], err = b.value(c, cells[i]); err != nil {
				return err
			}
			b.bytes += len(cells[i])
		}
		if err := b.add(values); err != nil {
			return err
		}
	}
	return b.sheet.Flush()
}

// begin starts a sheet with a frozen header row.
func (b *book) begin(columns []models.Column) error {
	b.sheets++
	name := "products"
	var err error
	if b.sheets == 1 {
		err = b.file.SetSheetName(b.file.GetSheetName(0), name)
	} else {
		name += " " + strconv.Itoa(b.sheets)
		if err = b.sheet.Flush(); err == nil {
			_, err = b.file.NewSheet(name)
		}
	}
	if err != nil {
		return err
	}
	if b.sheet, err = b.file.NewStreamWriter(name); err != nil {
		return err
	}
	if err := b.sheet.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}); err != nil {
		return err
	}
	b.row, b.bytes = 0, 0
	header := make([]any, len(columns))
	for i, c := range columns {
		header[i] = excelize.Cell{StyleID: b.head, Value: b.heading(c.Name)}
		if err := b.sheet.SetColWidth(i+1, i+1, width(c)); err != nil {
			return err
		}
	}
	return b.add(header)
}

func width(c models.Column) float64 {
	switch c.Kind {
	case models.KindTimestamp:
		return 28
	case models.KindText:
		return 32
	default:
		return 14
	}
}

func (b *book) add(values []any) error {
	b.row++
	return b.sheet.SetRow("A"+strconv.Itoa(b.row), values)
}

// write streams the compressed workbook, which excelize would otherwise build in memory.
func (b *book) write(w io.Writer) error {
	b.file.SetZipWriter(func(io.Writer) excelize.ZipWriter {
		archive := zip.NewWriter(w)
		archive.RegisterCompressor(zip.Deflate, func(to io.Writer) (io.WriteCloser, error) { return flate.NewWriter(to, flate.BestSpeed) })
		return archive
	})
	return b.file.Write(io.Discard)
}

// value returns a cell with its type: a number if Excel shows it exactly, a date if Excel knows it, else a text, which is
// never computed. A timestamp is a text because Excel's have neither time zone nor microseconds.
func (b *book) value(c models.Column, cell []byte) (any, error) {
	if cell == nil {
		return nil, nil
	}
	switch c.Kind {
	case models.KindInt:
		return b.number(c, string(cell))
	case models.KindDate:
		return b.date(string(cell))
	case models.KindTimestamp:
		return rfc3339(cell)
	default:
		return shortened(string(cell)), nil
	}
}

func (b *book) number(c models.Column, digits string) (any, error) {
	n, err := strconv.ParseInt(digits, 10, 64)
	switch {
	case err != nil:
		return nil, err
	case n > maxExact || n < -maxExact:
		return digits, nil
	case b.prices[c.Name]:
		return excelize.Cell{StyleID: b.money, Value: n}, nil
	default:
		return n, nil
	}
}

// WorkbookText returns what a program reads from the workbook for a cell: the raw value, "" for NULL.
func WorkbookText(c models.Column, cell []byte) string {
	if cell == nil {
		return ""
	}
	switch c.Kind {
	case models.KindDate:
		if days, isDay := excelDay(string(cell)); isDay {
			return strconv.FormatInt(days, 10)
		}
	case models.KindText:
		return shortened(string(cell))
	case models.KindInt, models.KindTimestamp, models.KindJSON:
	}
	return string(cell)
}

// date counts days as Excel does, which miscounts before March 1900.
func (b *book) date(text string) (any, error) {
	if _, err := models.ParseDate(text); err != nil {
		return nil, err
	}
	if days, isDay := excelDay(text); isDay {
		return excelize.Cell{StyleID: b.day, Value: days}, nil
	}
	return text, nil
}

// excelDay returns Excel's number of a day, if Excel counts it correctly.
func excelDay(text string) (days int64, ok bool) {
	d, err := models.ParseDate(text)
	days = (d.Time().Unix() - time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC).Unix()) / (24 * 60 * 60)
	return days, err == nil && !d.Time().Before(time.Date(1900, 3, 1, 0, 0, 0, 0, time.UTC))
}

// shortened cuts a text that is too long for a cell and ends it in an ellipsis.
func shortened(text string) string {
	units, cut := 0, 0 // cut leaves room for the ellipsis
	for i, r := range text {
		if units < MaxText {
			cut = i
		}
		if units += utf16.RuneLen(r); units > MaxText {
			return text[:cut] + "…"
		}
	}
	return text
}
