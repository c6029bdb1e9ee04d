package lifecycle

import (
	"fmt"
	"strconv"

	"github.com/jackc/pglogrepl"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
)

// Transaction is what one transaction in lifecycle_db has committed: which rows of which tables, by name.
// Their values are not kept: they are read from a snapshot that has them.
type Transaction struct {
	XID  uint32
	End  int64 // where its commit ends in the log
	Rows map[string]Touched
	also []uint32 // ids of transactions before it that it stands for as well
}

// Touched are rows of a table that a transaction wrote or deleted.
type Touched struct {
	IDs   []int64
	Whole bool // there are too many to list, or the table was truncated
}

func (t Transaction) size() (n int) {
	for _, rows := range t.Rows {
		n += 8 + len(rows.IDs) // a little for the table itself
	}
	return n
}

// merged is one transaction that stands for several, in their order, and no longer tells which rows they touched.
func merged(all []Transaction) Transaction {
	last := all[len(all)-1]
	m := Transaction{XID: last.XID, End: last.End, Rows: map[string]Touched{}}
	for i, t := range all {
		m.also = append(m.also, t.also...)
		if i < len(all)-1 {
			m.also = append(m.also, t.XID)
		}
		for table := range t.Rows {
			m.Rows[table] = Touched{Whole: true}
		}
	}
	return m
}

// decoder puts pgoutput's messages together to transactions.
type decoder struct {
	names     map[string]bool // the mirrored tables
	relations map[uint32]relation
	current   *Transaction
}

// relation is a table as the messages speak of it.
type relation struct {
	name string // "" when it is not mirrored
	id   int    // the index of the column id
}

func newDecoder(tables []*models.Table) *decoder {
	d := &decoder{names: map[string]bool{}, relations: map[uint32]relation{}}
	for _, t := range tables {
		d.names[t.Source] = true
	}
	return d
}

// decode takes one message in. It returns a transaction once that is complete, and nil before.
func (d *decoder) decode(data []byte) (*Transaction, error) {
	message, err := pglogrepl.Parse(data)
	if err != nil {
		return nil, err
	}
	switch m := message.(type) {
	case *pglogrepl.BeginMessage:
		d.current = &Transaction{XID: m.Xid, Rows: map[string]Touched{}}
	case *pglogrepl.CommitMessage:
		complete := d.current
		complete.End = int64(m.TransactionEndLSN)
		d.current = nil
		return complete, nil
	case *pglogrepl.RelationMessage:
		d.describe(m)
	case *pglogrepl.InsertMessage:
		return nil, d.touch(m.RelationID, m.Tuple)
	case *pglogrepl.UpdateMessage: // the old row comes when its key has changed, or with REPLICA IDENTITY FULL
		return nil, d.touch(m.RelationID, m.OldTuple, m.NewTuple)
	case *pglogrepl.DeleteMessage:
		return nil, d.touch(m.RelationID, m.OldTuple)
	case *pglogrepl.TruncateMessage:
		for _, id := range m.RelationIDs {
			d.whole(id)
		}
	}
	return nil, nil //nolint:nilnil // as documented
}

func (d *decoder) describe(m *pglogrepl.RelationMessage) {
	r := relation{id: -1}
	for i, column := range m.Columns {
		if column.Name == "id" && d.names[m.RelationName] {
			r = relation{m.RelationName, i}
		}
	}
	d.relations[m.RelationID] = r
}

// touch notes the ids of rows, each of which may be missing. Where a row does not tell its id, because the table
// had another replica identity for a while, any of its rows may be meant.
func (d *decoder) touch(id uint32, rows ...*pglogrepl.TupleData) error {
	r := d.relations[id]
	touched := d.current.Rows[r.name]
	if r.name == "" || touched.Whole {
		return nil
	}
	for _, row := range rows {
		if row == nil {
			continue
		}
		cell := row.Columns[r.id]
		if cell.DataType != pglogrepl.TupleDataTypeText {
			touched = Touched{Whole: true}
			break
		}
		id, err := strconv.ParseInt(string(cell.Data), 10, 64)
		if err != nil {
			return fmt.Errorf("an id in the log of %s: %w", r.name, err)
		}
		if n := len(touched.IDs); n == 0 || touched.IDs[n-1] != id {
			touched.IDs = append(touched.IDs, id)
		}
	}
	if len(touched.IDs) > database.MaxRanges {
		touched = Touched{Whole: true}
	}
	d.current.Rows[r.name] = touched
	return nil
}

func (d *decoder) whole(id uint32) {
	if r := d.relations[id]; r.name != "" {
		d.current.Rows[r.name] = Touched{Whole: true}
	}
}
