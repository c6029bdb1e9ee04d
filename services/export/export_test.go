package export

import (
	"bytes"

	"lifecycle-sync/models"
)

// What the tests of single files look at.

func Neutral(text string) string { return neutral(text) }

// Occupy takes the places of all exports that may be written at the same time.
func (e *Exports) Occupy() {
	for range maxExports {
		e.slots <- struct{}{}
	}
}

func byName(column string) string { return column }

// CSVOf writes rows as comma-separated values.
func CSVOf(columns []models.Column, products rows) ([]byte, error) {
	var out bytes.Buffer
	lend := func(fn func([]models.Column, rows) error) error { return fn(columns, products) }
	err := writeCSV(lend, byName, &out)
	return out.Bytes(), err
}

// WorkbookOf writes rows as a workbook whose sheets have at most maxRows.
func WorkbookOf(folder string, columns []models.Column, products rows, maxRows int) ([]byte, error) {
	b, err := newBook(folder, byName)
	if err != nil {
		return nil, err
	}
	defer func() { _ = b.file.Close() }()
	b.maxRows = maxRows
	var out bytes.Buffer
	if err := b.fill(columns, products); err != nil {
		return nil, err
	}
	err = b.write(&out)
	return out.Bytes(), err
}
