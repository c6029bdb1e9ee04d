package imports

import (
	"archive/zip"
	"bufio"
	"bytes"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
)

// cellKind is the type of a cell in a workbook, which the text that excelize returns does not tell.
type cellKind byte

const (
	textCell    cellKind = iota // also a date in ISO format, and the name of an error
	numberCell                  // also a date as Excel stores it
	booleanCell                 // 1 or 0
)

// sheetKinds are the kinds of the cells of a sheet, by line and column from 0. Further cells are texts.
type sheetKinds map[int][]cellKind

// sheetScanner finds the kinds of cells, and what cannot be read correctly.
type sheetScanner struct {
	kinds      sheetKinds
	line       int    // of the current row
	column     int    // of the current cell, from 0
	kind       string // of the current cell, as in the file: b, n or none for numbers, str for texts of formulas, …
	hasFormula bool   // the current cell has a formula, and no value yet
}

// readKinds reads the kinds of the cells of the sheet in a part. It rejects merged cells, whose value only one of them has, and
// formulas that were never computed. Errors: validation_failed.
func readKinds(parts []*zip.File, name string) (sheetKinds, error) {
	at := slices.IndexFunc(parts, func(p *zip.File) bool { return strings.EqualFold(p.Name, name) })
	if at < 0 {
		return nil, fileError("import.damaged", nil)
	}
	content, err := parts[at].Open()
	if err != nil {
		return nil, fileError("import.damaged", nil).WithCause(err)
	}
	defer func() { _ = content.Close() }()
	reader := bufio.NewReaderSize(content, 64<<10)
	s := sheetScanner{kinds: sheetKinds{}}
	for {
		tag, err := reader.ReadSlice('>')
		switch {
		case errors.Is(err, bufio.ErrBufferFull): // a long text
			s.hasFormula = false
		case errors.Is(err, io.EOF):
			return s.kinds, nil
		case err != nil:
			return nil, fileError("import.damaged", nil).WithCause(err)
		default:
			start := max(bytes.LastIndexByte(tag, '<'), 0)
			if problem := s.tag(tag[start:], tag[:start]); problem != nil {
				return nil, problem
			}
		}
	}
}

// tag reads a tag, which ends in >, and the text before it. Errors: validation_failed.
func (s *sheetScanner) tag(tag, text []byte) error {
	switch tagName(tag) {
	case "mergeCell":
		return fileError("import.merged", nil)
	case "row":
		s.line, s.column = s.line+1, -1
		if line, err := strconv.Atoi(attribute(tag, "r")); err == nil {
			s.line = line
		}
	case "c":
		s.column++
		if letters := strings.TrimRight(attribute(tag, "r"), "0123456789"); letters != "" {
			s.column = columnNumber(letters)
		}
		s.kind, s.hasFormula = attribute(tag, "t"), false
	case "f":
		s.hasFormula = true
	case "v":
		s.hasFormula = s.hasFormula && s.kind != "str" // a formula may yield an empty text
	case "/v":
		s.hasFormula = s.hasFormula && len(bytes.TrimSpace(text)) == 0
		s.note()
	case "/c":
		if s.hasFormula {
			return fileError("import.formula", nil)
		}
	}
	return nil
}

// note notes the kind of the current cell.
func (s *sheetScanner) note() {
	kind := numberCell
	switch {
	case s.column >= maxColumns:
		return
	case s.kind == "b":
		kind = booleanCell
	case s.kind != "" && s.kind != "n":
		return
	}
	row := s.kinds[s.line]
	for len(row) <= s.column {
		row = append(row, textCell)
	}
	row[s.column] = kind
	s.kinds[s.line] = row
}

// tagName returns the name of a tag without its prefix, with a slash in front for an end tag.
func tagName(tag []byte) string {
	name, isEnd := bytes.CutPrefix(bytes.TrimPrefix(tag, []byte("<")), []byte("/"))
	if end := bytes.IndexAny(name, " \t\r\n/>"); end >= 0 {
		name = name[:end]
	}
	name = name[bytes.LastIndexByte(name, ':')+1:]
	if isEnd {
		return "/" + string(name)
	}
	return string(name)
}

// attribute returns an attribute of a tag, "" if it is missing.
func attribute(tag []byte, name string) string {
	_, value, _ := bytes.Cut(tag, []byte(" "+name+"="))
	if len(value) < 2 {
		return ""
	}
	value, _, _ = bytes.Cut(value[1:], value[:1]) // up to the same quotation mark
	return string(value)
}

// columnNumber returns the number of a column from 0, such as 27 for AB.
func columnNumber(letters string) (column int) {
	for _, letter := range strings.ToUpper(letters[:min(len(letters), len("XFD"))]) {
		column = column*26 + int(letter-'A') + 1
	}
	return column - 1
}
