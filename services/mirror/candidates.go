package mirror

import (
	"context"
	"errors"
	"iter"
	"slices"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/lifecycle"
)

// bucketShift makes buckets of 16 ids: few enough fingerprints (62,500 for a million rows), and small
// enough that scattered changes leave most buckets alone.
const bucketShift = 4

// findDirty finds the ids in which the two sides may differ, without reading a row: those whose
// hashes differ, those in quarantine (they are tried again), and the children of rows that leave the
// mirror. First buckets of ids are compared, or since a horizon what was written; then, where few differ, the
// single rows in those. SQLite is read whole.
func (d *differ) findDirty(ctx context.Context, s *tableStats) error {
	if only := d.only[s.table.Source]; d.only != nil && len(only) <= database.MaxRanges && !slices.Equal(only, database.Everything()) {
		return d.findOnly(ctx, s)
	}
	if !d.snap.Features().RowHashes {
		s.dirty, s.uncounted = database.Everything(), true
		return nil
	}
	orphans, err := d.orphans(ctx, s.table)
	if err != nil {
		return err
	}
	buckets, err := d.widely(ctx, s.table, orphans)
	if err != nil {
		return err
	}
	s.before, s.all = buckets.mirrored, buckets.all
	switch {
	case d.missingKeys[s.table.Name] != nil, len(buckets.dirty) > database.MaxRanges:
		s.dirty, s.expected = database.Everything(), buckets.all
		return nil
	case len(buckets.dirty) == 0 || buckets.expected.rows > buckets.all.rows/2:
		s.dirty, s.expected = buckets.dirty, buckets.expected
		return nil
	}
	rows, err := d.scan(ctx, s.table, buckets.dirty, 0, orphans)
	if err != nil {
		return err
	}
	if s.dirty, s.expected = rows.dirty, rows.expected; len(rows.dirty) > database.MaxRanges {
		s.dirty, s.expected = buckets.dirty, buckets.expected
	}
	return nil
}

// widely finds where the two sides may differ without looking at single rows: since a horizon, by what was
// written and which ids there are; else, or where that is most of the table, by buckets of rows.
func (d *differ) widely(ctx context.Context, t *models.Table, orphans []int64) (scanned, error) {
	if d.horizon != nil {
		found, err := d.candidates(ctx, t, orphans)
		if err != nil || len(found.dirty) <= database.MaxRanges && found.expected.rows <= found.all.rows/2 {
			return found, err
		}
	}
	return d.scan(ctx, t, database.Everything(), bucketShift, orphans)
}

// scanned is what a comparison of fingerprints found.
type scanned struct {
	dirty         []database.Range
	all, expected fingerprint // of the source's rows: all that were compared, and those in dirty
	mirrored      int64       // rows of the mirror that were compared
}

// scan compares the fingerprints by id>>shift of the given ranges on both sides at once.
func (d *differ) scan(ctx context.Context, t *models.Table, ranges []database.Range, shift int, orphans []int64) (found scanned, err error) {
	orphaned := map[int64]bool{}
	for _, id := range orphans {
		orphaned[id>>shift] = true
	}
	keep := func(b database.Bucket) (database.Bucket, int) { return b, 32 }
	nextSource, stopSource := ahead(ctx, d.snap.Buckets(ctx, t, ranges, shift), keep)
	defer stopSource()
	nextMirror, stopMirror := ahead(ctx, d.mirror.Buckets(ctx, t, ranges, shift), keep)
	defer stopMirror()
	source, mirrored := ordered[database.Bucket]{next: nextSource, id: bucketID}, ordered[database.Bucket]{next: nextMirror, id: bucketID}
	if err := errors.Join(source.advance(), mirrored.advance()); err != nil {
		return found, err
	}
	for source.ok || mirrored.ok {
		id := source.current.ID
		if !source.ok || (mirrored.ok && mirrored.current.ID < id) {
			id = mirrored.current.ID
		}
		left, err := take(&source, id)
		if err != nil {
			return found, err
		}
		right, err := take(&mirrored, id)
		if err != nil {
			return found, err
		}
		found.all.add(left)
		found.mirrored += right.Rows - right.Quarantined
		if left.Rows != right.Rows || left.Hash != right.Hash || right.Quarantined > 0 || orphaned[id] {
			found.dirty = database.AddRange(found.dirty, database.Range{Lo: id << shift, Hi: (id+1)<<shift - 1})
			found.expected.add(left)
		}
		if shift > 0 {
			d.progress.Advance(left.Rows)
		}
	}
	return found, nil
}

func bucketID(b database.Bucket) int64 { return b.ID }

// take sums up what a stream has of one id and steps over it.
func take(stream *ordered[database.Bucket], id int64) (sum database.Bucket, err error) {
	for stream.ok && stream.current.ID == id {
		b := stream.current
		sum.Rows, sum.Quarantined, sum.Hash = sum.Rows+b.Rows, sum.Quarantined+b.Quarantined, sum.Hash^b.Hash
		if err := stream.advance(); err != nil {
			return sum, err
		}
	}
	return sum, nil
}

// orphans returns the ids of the mirror's rows that refer to a row that leaves it.
func (d *differ) orphans(ctx context.Context, t *models.Table) ([]int64, error) {
	return d.referring(ctx, t, d.mirror.Children, func(parent *tableStats) []int64 { return parent.leaving })
}

// referring returns the ids of a table's rows, as find finds them, that refer to one of certain rows of
// a parent table.
func (d *differ) referring(
	ctx context.Context, t *models.Table,
	find func(ctx context.Context, t *models.Table, column string, ids []int64) iter.Seq2[int64, error],
	to func(parent *tableStats) []int64,
) (found []int64, err error) {
	const chunk = 10_000
	for _, c := range t.References() {
		for _, parent := range d.stats {
			if parent.table.Source != c.References {
				continue
			}
			for ids := range slices.Chunk(to(parent), chunk) {
				for id, err := range find(ctx, t, c.Name, ids) {
					if err != nil {
						return nil, err
					}
					found = append(found, id)
				}
			}
		}
	}
	return found, nil
}

// deltaShift makes ranges of 256 ids whose ids are compared as sets.
const deltaShift = 8

// candidates finds the ids in which the two sides can differ since a horizon: the rows written since then,
// ranges in which the sets of ids differ (rows have vanished or come) or hold quarantined rows, which are
// tried again, and the children of rows that leave. It also counts the mirrored rows.
func (d *differ) candidates(ctx context.Context, t *models.Table, orphans []int64) (found scanned, err error) {
	nextSource, stopSource := ahead(ctx, d.snap.Deltas(ctx, t, *d.horizon, deltaShift), func(d lifecycle.Delta) (lifecycle.Delta, int) { return d, 64 + 8*len(d.Newer) })
	defer stopSource()
	nextMirror, stopMirror := ahead(ctx, d.mirror.IDs(ctx, t, deltaShift), func(b database.Bucket) (database.Bucket, int) { return b, 32 })
	defer stopMirror()
	source := ordered[lifecycle.Delta]{next: nextSource, id: func(d lifecycle.Delta) int64 { return d.ID }}
	mirrored := ordered[database.Bucket]{next: nextMirror, id: bucketID}
	if err := errors.Join(source.advance(), mirrored.advance()); err != nil {
		return found, err
	}
	add := func(lo, hi, rows int64) {
		found.dirty = append(found.dirty, database.Range{Lo: lo, Hi: hi})
		found.expected.rows += rows
	}
	for _, id := range orphans {
		add(id, id, 1)
	}
	for source.ok || mirrored.ok {
		id := source.current.ID
		if !source.ok || (mirrored.ok && mirrored.current.ID < id) {
			id = mirrored.current.ID
		}
		var left lifecycle.Delta
		if source.ok && source.current.ID == id {
			left = source.current
			err = source.advance()
		}
		right, takeErr := take(&mirrored, id)
		if err := errors.Join(err, takeErr); err != nil {
			return found, err
		}
		found.all.add(left.Bucket)
		found.mirrored += right.Rows - right.Quarantined
		if left.Rows != right.Rows || left.Hash != right.Hash || right.Quarantined > 0 {
			add(id<<deltaShift, (id+1)<<deltaShift-1, left.Rows)
		} else {
			for _, id := range left.Newer {
				add(id, id, 1)
			}
		}
		d.progress.Advance(left.Rows)
	}
	found.dirty = database.Union(found.dirty)
	return found, nil
}
