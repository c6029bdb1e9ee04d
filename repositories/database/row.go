package database

import (
	"context"
	"iter"
	"strconv"

	"lifecycle-sync/models"
)

// Row is a row of a mirrored table, of either database, and what is known of it.
type Row struct {
	models.Row
	Reason string // "", or why the row cannot stand in the mirror: "dangling_reference(id_segmen)"
	Hash   int64  // with a reason: the source row's hash
	Newer  bool   // it was written after the run that was asked about
}

// TableRows streams the rows of a query that selects the columns of t, then reason, hash and newer. A
// yielded row is valid until the next.
func (c *Conn) TableRows(ctx context.Context, t *models.Table, query string, args []any) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		n := len(t.Columns)
		for cells, err := range c.Rows(ctx, query, args...) {
			if err != nil {
				yield(Row{}, err)
				return
			}
			row := Row{Row: models.Row{Cells: cells[:n]}, Reason: string(cells[n]), Newer: string(cells[n+2]) == "t"}
			if row.ID, err = strconv.ParseInt(string(cells[0]), 10, 64); err == nil && cells[n+1] != nil {
				row.Hash, err = strconv.ParseInt(string(cells[n+1]), 10, 64)
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
