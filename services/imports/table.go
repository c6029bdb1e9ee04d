package imports

import (
	"strings"

	"lifecycle-sync/models"
	"lifecycle-sync/services/export"
)

// table is a file's content, or the part of it that changes something.
type table struct {
	IsWorkbook     bool       `json:"workbook"`
	Rows           []tableRow `json:"rows"`
	unknownColumns []string
}

// tableRow is a row with the cells of a product's fields.
type tableRow struct {
	Line    int    `json:"line"` // in the file
	ID      string `json:"id"`
	Version string `json:"version"`
	Cells   cells  `json:"cells"`
}

// cells are the cells of a row. A row has few, so that searching them is faster than hashing.
type cells []cell

type cell struct {
	Column string `json:"column"`
	Text   string `json:"text"`
}

// of returns the text in a column, and whether there is one.
func (c cells) of(column string) (text string, given bool) {
	for _, cell := range c {
		if cell.Column == column {
			return cell.Text, true
		}
	}
	return "", false
}

// columnOf returns the column with a heading. Columns that people cannot edit are known, too.
func (s *Service) columnOf(heading string) (string, bool) {
	column, ok := s.headings[normalHeading(heading)]
	return column, ok
}

func normalHeading(heading string) string { return strings.ToLower(strings.TrimSpace(heading)) }

// tableReader makes a table of the rows of a file, headings first.
type tableReader struct {
	service *Service
	table   table
	columns []tableColumn // nil before the headings
	fields  int           // the number of columns that are fields
}

// tableColumn is a column of the file, without a name if its heading is unknown.
type tableColumn struct {
	name    string
	isField bool
}

// add adds a row unless it is empty. The cells may change afterwards, their texts may not. Errors: validation_failed.
func (r *tableReader) add(line int, row []string) error {
	for len(row) > 0 && row[len(row)-1] == "" {
		row = row[:len(row)-1]
	}
	switch {
	case len(row) == 0:
		return nil
	case len(row) > maxColumns:
		return fileError("import.too_many_columns", models.Params{"limit": maxColumns})
	case r.columns == nil:
		return r.addHeadings(row)
	case len(r.table.Rows) == MaxRows:
		return fileError("import.too_many_rows", models.Params{"limit": MaxRows})
	case len(row) > len(r.columns):
		return fileError("import.extra_cells", models.Params{"line": line})
	}
	out := tableRow{Line: line, Cells: make(cells, 0, r.fields)}
	for i, column := range r.columns {
		text := ""
		if i < len(row) {
			text = row[i]
		}
		switch {
		case column.isField:
			out.Cells = append(out.Cells, cell{column.name, text})
		case column.name == "id":
			out.ID = strings.TrimSpace(text)
		case column.name == export.VersionColumn:
			out.Version = export.Restored(strings.TrimSpace(text)) // a version may begin with -
		}
	}
	r.table.Rows = append(r.table.Rows, out)
	return nil
}

// addHeadings assigns the columns of the file. Errors: validation_failed for headings that occur twice or are all unknown.
func (r *tableReader) addHeadings(row []string) error {
	seen := map[string]bool{}
	for _, heading := range row {
		name, known := r.service.columnOf(heading)
		if !known && strings.TrimSpace(heading) != "" {
			r.table.unknownColumns = append(r.table.unknownColumns, strings.Clone(strings.TrimSpace(heading)))
		}
		if seen[name] && known {
			return fileError("import.heading_twice", models.Params{"heading": strings.TrimSpace(heading)})
		}
		_, isField := models.ProductFieldOf(name)
		r.columns, seen[name] = append(r.columns, tableColumn{name, isField}), true
	}
	for _, column := range r.columns {
		if column.isField {
			r.fields++
		}
	}
	if r.fields == 0 {
		return fileError("import.no_headings", nil)
	}
	return nil
}
