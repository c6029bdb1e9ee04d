package imports

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"unicode/utf8"

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
		content, err = decodedUTF16(content)
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

// decodedUTF16 returns a text in UTF-16 as UTF-8. Errors: what is not UTF-16.
func decodedUTF16(content []byte) ([]byte, error) {
	order := unicode.LittleEndian
	if content[0] == 0xfe {
		order = unicode.BigEndian
	}
	encoding := unicode.UTF16(order, unicode.UseBOM)
	text, err := encoding.NewDecoder().Bytes(content)
	if err != nil {
		return nil, err
	}
	again, err := encoding.NewEncoder().Bytes(text)
	if err == nil && !bytes.Equal(again, content) { // the decoder replaces what it cannot decode
		err = errors.New("invalid UTF-16")
	}
	return text, err
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
		if err == io.EOF { //nolint:errorlint // as documented
			return nil
		}
		if problem, ok := errors.AsType[*csv.ParseError](err); ok {
			return fileError("import.quotes", models.Params{"line": problem.StartLine + skipped})
		}
		if err != nil {
			return err
		}
		line, _ := reader.FieldPos(0)
		if err := r.add(line+skipped, cells, nil); err != nil {
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
