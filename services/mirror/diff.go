package mirror

import (
	"context"
	"errors"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/lifecycle"
	"lifecycle-sync/repositories/pmo"
	"lifecycle-sync/services/failpoint"
)

// Action is what a difference asks for.
type Action string

// The actions. Quarantine and Refresh keep a row out of the mirror; Quarantine takes it out first
// when it is in it (Change.Before is then its row).
const (
	Insert     Action = "insert"
	Update     Action = "update"
	Delete     Action = "delete"
	Quarantine Action = "quarantine" // enters the quarantine, or its reason or content changed there
	Release    Action = "release"    // was in quarantine, fits now
	Forget     Action = "forget"     // was in quarantine, is no longer in the source
)

// Change is one difference between source and mirror. Before and After have no cells where there is
// no such row. Newer tells that the side that changed did so after the last run.
type Change struct {
	Table       *models.Table
	ID          int64
	Action      Action
	Before      models.Row // the mirror's row
	After       models.Row // the source's row
	Columns     []int      // of an update: the indexes of the columns that differ
	Reason      string     // of a quarantine
	Hash        int64      // of a quarantine: the source row's
	SourceNewer bool       // the source's row was written after the last run
	MirrorNewer bool       // the mirror's row was written after the last run
}

// Leaves reports whether the change takes a row out of the mirror.
func (c Change) Leaves() bool {
	return c.Action == Delete || (c.Action == Quarantine && c.Before.Cells != nil)
}

// tableStats is what a Diff found in one table.
type tableStats struct {
	table     *models.Table
	before    int64 // rows in the mirror
	uncounted bool  // before is not known until every row was read
	leaving   []int64
	entering  int64
	moved     []int64          // ids of rows that came, left, or changed sides with the quarantine, where the Diff is limited to some rows
	dirty     []database.Range // what was compared row by row
	expected  fingerprint      // of the source's rows there
	all       fingerprint      // of all rows of the source
	count     models.TableCount
}

// fingerprint sums up any number of rows.
type fingerprint struct{ rows, hash int64 }

func (f *fingerprint) add(b database.Bucket) { f.rows, f.hash = f.rows+b.Rows, f.hash^b.Hash }

// differ compares the mirror with a snapshot of the source, table by table, parents first.
type differ struct {
	snap        *lifecycle.Snapshot
	mirror      *pmo.Mirror
	missingKeys map[string][]models.Column  // tables whose mirrored rows may be orphans
	only        map[string][]database.Range // with it, only these rows of the source's tables are compared
	horizon     *int64                      // with it, only what was written since can differ
	since       *models.Watermark           // with it, changes tell which side changed after that
	progress    Progress
	stats       []*tableStats
	causes      map[Cause]int64 // of what was applied
	noted       func(Change)    // is told what is applied; may be nil
}

func newDiffer(snap *lifecycle.Snapshot, mirror *pmo.Mirror, missingKeys map[string][]models.Column, progress Progress) *differ {
	return &differ{snap: snap, mirror: mirror, missingKeys: missingKeys, progress: progress, causes: map[Cause]int64{Behind: 0, Drift: 0, Unknown: 0}}
}

// last is what was found in the table that was compared last.
func (d *differ) last() *tableStats { return d.stats[len(d.stats)-1] }

// counts are the counts of all tables so far.
func (d *differ) counts() []models.TableCount {
	counts := make([]models.TableCount, len(d.stats))
	for i, s := range d.stats {
		counts[i] = s.count
	}
	return counts
}

// table emits the differences of one table in id order. A change is valid until emit returns.
func (d *differ) table(ctx context.Context, t *models.Table, emit func(context.Context, Change) error) error {
	s := &tableStats{table: t, count: models.TableCount{Table: t.Name}}
	d.stats = append(d.stats, s)
	if err := d.findDirty(ctx, s); err != nil {
		return err
	}
	failpoint.Reach("mid-diff")
	if len(s.dirty) > 0 {
		d.progress.Expect(s.expected.rows)
		if err := d.merge(ctx, s, emit); err != nil {
			return err
		}
	}
	s.count.Unchanged = s.before - s.count.Updated - int64(len(s.leaving))
	return nil
}

// merge reads the dirty ranges of both sides side by side.
func (d *differ) merge(ctx context.Context, s *tableStats, emit func(context.Context, Change) error) error {
	var horizon, runXID *int64
	if d.since != nil {
		horizon, runXID = d.since.Horizon, d.since.MirrorXID
	}
	nextSource, stopSource := ahead(ctx, d.snap.Rows(ctx, s.table, s.dirty, horizon), database.Row.Kept)
	defer stopSource()
	nextMirror, stopMirror := ahead(ctx, d.mirror.Rows(ctx, s.table, s.dirty, runXID), database.Row.Kept)
	defer stopMirror()
	source, mirrored := ordered[database.Row]{next: nextSource, id: rowID}, ordered[database.Row]{next: nextMirror, id: rowID}
	if err := errors.Join(source.advance(), mirrored.advance()); err != nil {
		return err
	}
	for source.ok || mirrored.ok {
		id, p, err := nextPair(s.table, &source, &mirrored)
		if err != nil {
			return err
		}
		for _, change := range p.changes(id) {
			s.note(change)
			if d.only != nil && change.Action != Update {
				s.moved = append(s.moved, change.ID)
			}
			if err := emit(ctx, change); err != nil {
				return err
			}
		}
		s.tally(p)
		d.progress.Advance(1)
	}
	return nil
}

func rowID(r database.Row) int64 { return r.ID }

// nextPair takes everything of the lowest id out of both streams.
func nextPair(t *models.Table, source, mirrored *ordered[database.Row]) (id int64, p pair, err error) {
	p.table = t
	if id = source.current.ID; !source.ok || (mirrored.ok && mirrored.current.ID < id) {
		id = mirrored.current.ID
	}
	if source.ok && source.current.ID == id {
		row := source.current
		p.source = &row
		err = source.advance()
	}
	for err == nil && mirrored.ok && mirrored.current.ID == id { // a mirrored row, a quarantine mark, or both
		row := mirrored.current
		if row.Reason != "" {
			p.mark = &row
		} else {
			p.mirror = &row
		}
		err = mirrored.advance()
	}
	return id, p, err
}

// pair is all that is known of one id: the source's row, the mirror's row and the quarantine's mark,
// each nil when there is none.
type pair struct {
	table  *models.Table
	source *database.Row
	mirror *database.Row
	mark   *database.Row
}

// changes says what must be done so that the mirror holds the row exactly when the source has it and
// it fits. Mostly that is nothing or one change; a mark beside a mirrored row makes it two.
func (p pair) changes(id int64) []Change {
	c := Change{Table: p.table, ID: id}
	if p.source != nil {
		c.After, c.SourceNewer = p.source.Row, p.source.Newer
	}
	if p.mirror != nil {
		c.Before, c.MirrorNewer = p.mirror.Row, p.mirror.Newer
	}
	if p.source != nil && p.source.Reason != "" {
		if p.mirror == nil && p.mark != nil && p.mark.Reason == p.source.Reason && p.mark.Hash == p.source.Hash {
			return nil
		}
		c.Action, c.Reason, c.Hash = Quarantine, p.source.Reason, p.source.Hash
		return []Change{c}
	}
	forget := Change{Table: p.table, ID: id, Action: Forget}
	switch {
	case p.source == nil && p.mirror != nil:
		c.Action = Delete
	case p.source == nil:
		return []Change{forget}
	case p.mirror == nil && p.mark != nil:
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
	if p.mark != nil {
		changes = append(changes, forget)
	}
	return changes
}

// note counts a change.
func (s *tableStats) note(c Change) {
	switch c.Action {
	case Insert:
		s.count.Inserted++
		s.entering++
	case Release:
		s.count.Released++
		s.entering++
	case Update:
		s.count.Updated++
	case Delete:
		s.count.Deleted++
	case Quarantine, Forget:
	}
	if c.Leaves() {
		s.leaving = append(s.leaving, c.ID)
	}
}

// tally counts a pair that was read.
func (s *tableStats) tally(p pair) {
	if p.source != nil && p.source.Reason != "" {
		s.count.Quarantined++
	}
	if p.mirror != nil && s.uncounted {
		s.before++
	}
}
