package mirror

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"regexp"

	"lifecycle-sync/models"
)

// DryRun is the result of a dry run. Its digest lets a later run apply exactly these changes.
type DryRun struct {
	Tables  []models.TableCount // in mirroring order; nil if the comparison failed
	Digest  string              // equal for two Diffs exactly when they make the same changes
	Changes []models.LoggedChange
	Found   int // the number of changes; the first 1000 of them, up to about 8 MB, are in Changes
}

// Describe records in a run how many of the changes are kept, unless all are.
func (p DryRun) Describe(run *models.Run) {
	if kept, found := int64(len(p.Changes)), int64(p.Found); kept < found {
		run.ChangesKept, run.ChangesFound = &kept, &found
	}
}

// DryRun passes every change that a run would make now to emit, which may be nil, in mirroring order and by id, and
// returns a summary. It writes nothing and blocks no other session. If the mass-delete guard would stop the run, the
// result is complete and the error is the guard's.
func (e *Engine) DryRun(ctx context.Context, req Request, progress Progress, emit func(Change) error) (DryRun, error) {
	found := newSummary()
	d, err := e.compare(ctx, progress, func(c Change, _ Cause) error {
		found.add(c)
		if emit == nil {
			return nil
		}
		return emit(c)
	})
	if err != nil {
		return DryRun{}, err
	}
	return found.dryRun(d), guard(d, req.AllowDeletes)
}

// DigestMismatchError is the cause of the conflict when a run's Diff has another digest than requested.
type DigestMismatchError struct {
	DryRun DryRun // of the current differences
}

// Error describes the mismatch.
func (*DigestMismatchError) Error() string { return "the differences have another digest" }

func digestMismatch(p DryRun) error {
	return models.NewError(models.Conflict, "mirror.digest_mismatch", models.Params{"digest": p.Digest}).
		WithRemedy("mirror.digest_mismatch_remedy", nil).WithCause(&DigestMismatchError{p})
}

// Verification is the result of Verify.
type Verification struct {
	Equal       bool
	Differences models.Differences
	Tables      []models.TableCount
}

// Verify compares every row and passes each difference to emit. It writes nothing.
func (e *Engine) Verify(ctx context.Context, progress Progress, emit func(Change, Cause) error) (Verification, error) {
	var found models.Differences
	d, err := e.compare(ctx, progress, func(c Change, cause Cause) error {
		count(&found, cause)
		return emit(c, cause)
	})
	if err != nil {
		return Verification{}, err
	}
	return Verification{Equal: found.Total() == 0, Differences: found, Tables: d.counts()}, nil
}

// compare passes every difference between the current mirror and the current source to emit.
func (e *Engine) compare(ctx context.Context, progress Progress, emit func(Change, Cause) error) (d *differ, err error) {
	ctx, stopWatching := e.WatchConnections(ctx)
	defer stopWatching()
	defer func() { err = withContextCause(ctx, err) }()
	mirrored, err := e.mirror.Read(ctx)
	if err != nil {
		return nil, err
	}
	defer mirrored.Close()
	snap, err := e.source.Snapshot(ctx, e.tables)
	if err != nil {
		return nil, err
	}
	defer snap.Close()
	if err := mirrored.Examine(ctx); err != nil {
		return nil, err
	}
	d = &differ{snap: snap, mirror: mirrored, progress: progress}
	if d.missingKeys, err = mirrored.Preflight(ctx, snap.Infos, snap.Tables); err != nil {
		return nil, err
	}
	alignHashing(snap, mirrored)
	if d.since, err = mirrored.Watermark(ctx); err != nil {
		return nil, err
	}
	for _, t := range snap.Tables {
		progress.Begin(t, snap.Infos[t.Source].Rows)
		s, err := d.diffTable(ctx, t, func(_ context.Context, c Change) error { return emit(c, d.cause(c)) })
		if err != nil {
			return nil, err
		}
		progress.End(t, s.count)
	}
	return d, nil
}

// Cause says why source and mirror differ.
type Cause string

// Behind: lifecycle_db changed after the last successful run, and the next run applies it. Drift: the mirror was edited.
// Unknown: on SQLite, or before the first successful run.
const (
	Behind  Cause = "behind"
	Drift   Cause = "drift"
	Unknown Cause = "unknown"
)

// cause tells which side changed after the last successful run. A mirrored row written since is certainly drift. A
// source row counts as newer also if its transaction was in progress at the last snapshot. Quarantine follows the
// source, also if only a row's parent changed.
func (d *differ) cause(c Change) Cause {
	switch {
	case d.since == nil || d.since.Horizon == nil, !d.snap.Infos[c.Table.Source].Ordinary: // a view's rows have no transaction id
		return Unknown
	case c.MirrorNewer:
		return Drift
	case (c.Action == Insert || c.Action == Update) && !c.SourceNewer:
		return Drift
	default:
		return Behind
	}
}

func count(d *models.Differences, cause Cause) {
	switch cause {
	case Behind:
		d.Behind++
	case Drift:
		d.Drift++
	case Unknown:
		d.Unknown++
	}
}

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
		entry := dryRunEntry(c)
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

func (s *summary) dryRun(d *differ) DryRun {
	return DryRun{Tables: d.counts(), Digest: hex.EncodeToString(s.hash.Sum(nil)[:digestBytes]), Changes: s.changes, Found: s.found}
}

// logEntry returns what the change log keeps of a change: the changed columns of an update, otherwise the whole row.
func logEntry(c Change, run int64) models.LoggedChange {
	entry := models.LoggedChange{RunID: run, Table: c.Table.Name, RowID: c.ID, Action: string(c.Action), SourceXID: c.SourceXID}
	if entry.ProductID = c.Table.ProductOf(c.Before); entry.ProductID == nil {
		entry.ProductID = c.Table.ProductOf(c.After)
	}
	switch {
	case c.Action == Update:
		entry.Before, entry.After = c.Table.Object(c.Before, c.Columns...), c.Table.Object(c.After, c.Columns...)
	case c.RemovesRow():
		entry.Before = c.Table.Object(c.Before)
	case c.Action == Insert, c.Action == Release:
		entry.After = c.Table.Object(c.After)
	}
	return entry
}

// dryRunEntry is a change as in the change log, plus the reasons of quarantined rows.
func dryRunEntry(c Change) models.LoggedChange {
	entry := logEntry(c, 0)
	if c.Action == Quarantine {
		entry.After = models.NewUnfit(c.Reason, c.Table.Object(c.After))
	}
	return entry
}
