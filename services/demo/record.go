package demo

import (
	"strconv"

	"lifecycle-sync/models"
)

// record writes the cells of one row after the other, in the table's column order, into memory that
// it uses again.
type record struct {
	row    models.Row
	buffer []byte
}

// begin begins a row with its id.
func (r *record) begin(id int64) {
	r.row.ID, r.row.Cells, r.buffer = id, r.row.Cells[:0], r.buffer[:0]
	r.number(id)
}

// cell takes the bytes that were appended to the buffer as the next cell. Should the buffer have
// moved, the cells before stay where they were.
func (r *record) cell(grown []byte) {
	start := len(r.buffer)
	r.buffer = grown
	r.row.Cells = append(r.row.Cells, grown[start:len(grown):len(grown)])
}

func (r *record) null() { r.row.Cells = append(r.row.Cells, nil) }

func (r *record) number(n int64) { r.cell(strconv.AppendInt(r.buffer, n, 10)) }

// reference writes an id, or NULL for 0.
func (r *record) reference(id int64) {
	if id == 0 {
		r.null()
		return
	}
	r.number(id)
}

func (r *record) text(parts ...string) {
	grown := r.buffer
	for _, p := range parts {
		grown = append(grown, p...)
	}
	r.cell(grown)
}

// day writes a date, or NULL for 0.
func (r *record) day(day int64) {
	if day == 0 {
		r.null()
		return
	}
	r.cell(appendDay(r.buffer, day))
}

// moment writes a timestamp, or NULL for 0.
func (r *record) moment(moment int64) {
	if moment == 0 {
		r.null()
		return
	}
	r.cell(appendMoment(r.buffer, moment))
}
