package mirror

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"regexp"

	"lifecycle-sync/models"
)

// Of many changes, the first are kept with the record of a run that made none of them.
const (
	keptChanges = 1000
	keptBytes   = 8 << 20
)

// digestBytes of the hash are enough that no other difference has the same, and few enough to be copied by hand.
const digestBytes = 16

var digestText = regexp.MustCompile(fmt.Sprintf("^[0-9a-f]{%d}$", 2*digestBytes))

// IsDigest reports whether a text may be the digest of a Diff.
func IsDigest(text string) bool { return digestText.MatchString(text) }

// summary is told every change of a Diff, in order, and keeps its digest and the first changes.
type summary struct {
	hash    hash.Hash
	buffer  []byte // of the change that goes into the hash
	found   int
	bytes   int // of the changes that are kept
	changes []models.LoggedChange
}

func newSummary() *summary { return &summary{hash: sha256.New()} }

func (s *summary) note(c Change) {
	s.add(c)
	s.found++
	if s.found <= keptChanges && s.bytes < keptBytes {
		entry := shown(c)
		s.bytes += len(entry.Before) + len(entry.After)
		s.changes = append(s.changes, entry)
	}
}

// add writes what the change does into the hash: each part with its length before it, so that no two changes
// are written alike. When rows were written, by which snapshot they are seen, and how the servers hash
// them is no part of it.
func (s *summary) add(c Change) {
	s.buffer = appendText(s.buffer[:0], c.Table.Name)
	s.buffer = binary.AppendVarint(s.buffer, c.ID)
	s.buffer = appendText(s.buffer, string(c.Action))
	s.buffer = appendText(s.buffer, c.Reason)
	s.buffer = binary.AppendUvarint(s.buffer, uint64(len(c.Columns)))
	for _, i := range c.Columns {
		s.buffer = appendText(s.buffer, c.Table.Columns[i].Name)
	}
	s.buffer = appendCells(s.buffer, c.Before, c.Columns)
	s.buffer = appendCells(s.buffer, c.After, c.Columns)
	_, _ = s.hash.Write(s.buffer) // a hash never fails
}

func appendText(to []byte, text string) []byte {
	return append(binary.AppendUvarint(to, uint64(len(text))), text...)
}

// appendCells writes the given columns of a row, or all when none are given.
func appendCells(to []byte, row models.Row, columns []int) []byte {
	cells := row.Cells
	if len(columns) > 0 {
		cells = make([][]byte, len(columns))
		for i, column := range columns {
			cells[i] = row.Cells[column]
		}
	}
	to = binary.AppendUvarint(to, uint64(len(cells)))
	for _, cell := range cells {
		if cell == nil {
			to = append(to, 0) // NULL: other values have 1 or more here
			continue
		}
		to = append(binary.AppendUvarint(to, uint64(len(cell))+1), cell...)
	}
	return to
}

// preview is what the Diff amounts to.
func (s *summary) preview(d *differ) Preview {
	return Preview{Tables: d.counts(), Digest: hex.EncodeToString(s.hash.Sum(nil)[:digestBytes]), Changes: s.changes, Found: s.found}
}

// shown is a change as the change log keeps it, and besides, rows that would come, and why a row cannot.
func shown(c Change) models.LoggedChange {
	entry := models.LoggedChange{Table: c.Table.Name, RowID: c.ID, Action: string(c.Action)}
	switch c.Action {
	case Insert, Release:
		entry.After = c.Table.Object(c.After)
	case Update:
		entry.Before, entry.After = c.Table.Object(c.Before, c.Columns...), c.Table.Object(c.After, c.Columns...)
	case Delete, Quarantine:
		if c.Leaves() {
			entry.Before = c.Table.Object(c.Before)
		}
		if c.Action == Quarantine {
			entry.After = models.Unfit{Reason: c.Reason, Row: c.Table.Object(c.After)}.JSON()
		}
	case Forget:
	}
	return entry
}
