package mirror

import (
	"context"
	"slices"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
)

// bucketShift makes buckets of 32 ids: small enough that changes scattered over a table leave most
// rows unread, large enough that a million rows give only 31,250 fingerprints.
const bucketShift = 5

// findDirty finds the ranges of ids in which the two sides may differ, without reading a row: where
// the fingerprints differ, where rows stand in quarantine (they are tried again), and where children
// of rows that leave the mirror are. SQLite is read whole.
func (d *differ) findDirty(ctx context.Context, s *tableStats) error {
	if d.snap.Kind() == database.SQLite {
		s.dirty, s.uncounted = database.Everything, true
		return nil
	}
	orphaned, err := d.orphaned(ctx, s.table)
	if err != nil {
		return err
	}
	bucketOf := func(b database.Bucket) int64 { return b.ID }
	keep := func(b database.Bucket) (database.Bucket, int) { return b, 32 }
	nextSource, stopSource := ahead(ctx, d.snap.Buckets(ctx, s.table, bucketShift), keep)
	defer stopSource()
	nextMirror, stopMirror := ahead(ctx, d.mirror.Buckets(ctx, s.table, database.Everything, bucketShift), keep)
	defer stopMirror()
	source := ordered[database.Bucket]{next: nextSource, id: bucketOf}
	mirrored := ordered[database.Bucket]{next: nextMirror, id: bucketOf}
	if err := source.advance(); err != nil {
		return err
	}
	if err := mirrored.advance(); err != nil {
		return err
	}
	var all fingerprint
	for source.ok || mirrored.ok {
		id := source.current.ID
		if !source.ok || (mirrored.ok && mirrored.current.ID < id) {
			id = mirrored.current.ID
		}
		var left, right database.Bucket
		if source.ok && source.current.ID == id {
			left = source.current
			if err := source.advance(); err != nil {
				return err
			}
		}
		if mirrored.ok && mirrored.current.ID == id {
			right = mirrored.current
			if err := mirrored.advance(); err != nil {
				return err
			}
		}
		all.add(left)
		s.before += right.Rows - right.Quarantined
		d.progress.Advance(s.table, left.Rows, 0)
		if left.Rows != right.Rows || left.Hash != right.Hash || right.Quarantined > 0 || orphaned[id] {
			s.dirty = database.AddRange(s.dirty, database.Range{Lo: id << bucketShift, Hi: (id+1)<<bucketShift - 1})
			s.expected.add(left)
		}
	}
	if d.missingKeys[s.table.Name] != nil || len(s.dirty) > database.MaxRanges {
		s.dirty, s.expected = database.Everything, all
	}
	return nil
}

// orphaned returns the buckets in which the mirror holds rows that refer to a row that leaves it.
func (d *differ) orphaned(ctx context.Context, t *models.Table) (map[int64]bool, error) {
	const chunk = 10_000
	buckets := map[int64]bool{}
	for _, c := range t.References() {
		for _, parent := range d.stats {
			if parent.table.Source != c.References {
				continue
			}
			for ids := range slices.Chunk(parent.leaving, chunk) {
				for id, err := range d.mirror.Children(ctx, t, c.Name, ids) {
					if err != nil {
						return nil, err
					}
					buckets[id>>bucketShift] = true
				}
			}
		}
	}
	return buckets, nil
}
