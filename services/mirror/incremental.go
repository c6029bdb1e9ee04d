package mirror

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/lifecycle"
	"lifecycle-sync/repositories/pmo"
)

// oldestHorizon is how many transactions a horizon may lie back. Beyond 2^31 their ids would be used
// again; half of that leaves room for what commits meanwhile.
const oldestHorizon = 1 << 30

// plan notes where the run will bring the mirror, and makes a full run of an incremental one that cannot be
// one. It returns where the mirror was brought last, nil when it never was.
func (e *Engine) plan(ctx context.Context, tx *pmo.Tx, snap *lifecycle.Snapshot, missingKeys map[string][]models.Column) (*models.Watermark, error) {
	last, err := tx.Watermark(ctx)
	if err != nil {
		return nil, err
	}
	tx.Reached = &models.Watermark{Horizon: snap.Horizon, CurrentAt: e.now()}
	var now lifecycle.Identity
	if snap.Kind() == database.Postgres {
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
		tx.Reached.LSN, tx.Reached.FollowedAt = last.LSN, last.FollowedAt // real time goes on from there
	}
	if tx.Run.Mode == models.IncrementalRun {
		if why := whole(last, snap, now, tx, missingKeys); why != "" {
			reason := "every row was compared: " + why
			tx.Run.Mode, tx.Run.Reason = models.FullRun, &reason
		}
	}
	return last, nil
}

// whole says why an incremental run must compare every row, or "" when the rows written since the last
// horizon, the ids that vanished and what waits in quarantine are all that can differ.
func whole(last *models.Watermark, snap *lifecycle.Snapshot, now lifecycle.Identity, tx *pmo.Tx, missingKeys map[string][]models.Column) string {
	switch {
	case snap.Kind() == database.SQLite:
		return "SQLite does not tell which rows are new"
	case last == nil || last.Horizon == nil || last.Source == nil:
		return "there is no earlier run to go on from"
	case tx.Triggered:
		return "a trigger or rule in pmo_db may change any mirrored row"
	case len(missingKeys) > 0:
		return "foreign keys are missing in pmo_db"
	case snap.Probe != tx.Probe:
		return "the two servers hash rows in different ways"
	case *snap.Horizon < *last.Horizon:
		return "lifecycle_db's transactions have gone back: it was restored"
	case snap.Next-*last.Horizon > oldestHorizon:
		return fmt.Sprintf("the last horizon lies more than %d transactions back", oldestHorizon)
	}
	var then lifecycle.Identity
	if err := json.Unmarshal(last.Source, &then); err != nil {
		return "what lifecycle_db was at the last run cannot be read"
	}
	return strange(then, now)
}

// strange says in what the source is not what it was.
func strange(then, now lifecycle.Identity) string {
	switch {
	case then.System != now.System:
		return "lifecycle_db is another cluster than before"
	case then.Database != now.Database:
		return "lifecycle_db is another database than before"
	case then.Timeline != now.Timeline:
		return fmt.Sprintf("lifecycle_db was failed over or restored (timeline %d instead of %d)", now.Timeline, then.Timeline)
	case then.Standby != now.Standby:
		return "lifecycle_db is a standby and was none, or the other way round"
	case then.Started != now.Started:
		return "lifecycle_db's server was started anew and may have been restored"
	}
	for _, name := range slices.Sorted(maps.Keys(now.Tables)) {
		switch signature, known := then.Tables[name]; {
		case now.Tables[name] == "":
			return name + " is no ordinary table"
		case !known:
			return name + " is new"
		case signature != now.Tables[name]:
			return name + " is another table than before, was written anew, or has other columns"
		}
	}
	return ""
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
