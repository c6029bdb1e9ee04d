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

// Limits of the changes that are stored with a run that made none of them.
const (
	keptChanges = 1000
	keptBytes   = 8 << 20
)

// digestBytes of the hash make collisions practically impossible and can be copied by hand.
const digestBytes = 16

var digestText = regexp.MustCompile(fmt.Sprintf("^[0-9a-f]{%d}$", 2*digestBytes))

// IsDigest reports whether a text has the form of a Diff's digest.
func IsDigest(text string) bool { return digestText.MatchString(text) }

// summary collects the digest of a Diff and its first changes.
type summary struct {
	hash    hash.Hash
	buffer  []byte // of the change being hashed
	found   int
	bytes   int // of the changes that are kept
	changes []models.LoggedChange
}

func newSummary() *summary { return &summary{hash: sha256.New()} }

// add takes the next change of the Diff.
func (s *summary) add(c Change) {
	s.addToDigest(c)
	s.found++
	if s.found <= keptChanges && s.bytes < keptBytes {
		entry := previewEntry(c)
		s.bytes += len(entry.Before) + len(entry.After)
		s.changes = append(s.changes, entry)
	}
}

// addToDigest hashes what the change does, each part prefixed with its length, so that different changes have
// different encodings. When rows were written, which snapshot sees them and how the servers hash is not part of it.
func (s *summary) addToDigest(c Change) {
	s.buffer = appendText(s.buffer[:0], c.Table.Name)
	s.buffer = binary.AppendVarint(s.buffer, c.ID)
	s.buffer = appendText(s.buffer, string(c.Action))
	s.buffer = appendText(s.buffer, c.Reason.String())
	s.buffer = binary.AppendUvarint(s.buffer, uint64(len(c.Columns)))
	for _, i := range c.Columns {
		s.buffer = appendText(s.buffer, c.Table.Columns[i].Name)
	}
	s.buffer = appendCells(s.buffer, c.Before, c.Columns)
	s.buffer = appendCells(s.buffer, c.After, c.Columns)
	_, _ = s.hash.Write(s.buffer) // never fails
}

func appendText(to []byte, text string) []byte {
	return append(binary.AppendUvarint(to, uint64(len(text))), text...)
}

// appendCells appends the given columns of a row, or all if none are given.
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
			to = append(to, 0) // NULL; values have their length + 1 here
			continue
		}
		to = append(binary.AppendUvarint(to, uint64(len(cell))+1), cell...)
	}
	return to
}

func (s *summary) preview(d *differ) Preview {
	return Preview{Tables: d.counts(), Digest: hex.EncodeToString(s.hash.Sum(nil)[:digestBytes]), Changes: s.changes, Found: s.found}
}

// overwritten returns what the change log keeps of a change: the changed columns of an update, the whole row if it leaves.
func overwritten(c Change, run int64) models.LoggedChange {
	entry := models.LoggedChange{RunID: run, Table: c.Table.Name, RowID: c.ID, Action: string(c.Action)}
	if c.Action == Update {
		entry.Before, entry.After = c.Table.Object(c.Before, c.Columns...), c.Table.Object(c.After, c.Columns...)
	} else if c.Leaves() {
		entry.Before = c.Table.Object(c.Before)
	}
	return entry
}

// previewEntry is a change as in the change log, plus inserted rows and the reasons of quarantined ones.
func previewEntry(c Change) models.LoggedChange {
	entry := overwritten(c, 0)
	switch c.Action {
	case Insert, Release:
		entry.After = c.Table.Object(c.After)
	case Quarantine:
		entry.After = models.NewUnfit(c.Reason, c.Table.Object(c.After))
	case Update, Delete, Forget:
	}
	return entry
}
