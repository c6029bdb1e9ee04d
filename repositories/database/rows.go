package database

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"lifecycle-sync/models"
)

// Row is a row of a mirrored table, of either database.
type Row struct {
	models.Row
	Reason models.QuarantineReason // why the row cannot be mirrored, if it cannot
	Hash   int64                   // with a reason: the source row's hash
	Newer  bool                    // written after the run that the query names
	XID    *int64                  // the transaction that wrote the row, 32 bits, if the query selects it
}

// Parsed parses each row of a stream, which has ended after an error.
func Parsed[T any](rows iter.Seq2[[][]byte, error], parse func(cells [][]byte) (T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for cells, err := range rows {
			var value T
			if err == nil {
				value, err = parse(cells)
			}
			if !yield(value, err) || err != nil {
				return
			}
		}
	}
}

// FirstColumn reads the texts in the first column of a stream.
func FirstColumn(rows iter.Seq2[[][]byte, error]) (texts []string, err error) {
	for cells, err := range rows {
		if err != nil {
			return nil, err
		}
		texts = append(texts, string(cells[0]))
	}
	return texts, nil
}

// IDs parses a stream of ids.
func IDs(rows iter.Seq2[[][]byte, error]) iter.Seq2[int64, error] {
	return Parsed(rows, func(cells [][]byte) (id int64, err error) {
		err = ParseInts(cells, &id)
		return id, err
	})
}

// TableRows streams the rows of a query that selects the columns of t, then reason_code, reason_column, hash, newer and
// perhaps xid.
// A yielded row is valid until the next.
func (c *Conn) TableRows(ctx context.Context, t *models.Table, query string, args []any) iter.Seq2[Row, error] {
	n := len(t.Columns)
	return Parsed(c.Rows(ctx, query, args...), func(cells [][]byte) (row Row, err error) {
		row = Row{Row: models.Row{Cells: cells[:n]}, Newer: string(cells[n+3]) == "t",
			Reason: models.QuarantineReason{Code: string(cells[n]), Column: string(cells[n+1])}}
		if err = ParseInts(cells, &row.ID); err == nil && cells[n+2] != nil {
			err = ParseInts(cells[n+2:], &row.Hash)
		}
		if err == nil && len(cells) > n+4 && cells[n+4] != nil {
			row.XID = new(int64)
			err = ParseInts(cells[n+4:], row.XID)
		}
		return row, err
	})
}

// ParseInts parses the first cells of a row.
func ParseInts(cells [][]byte, into ...*int64) (err error) {
	for i, n := range into {
		if *n, err = strconv.ParseInt(string(cells[i]), 10, 64); err != nil {
			return err
		}
	}
	return nil
}

// Copy returns a copy that stays valid, and its size in bytes.
func (r Row) Copy() (Row, int) {
	r.Row = r.Clone()
	return r, r.Size()
}

// ReadRow reads the row with an id from a table, by either of its names; nil if there is none. With lock, others cannot
// change it until the transaction ends.
func (c *Conn) ReadRow(ctx context.Context, t *models.Table, name string, id int64, lock bool) (*models.Row, error) {
	rows, err := c.ReadRows(ctx, t, name, []int64{id}, lock)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return &rows[0], nil
}

// ReadRows reads the rows with some ids as ReadRow does, in the order of the ids. Those that do not exist are missing.
func (c *Conn) ReadRows(ctx context.Context, t *models.Table, name string, ids []int64, lock bool) (rows []models.Row, err error) {
	cells := make([]string, len(t.Columns))
	for i, column := range t.Columns {
		cells[i] = c.db.Cell(column.Name, column)
	}
	condition, args := c.db.AnyOf("id", ids)
	// The raw id first: a value that cannot be mirrored does not hinder the order.
	query := "SELECT CAST(id AS text) AS row_id, " + strings.Join(cells, ", ") + " FROM " + name + " WHERE " + condition + " ORDER BY " + name + ".id"
	if lock {
		query += c.db.Features().UpdateLock
	}
	for cells, err := range c.Rows(ctx, query, args...) {
		if err != nil {
			return nil, err
		}
		var id int64
		if err := ParseInts(cells, &id); err != nil {
			return nil, err
		}
		rows = append(rows, models.Row{ID: id, Cells: cells[1:]}.Clone())
	}
	return rows, nil
}

// ReadableColumns selects a table's columns. A value that cannot be mirrored, which only a manual edit can have put into
// the mirror, reads as NULL, so that one row does not fail a whole query.
func (db *DB) ReadableColumns(alias string, t *models.Table) string {
	columns := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		columns[i] = db.Fitting(alias+"."+c.Name, c) + " AS " + c.Name
	}
	return strings.Join(columns, ", ")
}

// Fitting is an expression for a column's value in its canonical form, NULL where the value cannot be mirrored.
func (db *DB) Fitting(expr string, c models.Column) string {
	fits := db.Fits(expr, c)
	switch {
	case fits == "":
		return expr
	case c.Kind == models.KindInt:
		return "CASE WHEN " + fits + " THEN " + expr + " END"
	default:
		return "CASE WHEN " + fits + " THEN " + db.Cell(expr, c) + " END"
	}
}

// Bucket is the fingerprint of the rows whose id>>shift is ID: their number, how many of them are quarantined, and the
// exclusive or of their hashes.
type Bucket struct {
	ID          int64
	Rows        int64
	Quarantined int64
	Hash        int64
}

// Buckets streams, in order, the fingerprints by id>>shift of the rows that a query selects for a condition on its id:
// columns id, hash and quarantined (0 or 1). The server hashes, in parallel where it can. With shift 0 each row is a
// bucket. PostgreSQL only.
func (c *Conn) Buckets(ctx context.Context, ranges []Range, shift int, id string, rows func(condition string) string) iter.Seq2[Bucket, error] {
	var query string
	var args []any
	if shift == 0 {
		query, args = c.db.InRanges(ranges, id, func(condition string) string { return rows(condition) + " ORDER BY 1" })
		query = "SELECT x.id, 1, x.quarantined, x.hash FROM (" + query + ") x"
	} else {
		query, args = c.db.InRanges(ranges, id, rows)
		query = fmt.Sprintf("SELECT x.id >> %d, count(*), sum(x.quarantined), bit_xor(x.hash) FROM (%s) x GROUP BY 1 ORDER BY 1", shift, query)
	}
	return Parsed(c.Rows(ctx, query, args...), func(cells [][]byte) (b Bucket, err error) {
		err = ParseInts(cells, &b.ID, &b.Rows, &b.Quarantined, &b.Hash)
		return b, err
	})
}

// Range is a closed interval of ids.
type Range struct{ Lo, Hi int64 }

// The ids that an integer column can hold.
const minID, maxID = -1 << 31, 1<<31 - 1

// MaxRanges limits the memory of ranges and the size of a query's parameters.
const MaxRanges = 1 << 16

// AllIDs returns the one range of all ids.
func AllIDs() []Range { return []Range{{minID, maxID}} }

// condition is the condition that an id is in the range.
func (r Range) condition(id string) string {
	if r == AllIDs()[0] {
		return "TRUE"
	}
	return fmt.Sprintf("%s BETWEEN %d AND %d", id, r.Lo, r.Hi)
}

// AddRange appends r to sorted ranges. It joins r to the last one if they touch.
func AddRange(ranges []Range, r Range) []Range {
	if n := len(ranges); n > 0 && r.Lo <= ranges[n-1].Hi+1 {
		ranges[n-1].Hi = max(ranges[n-1].Hi, r.Hi)
		return ranges
	}
	return append(ranges, r)
}

// Union sorts ranges and joins those that touch. It reuses the slice.
func Union(ranges []Range) []Range {
	slices.SortFunc(ranges, func(a, b Range) int { return cmp.Compare(a.Lo, b.Lo) })
	joined := ranges[:0]
	for _, r := range ranges {
		joined = AddRange(joined, r)
	}
	return joined
}
