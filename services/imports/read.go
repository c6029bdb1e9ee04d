package imports

import (
	"archive/zip"
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"lifecycle-sync/models"
)

// The limits of a file.
const (
	MaxBytes    = 10 << 20
	maxRows     = 20_000
	maxUnzipped = 128 << 20 // bytes of a workbook's parts
	maxParts    = 1000      // of a workbook
	maxInMemory = 16 << 20  // bytes of a workbook's part; larger ones become temporary files
	maxColumns  = 200
)

// fileRow is a row of a file that has a value.
type fileRow struct {
	Line  int // in the file
	Cells []string
}

// fileError returns the error of a file that cannot be read.
func fileError(code string, params models.Params) *models.Error {
	return models.NewInvalid(models.NewFieldError("file", "unreadable", code, params))
}

// readFile returns the rows of a file, headings first. Errors: validation_failed.
func (s *Service) readFile(content []byte) (rows []fileRow, isWorkbook bool, err error) {
	switch {
	case len(content) == 0:
		return nil, false, fileError("import.empty", nil)
	case len(content) > MaxBytes:
		return nil, false, fileError("import.too_large", models.Params{"limit": int64(MaxBytes)})
	case bytes.HasPrefix(content, []byte("PK\x03\x04")):
		rows, err = s.readWorkbook(content)
		isWorkbook = true
	case bytes.HasPrefix(content, []byte("\xd0\xcf\x11\xe0")):
		return nil, false, fileError("import.old_workbook", nil)
	default:
		rows, err = s.readCSV(content)
	}
	if err == nil && len(rows) == 0 {
		err = fileError("import.empty", nil)
	}
	return rows, isWorkbook, err
}

// decoded returns a text file as UTF-8. Errors: validation_failed.
func decoded(content []byte) (string, error) {
	var err error
	switch {
	case bytes.HasPrefix(content, []byte("\xff\xfe")), bytes.HasPrefix(content, []byte("\xfe\xff")):
		content, err = unicode.UTF16(unicode.LittleEndian, unicode.ExpectBOM).NewDecoder().Bytes(content)
	case utf8.Valid(content):
		content = bytes.TrimPrefix(content, []byte("\ufeff"))
	default:
		content, err = charmap.Windows1252.NewDecoder().Bytes(content)
	}
	// Neither a table nor text in another encoding has these.
	if err != nil || bytes.ContainsFunc(content, func(r rune) bool { return r == 0 || r == utf8.RuneError }) ||
		bytes.HasPrefix(content, []byte("%PDF")) || bytes.HasPrefix(content, []byte("{\\rtf")) || bytes.HasPrefix(bytes.TrimSpace(content), []byte("<")) {
		return "", fileError("import.not_a_table", nil)
	}
	return string(content), nil
}

func (s *Service) readCSV(content []byte) ([]fileRow, error) {
	text, err := decoded(content)
	if err != nil {
		return nil, err
	}
	separators := []rune{',', ';', '\t'}
	skipped := 0 // lines
	if first, rest, _ := strings.Cut(text, "\n"); strings.HasPrefix(first, "sep=") && len(strings.TrimSpace(first)) == len("sep=,") {
		separators, text, skipped = []rune{rune(first[4])}, rest, 1
	}
	return s.parseCSV(text, s.separator(text, separators), skipped)
}

// separator returns the one that yields the most known headings.
func (s *Service) separator(text string, candidates []rune) (best rune) {
	most := -1
	for _, separator := range candidates {
		reader := csv.NewReader(strings.NewReader(text))
		reader.Comma = separator
		headings, _ := reader.Read()
		known := 0
		for _, h := range headings {
			if _, ok := s.columnOf(h); ok {
				known++
			}
		}
		if known > most {
			best, most = separator, known
		}
	}
	return best
}

func (s *Service) parseCSV(text string, separator rune, skipped int) (rows []fileRow, err error) {
	reader := csv.NewReader(strings.NewReader(text))
	reader.Comma, reader.FieldsPerRecord = separator, -1
	for {
		cells, err := reader.Read()
		if err == io.EOF { //nolint:errorlint // as documented
			return rows, nil
		}
		if problem, ok := errors.AsType[*csv.ParseError](err); ok {
			return nil, fileError("import.quotes", models.Params{"line": problem.StartLine + skipped})
		}
		if err != nil {
			return nil, err
		}
		line, _ := reader.FieldPos(0)
		if rows, err = addRow(rows, line+skipped, cells); err != nil {
			return nil, err
		}
	}
}

// addRow adds a row unless it is empty. Errors: validation_failed for too many rows or columns.
func addRow(rows []fileRow, line int, cells []string) ([]fileRow, error) {
	if !slices.ContainsFunc(cells, func(cell string) bool { return cell != "" }) {
		return rows, nil
	}
	if len(rows) > maxRows {
		return nil, fileError("import.too_many_rows", models.Params{"limit": maxRows})
	}
	if len(cells) > maxColumns {
		return nil, fileError("import.too_many_columns", models.Params{"limit": maxColumns})
	}
	return append(rows, fileRow{line, slices.Clone(cells)}), nil
}

func (s *Service) readWorkbook(content []byte) ([]fileRow, error) {
	if err := checkParts(content); err != nil {
		return nil, err
	}
	book, err := excelize.OpenReader(bytes.NewReader(content), excelize.Options{UnzipSizeLimit: maxUnzipped, UnzipXMLSizeLimit: maxInMemory, RawCellValue: true})
	if err != nil {
		return nil, fileError("import.damaged", nil).WithCause(err)
	}
	defer func() { _ = book.Close() }()
	sheet, err := chooseSheet(book)
	if err != nil {
		return nil, err
	}
	found, err := book.Rows(sheet)
	if err != nil {
		return nil, fileError("import.damaged", nil).WithCause(err)
	}
	defer func() { _ = found.Close() }()
	var rows []fileRow
	for line := 1; found.Next(); line++ {
		cells, err := found.Columns()
		if err != nil {
			return nil, fileError("import.damaged", nil).WithCause(err)
		}
		if rows, err = addRow(rows, line, cells); err != nil {
			return nil, err
		}
	}
	if found.Error() != nil {
		return nil, fileError("import.damaged", nil).WithCause(found.Error())
	}
	return rows, nil
}

// chooseSheet returns the sheet named as in exports, otherwise the only visible one. Errors: validation_failed.
func chooseSheet(book *excelize.File) (string, error) {
	var visible []string
	for _, name := range book.GetSheetList() {
		if shown, err := book.GetSheetVisible(name); err != nil || !shown {
			continue
		}
		if name == "products" {
			visible = []string{name}
			break
		}
		visible = append(visible, name)
	}
	props, err := book.GetWorkbookProps()
	switch {
	case err == nil && props.Date1904 != nil && *props.Date1904:
		return "", fileError("import.date_1904", nil)
	case len(visible) != 1:
		return "", fileError("import.sheets", models.Params{"count": len(visible)})
	default:
		return visible[0], nil
	}
}

// checkParts rejects what cannot be read correctly before the workbook is unpacked: the sizes in the archive bind its reader.
// Errors: validation_failed.
func checkParts(content []byte) error {
	archive, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		return fileError("import.damaged", nil).WithCause(err)
	}
	var size uint64
	isWorkbook := false
	for _, part := range archive.File {
		switch name := strings.ToLower(part.Name); {
		case strings.HasSuffix(name, "vbaproject.bin"):
			return fileError("import.macros", nil)
		case strings.HasSuffix(name, "xl/workbook.bin"), strings.HasPrefix(name, "content.xml"):
			return fileError("import.other_workbook", nil)
		case name == "xl/workbook.xml":
			isWorkbook = true
		}
		size = min(size+min(part.UncompressedSize64, maxUnzipped+1), 2*maxUnzipped)
	}
	if size > maxUnzipped || len(archive.File) > maxParts {
		return fileError("import.bomb", models.Params{"limit": int64(maxUnzipped)})
	}
	if !isWorkbook {
		return fileError("import.not_a_table", nil)
	}
	for _, part := range archive.File {
		if name := strings.ToLower(part.Name); strings.HasPrefix(name, "xl/worksheets/") && strings.HasSuffix(name, ".xml") {
			if err := checkSheet(part); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkSheet rejects merged cells, whose value only one of them has, and formulas that were never computed. Errors:
// validation_failed.
func checkSheet(part *zip.File) error {
	content, err := part.Open()
	if err != nil {
		return fileError("import.damaged", nil).WithCause(err)
	}
	defer func() { _ = content.Close() }()
	reader := bufio.NewReaderSize(content, 64<<10)
	hasFormula := false // in the current cell
	for {
		tag, err := reader.ReadSlice('>')
		if errors.Is(err, bufio.ErrBufferFull) { // a long text
			continue
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fileError("import.damaged", nil).WithCause(err)
		}
		switch tag = tag[max(bytes.LastIndexByte(tag, '<'), 0):]; {
		case isTag(tag, "<mergeCell"):
			return fileError("import.merged", nil)
		case isTag(tag, "<c"), isTag(tag, "<v") && !bytes.HasSuffix(tag, []byte("/>")):
			hasFormula = false
		case isTag(tag, "<f"):
			hasFormula = true
		case isTag(tag, "</c") && hasFormula:
			return fileError("import.formula", nil)
		}
	}
}

// isTag reports whether a tag, which ends in >, begins with a name.
func isTag(tag []byte, name string) bool {
	rest, found := bytes.CutPrefix(tag, []byte(name))
	return found && strings.IndexByte(" \t\r\n/>", rest[0]) >= 0
}
