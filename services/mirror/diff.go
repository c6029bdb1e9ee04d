package mirror

import (
	"context"
	"iter"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/lifecycle"
	mirrordb "lifecycle-sync/repositories/pmo/mirror"
	"lifecycle-sync/services/failpoint"
)

// Action is the write that a difference requires.
type Action string

// The actions. Quarantine keeps a row out of the mirror, and removes it first if it is mirrored (Change.Before is
// then its row).
const (
	Insert     Action = "insert"
	Update     Action = "update"
	Delete     Action = "delete"
	Quarantine Action = "quarantine" // enters the quarantine, or its reason or content changed there
	Release    Action = "release"    // was in quarantine, can be mirrored now
	Forget     Action = "forget"     // was in quarantine, is no longer in the source
)

// Change is one difference between source and mirror. Before and After have no cells if there is no such row.
type Change struct {
	Table       *models.Table
	ID          int64
	Action      Action
	Before      models.Row              // the mirror's row
	After       models.Row              // the source's row
	Columns     []int                   // of an update: the indexes of the columns that differ
	Reason      models.QuarantineReason // of a quarantine
	Hash        int64                   // of a quarantine: the source row's
	SourceXID   *int64                  // the transaction that wrote the source's row; nil if unknown
	SourceNewer bool                    // the source's row was written after the last run
	MirrorNewer bool                    // the mirror's row was written after the last run
}

// RemovesRow reports whether the change removes a row from the mirror.
func (c Change) RemovesRow() bool {
	return c.Action == Delete || (c.Action == Quarantine && c.Before.Cells != nil)
}

// tableStats counts the differences of one table.
type tableStats struct {
	table      *models.Table
	before     int64 // rows in the mirror
	uncounted  bool  // before is known only after all rows were read
	deletes    []int64
	inserts    int64
	moved      []int64          // with a scope: ids of rows added to or removed from the mirror or the quarantine
	changed    []int64          // with a scope: ids of rows with changes
	candidates []database.Range // what was compared row by row
	expected   fingerprint      // of the source's rows there
	all        fingerprint      // of all rows of the source
	count      models.TableCount
}

// differ compares the mirror with a snapshot of the source, table by table, parents first.
type differ struct {
	snap        *lifecycle.Snapshot
	mirror      *mirrordb.Reader
	missingKeys map[string][]models.Column  // tables whose mirrored rows may be orphans
	scope       map[string][]database.Range // if set, only these rows of the source's tables are compared
	horizon     *int64                      // if set, only rows written since can differ
	since       *models.Watermark           // of the last run; if set, changes tell which side changed after it
	first       bool                        // the mirror was never in sync: the change log starts with the rows that it then has
	progress    Progress
	observe     func(Change) // receives each change that is applied; may be nil
	deleted     []int64      // products that lifecycle_db deleted, even if the snapshot has others with their ids

	stats   []*tableStats
	changed models.ChangedProducts // by the changes that were applied
	causes  models.Differences     // of the changes that were applied
}

// counts returns the counts of all tables so far.
func (d *differ) counts() []models.TableCount {
	counts := make([]models.TableCount, len(d.stats))
	for i, s := range d.stats {
		counts[i] = s.count
	}
	return counts
}

// diffTable emits the differences of one table in id order. A change is valid until emit returns.
func (d *differ) diffTable(ctx context.Context, t *models.Table, emit func(context.Context, Change) error) (*tableStats, error) {
	s := &tableStats{table: t, count: models.TableCount{Table: t.Name}}
	d.stats = append(d.stats, s)
	if err := d.findCandidates(ctx, s); err != nil {
		return nil, err
	}
	failpoint.Reach("mid-diff")
	if len(s.candidates) > 0 {
		d.progress.Expect(s.expected.rows)
		if err := d.compareRows(ctx, s, emit); err != nil {
			return nil, err
		}
	}
	s.count.Unchanged = s.before - s.count.Updated - int64(len(s.deletes))
	return s, nil
}

// compareRows merges the candidate rows of both sides.
func (d *differ) compareRows(ctx context.Context, s *tableStats, emit func(context.Context, Change) error) error {
	var horizon, runXID *int64
	if d.since != nil {
		horizon, runXID = d.since.Horizon, d.since.MirrorXID
	}
	for rows, err := range merged(ctx, rowSource(d.snap.Rows(ctx, s.table, s.candidates, horizon)), rowSource(d.mirror.Rows(ctx, s.table, s.candidates, runXID))) {
		if err != nil {
			return err
		}
		p := pairOf(s.table, rows)
		for _, change := range p.changes() {
			s.record(change)
			change.Table.Concerned(&d.changed, change.ID, change.Before, change.After)
			if d.scope != nil {
				s.changed = append(s.changed, change.ID)
				if change.Action != Update {
					s.moved = append(s.moved, change.ID)
				}
			}
			if err := emit(ctx, change); err != nil {
				return err
			}
		}
		if p.source != nil && !p.source.Reason.IsZero() {
			s.count.Quarantined++
		}
		if p.mirror != nil && s.uncounted {
			s.before++
		}
		d.progress.Advance(1)
	}
	return nil
}

// record counts a change.
func (s *tableStats) record(c Change) {
	switch c.Action {
	case Insert:
		s.count.Inserted++
		s.inserts++
	case Release:
		s.count.Released++
		s.inserts++
	case Update:
		s.count.Updated++
	case Delete:
		s.count.Deleted++
	case Quarantine, Forget:
	}
	if c.RemovesRow() {
		s.deletes = append(s.deletes, c.ID)
	}
}

// pair holds everything known about one id: the source's row, the mirror's row and the quarantine entry, each nil
// if there is none.
type pair struct {
	table       *models.Table
	id          int64
	source      *database.Row
	mirror      *database.Row
	quarantined *database.Row
}

func rowSource(rows iter.Seq2[database.Row, error]) source[database.Row] {
	return source[database.Row]{rows, func(r database.Row) int64 { return r.ID }, database.Row.Copy}
}

func pairOf(t *models.Table, rows group[database.Row, database.Row]) pair {
	p := pair{table: t, id: rows.id}
	for i := range rows.left {
		p.source = &rows.left[i]
	}
	for i := range rows.right { // a mirrored row, a quarantine entry, or both
		if row := &rows.right[i]; row.Reason.IsZero() {
			p.mirror = row
		} else {
			p.quarantined = row
		}
	}
	return p
}

// changes lists what makes the mirror hold the row exactly when the source has it and it fits: usually nothing or
// one change, and two if a mirrored row has a quarantine entry as well.
func (p pair) changes() []Change {
	c := Change{Table: p.table, ID: p.id}
	if p.source != nil {
		c.After, c.SourceXID, c.SourceNewer = p.source.Row, p.source.XID, p.source.Newer
	}
	if p.mirror != nil {
		c.Before, c.MirrorNewer = p.mirror.Row, p.mirror.Newer
	}
	if p.source != nil && !p.source.Reason.IsZero() {
		if p.mirror == nil && p.quarantined != nil && p.quarantined.Reason == p.source.Reason && p.quarantined.Hash == p.source.Hash {
			return nil
		}
		c.Action, c.Reason, c.Hash = Quarantine, p.source.Reason, p.source.Hash
		return []Change{c}
	}
	forget := Change{Table: p.table, ID: p.id, Action: Forget}
	switch {
	case p.source == nil && p.mirror != nil:
		c.Action = Delete
	case p.source == nil:
		return []Change{forget}
	case p.mirror == nil && p.quarantined != nil:
		c.Action = Release
		return []Change{c}
	case p.mirror == nil:
		c.Action = Insert
	default:
		for i := range c.After.Cells {
			if !models.SameCell(c.After.Cells[i], c.Before.Cells[i]) {
				c.Columns = append(c.Columns, i)
			}
		}
		c.Action = Update
	}
	var changes []Change
	if c.Action != Update || c.Columns != nil {
		changes = append(changes, c)
	}
	if p.quarantined != nil {
		changes = append(changes, forget)
	}
	return changes
}
