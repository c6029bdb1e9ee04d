package models

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Row is a row of either database as the sync reads it: its id and, in the table's column order, each value in its
// database's canonical text, nil for NULL. Two values of a column are equal exactly when their bytes are.
type Row struct {
	ID    int64
	Cells [][]byte
}

// Clone returns a row that shares no memory with r.
func (r Row) Clone() Row {
	total := 0
	for _, c := range r.Cells {
		total += len(c)
	}
	buf, cells := make([]byte, 0, total), make([][]byte, len(r.Cells))
	for i, c := range r.Cells {
		if c != nil {
			start := len(buf)
			buf = append(buf, c...)
			cells[i] = buf[start:len(buf):len(buf)]
		}
	}
	return Row{ID: r.ID, Cells: cells}
}

// Size estimates the row's memory in bytes.
func (r Row) Size() int {
	n := 64
	for _, c := range r.Cells {
		n += 24 + len(c)
	}
	return n
}

// Version returns the row version: a hash of the row, equal for a row and its mirrored copy.
func (r Row) Version() string {
	h := sha256.New()
	for _, c := range r.Cells {
		length := -1 // NULL
		if c != nil {
			length = len(c)
		}
		_, _ = fmt.Fprintf(h, "%d:%s", length, c) // a hash never fails
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:12])
}

// SameCell reports whether two cells are equal; NULL equals NULL.
func SameCell(a, b []byte) bool { return (a == nil) == (b == nil) && bytes.Equal(a, b) }

// timestampLayouts are the canonical texts of a timestamp: PostgreSQL's in UTC, and SQLite's here.
var timestampLayouts = [...]string{ //nolint:gochecknoglobals // a constant that Go cannot express
	"2006-01-02 15:04:05.999999-07", time.RFC3339Nano,
}

// ParseTimestamp reads a timestamp cell.
func ParseTimestamp(cell string) (time.Time, error) {
	for _, layout := range timestampLayouts {
		if t, err := time.Parse(layout, cell); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a timestamp", cell)
}

// Decode converts rows into a *[]T of the table's model, for GORM. An error names the row and column.
func (t *Table) Decode(rows []Row) (any, error) {
	out := reflect.New(reflect.SliceOf(t.row))
	slice := reflect.MakeSlice(out.Elem().Type(), len(rows), len(rows))
	for i, row := range rows {
		for j, c := range t.Columns {
			if row.Cells[j] == nil {
				continue
			}
			value, err := c.decode(string(row.Cells[j]))
			if err == nil {
				err = c.field.Set(context.Background(), slice.Index(i), value)
			}
			if err != nil {
				return nil, NewError(DataType, "database.unreadable_value", Params{"table": t.Source, "id": row.ID, "column": c.Name}).WithCause(err)
			}
		}
	}
	out.Elem().Set(slice)
	return out.Interface(), nil
}

func (c Column) decode(cell string) (any, error) {
	switch c.Kind {
	case KindInt:
		return strconv.ParseInt(cell, 10, 64)
	case KindTimestamp:
		return ParseTimestamp(cell)
	case KindDate:
		return ParseDate(cell)
	case KindJSON:
		return JSON(cell), nil
	default:
		return cell, nil
	}
}

// JSON returns a cell as a JSON value: numbers and documents unchanged, timestamps in RFC 3339, anything else as a string.
func (c Column) JSON(cell []byte) JSON {
	switch {
	case cell == nil:
		return JSON("null")
	case c.Kind == KindInt, c.Kind == KindJSON:
		if json.Valid(cell) {
			return append(JSON(nil), cell...)
		}
	case c.Kind == KindTimestamp:
		if t, err := ParseTimestamp(string(cell)); err == nil {
			cell = []byte(t.Format(time.RFC3339Nano))
		}
	}
	quoted, err := json.Marshal(printable(cell))
	if err != nil { // a string always marshals
		panic(err)
	}
	return quoted
}

// printable returns valid UTF-8 unchanged and every other byte as \xNN, so that a JSON document loses nothing of a row.
func printable(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	var s strings.Builder
	for len(b) > 0 {
		r, size := utf8.DecodeRune(b)
		if r == utf8.RuneError && size == 1 {
			fmt.Fprintf(&s, `\x%02x`, b[0])
		} else {
			s.Write(b[:size])
		}
		b = b[size:]
	}
	return s.String()
}

// Object returns the row as a JSON object of the given columns, or of all if none are given.
func (t *Table) Object(row Row, columns ...int) JSON {
	if len(columns) == 0 {
		for i := range t.Columns {
			columns = append(columns, i)
		}
	}
	out := JSON("{")
	for n, i := range columns {
		if n > 0 {
			out = append(out, ',')
		}
		out = append(strconv.AppendQuote(out, t.Columns[i].Name), ':')
		out = append(out, t.Columns[i].JSON(row.Cells[i])...)
	}
	return append(out, '}')
}

// Field returns a column's value of a row as JSON. It panics if there is no such column.
func (t *Table) Field(row Row, column string) JSON {
	i := slices.Index(t.ColumnNames(), column)
	return t.Columns[i].JSON(row.Cells[i])
}

// ProductOf returns the id of the product that a row is or belongs to, nil if there is none.
func (t *Table) ProductOf(row Row) *int64 {
	for i, c := range t.Columns {
		if (i == 0 && t.Name == productTable || c.References == productSource) && row.Cells != nil && row.Cells[i] != nil {
			if id, err := strconv.ParseInt(string(row.Cells[i]), 10, 64); err == nil {
				return &id
			}
		}
	}
	return nil
}

// RowOf is the inverse of Object: it returns a row with the cells of a document, and the indexes of their columns. An error
// names a value that cannot be restored, because the document does not hold it exactly.
func (t *Table) RowOf(id int64, document JSON) (row Row, columns []int, err error) {
	var values map[string]json.RawMessage
	if err := json.Unmarshal(document, &values); err != nil {
		return row, nil, err
	}
	row = Row{ID: id, Cells: make([][]byte, len(t.Columns))}
	for i, c := range t.Columns {
		value, given := values[c.Name]
		if !given {
			continue
		}
		columns = append(columns, i)
		switch {
		case string(value) == "null":
			continue
		case c.Kind == KindInt, c.Kind == KindJSON:
			row.Cells[i] = value
		default:
			var text string
			if err := json.Unmarshal(value, &text); err != nil {
				return row, nil, fmt.Errorf("%s: %w", c.Name, err)
			}
			row.Cells[i] = []byte(text)
		}
	}
	return row, columns, nil
}

// Values returns the values of a row's columns for GORM.
func (t *Table) Values(row Row, columns []int) (map[string]any, error) {
	values := map[string]any{}
	for _, i := range columns {
		c := t.Columns[i]
		values[c.Name] = nil
		if row.Cells[i] == nil {
			continue
		}
		value, err := c.decode(string(row.Cells[i]))
		if err != nil {
			return nil, NewError(DataType, "database.unreadable_value", Params{"table": t.Source, "id": row.ID, "column": c.Name}).WithCause(err)
		}
		if at, is := value.(time.Time); is {
			value = InstantOf(at)
		}
		values[c.Name] = value
	}
	return values, nil
}
