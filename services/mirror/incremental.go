package mirror

import (
	"context"
	"encoding/json"
	"iter"
	"maps"
	"slices"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/lifecycle"
	mirrordb "lifecycle-sync/repositories/pmo/mirror"
)

// oldestHorizon is the maximum age of a horizon in transactions. Transaction ids are reused after 2^31; half of that
// leaves room for transactions that commit during the run.
const oldestHorizon = 1 << 30

// plan sets the watermark that the run will reach, and turns an incremental run that is not possible into a full one.
// It returns the last watermark, nil before the first run.
func (e *Engine) plan(ctx context.Context, tx *mirrordb.Tx, snap *lifecycle.Snapshot, missingKeys map[string][]models.Column) (*models.Watermark, error) {
	last, err := tx.Watermark(ctx)
	if err != nil {
		return nil, err
	}
	tx.Reached = &models.Watermark{Horizon: snap.Horizon, CurrentAt: e.now()}
	var now lifecycle.Identity
	if snap.Features().RowVersions {
		if tx.Reached.CurrentAt, err = tx.Clock(ctx); err != nil {
			return nil, err
		}
		if now, err = snap.Identify(ctx); err != nil {
			return nil, err
		}
		if tx.Reached.Source, err = json.Marshal(now); err != nil {
			return nil, err
		}
	}
	if last != nil {
		tx.Reached.LSN, tx.Reached.FollowedAt = last.LSN, last.FollowedAt // real-time sync continues from there
	}
	if tx.Run.Mode == models.IncrementalRun {
		if reason := fullRunReason(last, snap, now, tx, missingKeys); !reason.IsZero() {
			tx.Run.Mode, tx.Run.Reasons = models.FullRun, models.Texts{reason}
		}
	}
	return last, nil
}

// fullRunReason says why an incremental run must compare every row. It is zero if only rows written since the last
// horizon, deleted ids and quarantined rows can differ.
func fullRunReason(last *models.Watermark, snap *lifecycle.Snapshot, now lifecycle.Identity, tx *mirrordb.Tx, missingKeys map[string][]models.Column) models.Text {
	switch {
	case !snap.Features().RowVersions:
		return models.NewText("reason.sqlite", nil)
	case last == nil || last.Horizon == nil || last.Source == nil:
		return models.NewText("reason.no_earlier_run", nil)
	case tx.Triggered:
		return models.NewText("reason.trigger", nil)
	case len(missingKeys) > 0:
		return models.NewText("reason.keys_missing", nil)
	case snap.Probe != tx.Probe:
		return models.NewText("reason.hashes_differ", nil)
	case *snap.Horizon < *last.Horizon:
		return models.NewText("reason.source_restored", nil)
	case snap.Next-*last.Horizon > oldestHorizon:
		return models.NewText("reason.horizon_too_old", models.Params{"limit": oldestHorizon})
	}
	var then lifecycle.Identity
	if err := json.Unmarshal(last.Source, &then); err != nil {
		return models.NewText("reason.source_unknown", nil)
	}
	return sourceChange(then, now)
}

// sourceChange says how the source's identity has changed.
func sourceChange(then, now lifecycle.Identity) models.Text {
	switch {
	case then.System != now.System:
		return models.NewText("reason.other_cluster", nil)
	case then.Database != now.Database:
		return models.NewText("reason.other_database", nil)
	case then.Timeline != now.Timeline:
		return models.NewText("reason.timeline", models.Params{"now": now.Timeline, "before": then.Timeline})
	case then.Standby != now.Standby:
		return models.NewText("reason.standby_changed", nil)
	case then.Started != now.Started:
		return models.NewText("reason.server_restarted", nil)
	}
	for _, name := range slices.Sorted(maps.Keys(now.Tables)) {
		switch signature, known := then.Tables[name]; {
		case now.Tables[name] == "":
			return models.NewText("reason.table_not_ordinary", models.Params{"table": name})
		case !known:
			return models.NewText("reason.table_new", models.Params{"table": name})
		case signature != now.Tables[name]:
			return models.NewText("reason.table_changed", models.Params{"table": name})
		}
	}
	return models.Text{}
}

const (
	// bucketShift makes buckets of 16 ids: few fingerprints (62,500 for a million rows), yet scattered changes leave
	// most buckets equal.
	bucketShift = 4
	// deltaShift makes ranges of 256 ids, whose ids are compared as sets.
	deltaShift = 8
	// wholeShift puts all ids of a sign into one bucket.
	wholeShift = 31
)

// candidates are the ids in which the two sides may differ, found by comparing fingerprints.
type candidates struct {
	ranges        []database.Range
	all, expected fingerprint // of the source's rows: all that were compared, and those in ranges
	mirrored      int64       // rows of the mirror that were compared
}

// findCandidates finds the ids in which the two sides may differ, without reading rows: ids whose hashes differ,
// quarantined rows (they are retried), and children of rows removed from the mirror. It first compares buckets of ids,
// or with a horizon what was written since; then, if few differ, the single rows in them. SQLite is read whole.
func (d *differ) findCandidates(ctx context.Context, s *tableStats) error {
	if scope := d.scope[s.table.Source]; d.scope != nil && len(scope) <= database.MaxRanges && !slices.Equal(scope, database.AllIDs()) {
		return d.scopedCandidates(ctx, s)
	}
	if !d.snap.Features().RowHashes {
		s.candidates, s.uncounted = database.AllIDs(), true
		return nil
	}
	orphans, err := d.orphans(ctx, s.table)
	if err != nil {
		return err
	}
	coarse, err := d.coarseCandidates(ctx, s.table, orphans)
	if err != nil {
		return err
	}
	s.before, s.all = coarse.mirrored, coarse.all
	s.candidates, s.expected = coarse.ranges, coarse.expected
	switch {
	case d.missingKeys[s.table.Name] != nil, len(coarse.ranges) > database.MaxRanges:
		s.candidates, s.expected = database.AllIDs(), coarse.all
		return nil
	case len(coarse.ranges) == 0 || coarse.expected.rows > coarse.all.rows/2:
		return nil
	}
	rows, err := d.compareBuckets(ctx, s.table, coarse.ranges, 0, orphans)
	if err == nil && len(rows.ranges) <= database.MaxRanges {
		s.candidates, s.expected = rows.ranges, rows.expected
	}
	return err
}

// scopedCandidates are the rows in the Diff's scope, the children of removed rows, and quarantined rows that
// refer to a row that was added or removed: they can be mirrored now, or are quarantined for another reason.
func (d *differ) scopedCandidates(ctx context.Context, s *tableStats) error {
	s.uncounted = true
	orphans, err := d.orphans(ctx, s.table)
	if err != nil {
		return err
	}
	waiting, err := d.referring(ctx, s.table, d.mirror.WaitingChildren, func(parent *tableStats) []int64 { return parent.moved })
	if err != nil {
		return err
	}
	ranges := slices.Clone(d.scope[s.table.Source])
	for _, id := range slices.Concat(orphans, waiting) {
		ranges = append(ranges, database.Range{Lo: id, Hi: id})
	}
	s.candidates = database.Union(ranges)
	if !d.snap.Features().RowHashes || len(s.candidates) == 0 {
		return nil
	}
	s.expected, err = sum(d.snap.Buckets(ctx, s.table, s.candidates, wholeShift))
	return err
}

// coarseCandidates compares without looking at single rows: since a horizon what was written and which ids exist;
// otherwise, or if that is most of the table, buckets of rows.
func (d *differ) coarseCandidates(ctx context.Context, t *models.Table, orphans []int64) (candidates, error) {
	if d.horizon != nil {
		found, err := d.candidatesSince(ctx, t, *d.horizon, orphans)
		if err != nil || len(found.ranges) <= database.MaxRanges && found.expected.rows <= found.all.rows/2 {
			return found, err
		}
	}
	return d.compareBuckets(ctx, t, database.AllIDs(), bucketShift, orphans)
}

// compareBuckets compares the fingerprints by id>>shift of the given ranges.
func (d *differ) compareBuckets(ctx context.Context, t *models.Table, ranges []database.Range, shift int, orphans []int64) (found candidates, err error) {
	orphaned := map[int64]bool{}
	for _, id := range orphans {
		orphaned[id>>shift] = true
	}
	for buckets, err := range merged(ctx, bucketSource(d.snap.Buckets(ctx, t, ranges, shift)), bucketSource(d.mirror.Buckets(ctx, t, ranges, shift))) {
		if err != nil {
			return found, err
		}
		left := total(buckets.left)
		if found.compare(left, total(buckets.right)) || orphaned[buckets.id] {
			found.ranges = database.AddRange(found.ranges, database.Range{Lo: buckets.id << shift, Hi: (buckets.id+1)<<shift - 1})
			found.expected.add(left)
		}
		if shift > 0 {
			d.progress.Advance(left.Rows)
		}
	}
	return found, nil
}

// candidatesSince finds the rows written since a horizon, ranges in which the sets of ids differ (rows were deleted
// or inserted) or hold quarantined rows, and the children of removed rows.
func (d *differ) candidatesSince(ctx context.Context, t *models.Table, horizon int64, orphans []int64) (found candidates, err error) {
	deltas := source[lifecycle.Delta]{
		d.snap.Deltas(ctx, t, horizon, deltaShift), func(d lifecycle.Delta) int64 { return d.ID },
		func(d lifecycle.Delta) (lifecycle.Delta, int) { return d, 64 + 8*len(d.Newer) },
	}
	add := func(lo, hi, rows int64) {
		found.ranges = append(found.ranges, database.Range{Lo: lo, Hi: hi})
		found.expected.rows += rows
	}
	for _, id := range orphans {
		add(id, id, 1)
	}
	for buckets, err := range merged(ctx, deltas, bucketSource(d.mirror.IDs(ctx, t, deltaShift))) {
		if err != nil {
			return found, err
		}
		var left lifecycle.Delta
		if len(buckets.left) > 0 {
			left = buckets.left[0]
		}
		if found.compare(left.Bucket, total(buckets.right)) {
			add(buckets.id<<deltaShift, (buckets.id+1)<<deltaShift-1, left.Rows)
		} else {
			for _, id := range left.Newer {
				add(id, id, 1)
			}
		}
		d.progress.Advance(left.Rows)
	}
	found.ranges = database.Union(found.ranges)
	return found, nil
}

// compare counts a bucket of ids of both sides and reports whether it differs or has quarantined rows.
func (c *candidates) compare(left, right database.Bucket) bool {
	c.all.add(left)
	c.mirrored += right.Rows - right.Quarantined
	return left.Rows != right.Rows || left.Hash != right.Hash || right.Quarantined > 0
}

func bucketSource(buckets iter.Seq2[database.Bucket, error]) source[database.Bucket] {
	const bytes = 32
	return source[database.Bucket]{buckets, func(b database.Bucket) int64 { return b.ID }, func(b database.Bucket) (database.Bucket, int) { return b, bytes }}
}

// total adds up the buckets of one id.
func total(buckets []database.Bucket) (sum database.Bucket) {
	for _, b := range buckets {
		sum.Rows, sum.Quarantined, sum.Hash = sum.Rows+b.Rows, sum.Quarantined+b.Quarantined, sum.Hash^b.Hash
	}
	return sum
}

// fingerprint adds up any number of rows.
type fingerprint struct{ rows, hash int64 }

func (f *fingerprint) add(b database.Bucket) { f.rows, f.hash = f.rows+b.Rows, f.hash^b.Hash }

func sum(buckets iter.Seq2[database.Bucket, error]) (f fingerprint, err error) {
	for b, err := range buckets {
		if err != nil {
			return f, err
		}
		f.add(b)
	}
	return f, nil
}

// orphans returns the ids of mirrored rows that refer to a removed row.
func (d *differ) orphans(ctx context.Context, t *models.Table) ([]int64, error) {
	return d.referring(ctx, t, d.mirror.Children, func(parent *tableStats) []int64 { return parent.deletes })
}

// referring returns the ids that find returns for the chosen rows of the table's parents.
func (d *differ) referring(
	ctx context.Context, t *models.Table,
	find func(ctx context.Context, t *models.Table, column string, ids []int64) iter.Seq2[int64, error],
	choose func(parent *tableStats) []int64,
) (found []int64, err error) {
	const chunk = 10_000
	for _, c := range t.References() {
		for _, parent := range d.stats {
			if parent.table.Source != c.References {
				continue
			}
			for ids := range slices.Chunk(choose(parent), chunk) {
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
