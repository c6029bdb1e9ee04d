package export

import (
	"slices"

	"lifecycle-sync/models"
)

// VersionColumn holds the row version of a product.
const VersionColumn = "version"

// Layout has the columns of the files. They have the names of a product's segment, stage and category in place of their ids,
// under the names of the product's fields.
type Layout struct {
	Columns []models.Column

	cells  []int // of each column: its place in a row of the mirror
	fields int   // of a product, which come first in a row of the mirror
}

// NewLayout returns the layout for the columns that the mirror yields.
func NewLayout(stored []models.Column) (l Layout) {
	place := func(name string) int {
		return slices.IndexFunc(stored, func(c models.Column) bool { return c.Name == name })
	}
	names := map[string]string{"id_segmen": "segmen", "id_stage": "stage", "id_kategori": "kategori"}
	l.fields = place("segmen")
	for i, c := range stored {
		switch name := names[c.Name]; {
		case name != "":
			l.add(models.Column{Name: c.Name, Kind: models.KindText}, place(name))
		case i < l.fields || c.Kind != models.KindText:
			l.add(c, i)
		}
		if c.Name == "id" {
			l.add(models.Column{Name: VersionColumn, Kind: models.KindText}, -1)
		}
	}
	return l
}

func (l *Layout) add(column models.Column, cell int) {
	l.Columns, l.cells = append(l.Columns, column), append(l.cells, cell)
}

// Product returns the row of a product, without its id, of a row of the mirror.
func (l *Layout) Product(row [][]byte) models.Row { return models.Row{Cells: row[:l.fields]} }

// Cells returns the cells of the columns for a row of the mirror.
func (l *Layout) Cells(row [][]byte) [][]byte {
	cells := make([][]byte, len(l.cells))
	for i := range l.cells {
		cells[i] = l.Cell(row, i)
	}
	return cells
}

// Cell returns the cell of one of the columns for a row of the mirror.
func (l *Layout) Cell(row [][]byte, column int) []byte {
	if at := l.cells[column]; at >= 0 {
		return row[at]
	}
	return []byte(l.Product(row).Version())
}

// rows yields the cells of the columns.
func (l *Layout) rows(products rows) rows {
	return func(yield func([][]byte, error) bool) {
		for row, err := range products {
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(l.Cells(row), nil) {
				return
			}
		}
	}
}

// Label returns the heading of a column.
func Label(column string) models.Text {
	if f, ok := models.ProductFieldOf(column); ok {
		return models.NewText(f.Label, nil)
	}
	return models.NewText("export.column_"+column, nil)
}
