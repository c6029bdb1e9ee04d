package export

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"lifecycle-sync/models"
)

// byteOrderMark makes Excel read UTF-8.
const byteOrderMark = "\ufeff"

// writeCSV writes RFC 4180 with the names of the columns first.
func writeCSV(_ context.Context, view viewer, w io.Writer, ready func()) error {
	return view(func(columns []models.Column, products rows) error {
		out := &lines{to: bufio.NewWriterSize(w, 32<<10)}
		out.csv = csv.NewWriter(&out.line)
		if _, err := out.to.WriteString(byteOrderMark); err != nil {
			return err
		}
		record := make([]string, len(columns))
		for i, c := range columns {
			record[i] = c.Name
		}
		if err := out.write(record); err != nil {
			return err
		}
		for cells, err := range products {
			if err != nil {
				return err
			}
			ready()
			for i, c := range columns {
				if record[i], err = csvCell(c, cells[i]); err != nil {
					return err
				}
			}
			if err := out.write(record); err != nil {
				return err
			}
		}
		ready()
		return out.to.Flush()
	})
}

// csvCell returns a cell as text: a timestamp in RFC 3339, a text neutralized.
func csvCell(c models.Column, cell []byte) (string, error) {
	switch {
	case cell == nil:
		return "", nil
	case c.Kind == models.KindText:
		return neutral(string(cell)), nil
	case c.Kind == models.KindTimestamp:
		return rfc3339(cell)
	default:
		return string(cell), nil
	}
}

func rfc3339(cell []byte) (string, error) {
	t, err := models.ParseTimestamp(string(cell))
	return models.InstantOf(t).String(), err
}

// neutral puts ' before a text that a spreadsheet could run as a formula. Full-width signs and invisible characters at the
// start count, too.
func neutral(text string) string {
	visible := strings.TrimLeftFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) })
	first, _ := utf8.DecodeRuneInString(visible)
	if strings.ContainsRune("=+-@＝＋－＠", first) && visible != "" || text != "" && strings.ContainsRune("\t\r\n", rune(text[0])) {
		return "'" + text
	}
	return text
}

// lines writes records that end in CRLF. csv.Writer could do that, but would also change line ends inside cells.
type lines struct {
	to   *bufio.Writer
	line bytes.Buffer
	csv  *csv.Writer
}

func (l *lines) write(record []string) error {
	l.line.Reset()
	if err := l.csv.Write(record); err != nil {
		return err
	}
	l.csv.Flush()
	line := bytes.TrimSuffix(l.line.Bytes(), []byte("\n"))
	if _, err := l.to.Write(line); err != nil {
		return err
	}
	_, err := l.to.WriteString("\r\n")
	return err
}
