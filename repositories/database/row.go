package database

import (
	"context"
	"fmt"
	"iter"
	"strconv"
	"strings"

	"lifecycle-sync/models"
)

// Row is a row of a mirrored table, of either database, and what is known of it.
type Row struct {
	models.Row
	Reason models.QuarantineReason // why the row cannot be mirrored, if it cannot
	Hash   int64                   // with a reason: the source row's hash
	Newer  bool                    // it was written after the run that was asked about
}

// TableRows streams the rows of a query that selects the columns of t, then reason_code,
// reason_column, hash and newer. A
// yielded row is valid until the next.
func (c *Conn) TableRows(ctx context.Context, t *models.Table, query string, args []any) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		n := len(t.Columns)
		for cells, err := range c.Rows(ctx, query, args...) {
			if err != nil {
				yield(Row{}, err)
				return
			}
			row := Row{Row: models.Row{Cells: cells[:n]}, Newer: string(cells[n+3]) == "t",
				Reason: models.QuarantineReason{Code: string(cells[n]), Column: string(cells[n+1])}}
			if row.ID, err = strconv.ParseInt(string(cells[0]), 10, 64); err == nil && cells[n+2] != nil {
				row.Hash, err = strconv.ParseInt(string(cells[n+2]), 10, 64)
			}
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}

// Kept returns a copy that outlives the stream's next step, and its size in bytes.
func (r Row) Kept() (Row, int) {
	r.Row = r.Clone()
	return r, r.Size()
}

// OneRow reads the row of a table, by either of its names, that has an id; nil when there is none. With
// lock nobody else can change it until the transaction ends.
func (c *Conn) OneRow(ctx context.Context, t *models.Table, name string, id int64, lock bool) (*models.Row, error) {
	cells := make([]string, len(t.Columns))
	for i, column := range t.Columns {
		cells[i] = c.db.Cell(column.Name, column)
	}
	query := fmt.Sprintf("SELECT %s FROM %s WHERE id = %d", strings.Join(cells, ", "), name, id)
	if lock {
		query += c.db.UpdateLock()
	}
	var found *models.Row
	for cells, err := range c.Rows(ctx, query) {
		if err != nil {
			return nil, err
		}
		row := models.Row{ID: id, Cells: cells}.Clone()
		found = &row
	}
	return found, nil
}

// Readable selects a table's columns. A value that cannot stand in the mirror, which in the mirror only
// a hand edit can have put there, reads as NULL: one row must not spoil an answer.
func (db *DB) Readable(alias string, t *models.Table) string {
	columns := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		columns[i] = db.Fitting(alias+"."+c.Name, c) + " AS " + c.Name
	}
	return strings.Join(columns, ", ")
}
