package export

import (
	"archive/zip"
	"compress/flate"
	"context"
	"io"
	"os"
	"strconv"

	"github.com/xuri/excelize/v2"

	"lifecycle-sync/models"
)

// The limits of a sheet: rows with the header, and bytes of text, such that no part of the workbook needs
// ZIP64, which few programs read from a stream.
const (
	maxRows  = 1_048_576
	maxBytes = 512 << 20
)

// Sweep removes what an export that a crash ended has left. Nothing may be under way.
func (e *Exports) Sweep() error { return os.RemoveAll(e.folder) }

// writeWorkbook puts the workbook together in a folder of its own, and then writes it.
func (e *Exports) writeWorkbook(ctx context.Context, view viewer, w io.Writer, ready func()) error {
	folder, err := e.temporary()
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(folder) }() // else Sweep does
	book, err := newBook(folder)
	if err != nil {
		return err
	}
	defer func() { _ = book.file.Close() }() // removes what is in the folder
	if err := view(book.fill); err != nil {
		return unavailableWhenFull(err)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	ready()
	return book.write(w)
}

// temporary makes a folder for one export. Errors: unavailable.
func (e *Exports) temporary() (string, error) {
	err := os.MkdirAll(e.folder, 0o750)
	if err == nil {
		var folder string
		if folder, err = os.MkdirTemp(e.folder, "workbook-"); err == nil {
			return folder, nil
		}
	}
	return "", unavailableWhenFull(err)
}

// unavailableWhenFull says so when a temporary file cannot be written.
func unavailableWhenFull(err error) error {
	if e := models.AsError(err); e.Class != models.Internal {
		return e
	}
	return models.NewError(models.Unavailable, "export.workbook_failed", nil).WithRemedy("export.workbook_failed_remedy", nil).WithCause(err)
}

// book is a workbook that is being written.
type book struct {
	file      *excelize.File
	sheet     *excelize.StreamWriter
	sheets    int
	row       int // of the sheet, the last that was written
	bytes     int // of the sheet's texts
	maxRows   int // of a sheet
	head, day int // styles
	money     int
}

func newBook(folder string) (*book, error) {
	b := &book{file: excelize.NewFile(excelize.Options{TmpDir: folder}), maxRows: maxRows}
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

// begin begins a sheet, with the names of the columns in its first row, which stays in sight.
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
		header[i] = excelize.Cell{StyleID: b.head, Value: c.Name}
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

// write writes the workbook as it is compressed; excelize by itself would first hold it in memory.
func (b *book) write(w io.Writer) error {
	b.file.SetZipWriter(func(io.Writer) excelize.ZipWriter {
		archive := zip.NewWriter(w)
		archive.RegisterCompressor(zip.Deflate, func(to io.Writer) (io.WriteCloser, error) { return flate.NewWriter(to, flate.BestSpeed) })
		return archive
	})
	return b.file.Write(io.Discard)
}
