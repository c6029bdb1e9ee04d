package imports

import (
	"slices"
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

// tableRow is a row with the cells of a product's fields by column.
type tableRow struct {
	Line    int               `json:"line"`
	ID      string            `json:"id"`
	Version string            `json:"version"`
	Cells   map[string]string `json:"cells"`
}

// columnOf returns the column with a heading. Columns that people cannot edit are known, too.
func (s *Service) columnOf(heading string) (string, bool) {
	column, ok := s.headings[normalHeading(heading)]
	return column, ok
}

func normalHeading(heading string) string { return strings.ToLower(strings.TrimSpace(heading)) }

// tableOf assigns the cells of a file to columns. Errors: validation_failed for headings that occur twice or are all unknown.
func (s *Service) tableOf(rows []fileRow, isWorkbook bool) (t table, err error) {
	t = table{IsWorkbook: isWorkbook}
	columns, seen := make([]string, len(rows[0].Cells)), map[string]bool{}
	for i, heading := range rows[0].Cells {
		column, known := s.columnOf(heading)
		if !known && strings.TrimSpace(heading) != "" {
			t.unknownColumns = append(t.unknownColumns, strings.TrimSpace(heading))
		}
		if seen[column] && known {
			return t, fileError("import.heading_twice", models.Params{"heading": strings.TrimSpace(heading)})
		}
		columns[i], seen[column] = column, true
	}
	if !slices.ContainsFunc(columns, func(column string) bool { _, ok := models.ProductFieldOf(column); return ok }) {
		return t, fileError("import.no_headings", nil)
	}
	for _, row := range rows[1:] {
		out := tableRow{Line: row.Line, Cells: map[string]string{}}
		for i, column := range columns {
			cell := ""
			if i < len(row.Cells) {
				cell = row.Cells[i]
			}
			switch _, isField := models.ProductFieldOf(column); {
			case column == "id":
				out.ID = strings.TrimSpace(cell)
			case column == export.VersionColumn:
				out.Version = export.Restored(strings.TrimSpace(cell)) // a version may begin with -
			case isField:
				out.Cells[column] = cell
			}
		}
		if len(row.Cells) > len(columns) && slices.ContainsFunc(row.Cells[len(columns):], func(cell string) bool { return cell != "" }) {
			return t, fileError("import.extra_cells", models.Params{"line": row.Line})
		}
		t.Rows = append(t.Rows, out)
	}
	return t, nil
}
