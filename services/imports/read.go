package imports

import (
	"archive/zip"
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"io"
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
	MaxRows     = 20_000
	maxUnzipped = 128 << 20 // bytes of a workbook's parts
	maxParts    = 1000      // of a workbook
	maxInMemory = 16 << 20  // bytes of a workbook's part; larger ones become temporary files
	maxColumns  = 200
)

// fileError returns the error of a file that cannot be read.
func fileError(code string, params models.Params) *models.Error {
	return models.NewInvalid(models.NewFieldError("file", "unreadable", code, params))
}

// readFile reads a file. Errors: validation_failed.
func (s *Service) readFile(content []byte) (table, error) {
	reader := tableReader{service: s}
	var err error
	switch {
	case len(content) == 0:
		return table{}, fileError("import.empty", nil)
	case len(content) > MaxBytes:
		return table{}, fileError("import.too_large", models.Params{"limit": int64(MaxBytes)})
	case bytes.HasPrefix(content, []byte("PK\x03\x04")):
		reader.table.IsWorkbook = true
		err = reader.readWorkbook(content)
	case bytes.HasPrefix(content, []byte("\xd0\xcf\x11\xe0")):
		return table{}, fileError("import.old_workbook", nil)
	default:
		err = reader.readCSV(content)
	}
	if err == nil && reader.columns == nil {
		err = fileError("import.empty", nil)
	}
	return reader.table, err
}

// decoded returns a text file as UTF-8. Errors: validation_failed.
func decoded(content []byte) ([]byte, error) {
	unreadable := fileError("import.not_a_table", nil)
	if bytes.HasPrefix(content, []byte("%PDF")) || bytes.HasPrefix(content, []byte("{\\rtf")) {
		return nil, unreadable
	}
	var err error
	switch {
	case bytes.HasPrefix(content, []byte("\xff\xfe")), bytes.HasPrefix(content, []byte("\xfe\xff")):
		content, err = unicode.UTF16(unicode.LittleEndian, unicode.ExpectBOM).NewDecoder().Bytes(content)
	case utf8.Valid(content):
		content = bytes.TrimPrefix(content, []byte("\ufeff"))
	default:
		content, err = charmap.Windows1252.NewDecoder().Bytes(content)
		if bytes.ContainsRune(content, utf8.RuneError) { // a byte that this encoding does not have
			err = unreadable
		}
	}
	if err != nil || bytes.IndexByte(content, 0) >= 0 || bytes.HasPrefix(bytes.TrimSpace(content), []byte("<")) {
		return nil, unreadable
	}
	return content, nil
}

func (r *tableReader) readCSV(content []byte) error {
	text, err := decoded(content)
	if err != nil {
		return err
	}
	separators := []rune{',', ';', '\t'}
	skipped := 0 // lines
	if first, rest, _ := bytes.Cut(text, []byte("\n")); bytes.HasPrefix(first, []byte("sep=")) && len(bytes.TrimSpace(first)) == len("sep=,") {
		separators, text, skipped = []rune{rune(first[4])}, rest, 1
	}
	reader := csv.NewReader(bytes.NewReader(text))
	reader.Comma, reader.FieldsPerRecord, reader.ReuseRecord = r.separator(text, separators), -1, true
	for {
		cells, err := reader.Read()
		if err == io.EOF {
			return nil
		}
		if problem, ok := errors.AsType[*csv.ParseError](err); ok {
			return fileError("import.quotes", models.Params{"line": problem.StartLine + skipped})
		}
		if err != nil {
			return err
		}
		line, _ := reader.FieldPos(0)
		if err := r.add(line+skipped, cells); err != nil {
			return err
		}
	}
}

// separator returns the one that yields the most known headings.
func (r *tableReader) separator(text []byte, candidates []rune) (best rune) {
	most := -1
	for _, separator := range candidates {
		reader := csv.NewReader(bytes.NewReader(text))
		reader.Comma = separator
		headings, _ := reader.Read()
		known := 0
		for _, h := range headings {
			if _, ok := r.service.columnOf(h); ok {
				known++
			}
		}
		if known > most {
			best, most = separator, known
		}
	}
	return best
}

func (r *tableReader) readWorkbook(content []byte) error {
	if err := checkParts(content); err != nil {
		return err
	}
	book, err := excelize.OpenReader(bytes.NewReader(content), excelize.Options{UnzipSizeLimit: maxUnzipped, UnzipXMLSizeLimit: maxInMemory, RawCellValue: true})
	if err != nil {
		return fileError("import.damaged", nil).WithCause(err)
	}
	defer func() { _ = book.Close() }()
	sheet, err := chooseSheet(book)
	if err != nil {
		return err
	}
	found, err := book.Rows(sheet)
	if err != nil {
		return fileError("import.damaged", nil).WithCause(err)
	}
	defer func() { _ = found.Close() }()
	for line := 1; found.Next(); line++ {
		cells, err := found.Columns()
		if err != nil {
			return fileError("import.damaged", nil).WithCause(err)
		}
		if err := r.add(line, cells); err != nil {
			return err
		}
	}
	if found.Error() != nil {
		return fileError("import.damaged", nil).WithCause(found.Error())
	}
	return nil
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
