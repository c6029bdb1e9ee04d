package lifecycle

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pglogrepl"

	"lifecycle-sync/repositories/database"
)

// Transaction tells which rows of which tables, by name, a transaction in lifecycle_db has changed. Their values are
// read from a snapshot.
type Transaction struct {
	XID    uint32
	End    int64 // WAL position behind its commit
	Rows   map[string]TouchedRows
	merged []uint32 // ids of earlier transactions that it includes
}

// TouchedRows are rows of a table that a transaction wrote or deleted.
type TouchedRows struct {
	IDs     []int64
	Deleted []int64 // the products that it deleted one by one, even if it inserted them again
	Whole   bool    // too many to list, or the table was truncated
}

// size counts what merge can free, in ids.
func (t Transaction) size() (n int) {
	if t.merged != nil {
		return 8 * len(t.Rows)
	}
	for _, rows := range t.Rows {
		n += 8 + len(rows.IDs) + len(rows.Deleted) // a little for the table itself
	}
	return n
}

// merge returns one transaction that includes several in order and lists tables instead of rows, except for deleted products.
func merge(all []Transaction) Transaction {
	last := all[len(all)-1]
	m := Transaction{XID: last.XID, End: last.End, Rows: map[string]TouchedRows{}}
	for _, t := range all {
		m.merged = append(append(m.merged, t.merged...), t.XID)
		for table, rows := range t.Rows {
			m.Rows[table] = TouchedRows{Whole: true, Deleted: append(m.Rows[table].Deleted, rows.Deleted...)}
		}
	}
	for table, rows := range m.Rows {
		slices.Sort(rows.Deleted)
		rows.Deleted = slices.Compact(rows.Deleted)
		m.Rows[table] = rows
	}
	return m
}

// decoder assembles pgoutput's messages into transactions.
type decoder struct {
	names     map[uint32]string // the mirrored tables, by OID: another schema may have tables of the same names
	relations map[uint32]relation
	current   *Transaction
}

// relation describes a table of the messages.
type relation struct {
	name string // "" if it is not mirrored
	id   int    // the index of the column id
}

func newDecoder(names map[uint32]string) *decoder {
	return &decoder{names: names, relations: map[uint32]relation{}}
}

// decode reads one message. It returns a transaction once it is complete, nil before.
func (d *decoder) decode(data []byte) (*Transaction, error) {
	message, err := pglogrepl.Parse(data)
	if err != nil {
		return nil, err
	}
	switch m := message.(type) {
	case *pglogrepl.BeginMessage:
		d.current = &Transaction{XID: m.Xid, Rows: map[string]TouchedRows{}}
	case *pglogrepl.CommitMessage:
		complete := d.current
		complete.End = int64(m.TransactionEndLSN)
		d.current = nil
		return complete, nil
	case *pglogrepl.RelationMessage:
		d.describe(m)
	case *pglogrepl.InsertMessage:
		return nil, d.touch(m.RelationID, nil, m.Tuple)
	case *pglogrepl.UpdateMessage: // has the old row if the key has changed, or with REPLICA IDENTITY FULL
		return nil, d.touch(m.RelationID, m.OldTuple, m.NewTuple)
	case *pglogrepl.DeleteMessage:
		return nil, d.touch(m.RelationID, m.OldTuple, nil)
	case *pglogrepl.TruncateMessage:
		for _, id := range m.RelationIDs {
			if r := d.relations[id]; r.name != "" {
				d.current.Rows[r.name] = TouchedRows{Whole: true, Deleted: d.current.Rows[r.name].Deleted} // a run follows: the table has a new file
			}
		}
	}
	return nil, nil //nolint:nilnil // as documented
}

func (d *decoder) describe(m *pglogrepl.RelationMessage) {
	r := relation{id: -1}
	for i, column := range m.Columns {
		if column.Name == "id" {
			r = relation{d.names[m.RelationID], i}
		}
	}
	d.relations[m.RelationID] = r
}

// touch records the ids of a row before and after a change; either may be nil. If a row has no id, because of a temporary replica
// identity, the whole table counts as changed.
func (d *decoder) touch(relation uint32, before, after *pglogrepl.TupleData) error {
	r := d.relations[relation]
	if r.name == "" {
		return nil
	}
	touched := d.current.Rows[r.name]
	for _, row := range []*pglogrepl.TupleData{before, after} {
		if row == nil {
			continue
		}
		cell := row.Columns[r.id]
		if cell.DataType != pglogrepl.TupleDataTypeText {
			touched.Whole = true
			break
		}
		id, err := strconv.ParseInt(string(cell.Data), 10, 64)
		if err != nil {
			return fmt.Errorf("an id in the log of %s: %w", r.name, err)
		}
		if n := len(touched.IDs); n == 0 || touched.IDs[n-1] != id {
			touched.IDs = append(touched.IDs, id)
		}
		if r.name == ProductTable && row == before && (after == nil || !bytes.Equal(after.Columns[r.id].Data, cell.Data)) { // deleted, or it has another id
			touched.Deleted = append(touched.Deleted, id)
		}
	}
	touched.Whole = touched.Whole || len(touched.IDs) > database.MaxRanges
	if touched.Whole {
		touched.IDs = nil
	}
	d.current.Rows[r.name] = touched
	return nil
}

// Visibility tells which transactions a snapshot sees.
type Visibility struct {
	Inserted int64 // a WAL position after all visible commits
	xmax     int64
	running  map[int64]bool
}

// Sees reports whether the snapshot sees what a transaction committed.
func (v Visibility) Sees(t Transaction) bool {
	return v.seesXID(t.XID) && !slices.ContainsFunc(t.merged, func(xid uint32) bool { return !v.seesXID(xid) })
}

func (v Visibility) seesXID(xid uint32) bool {
	distance := uint32(v.xmax) - xid // to the first id not yet assigned; ids wrap around
	return distance > 0 && distance <= 1<<31 && !v.running[v.xmax-int64(distance)]
}

// visibility reads the snapshot and the end of the WAL. At a page boundary the insert position is after the next page's header,
// which has 40 bytes at the start of a segment and else 24, but keepalives state the page's start: without the difference, each step on an
// idle server would write a message, whose WAL archive_timeout would then archive.
const visibility = `SELECT pg_current_snapshot()::text, (inserted - CASE WHEN inserted % segment = 40 THEN 40 WHEN inserted % page = 24 THEN 24 ELSE 0 END)::bigint
	FROM (SELECT pg_current_wal_insert_lsn() - '0/0' AS inserted, pg_size_bytes(current_setting('wal_segment_size')) AS segment,
		current_setting('wal_block_size')::integer AS page) w`

// Visibility reads which transactions the snapshot sees. On a primary only. Errors: connection.
func (s *Snapshot) Visibility(ctx context.Context) (v Visibility, err error) {
	var text string
	err = s.conn.QueryRow(ctx, visibility, nil, &text, &v.Inserted)
	if err != nil {
		return v, err
	}
	parts := strings.Split(text, ":") // xmin:xmax:running,running
	if v.xmax, err = strconv.ParseInt(parts[1], 10, 64); err != nil {
		return v, fmt.Errorf("snapshot: %w", err)
	}
	v.running = map[int64]bool{}
	for _, xid := range strings.FieldsFunc(parts[2], func(r rune) bool { return r == ',' }) {
		id, err := strconv.ParseInt(xid, 10, 64)
		if err != nil {
			return v, fmt.Errorf("snapshot: %w", err)
		}
		v.running[id] = true
	}
	return v, nil
}
