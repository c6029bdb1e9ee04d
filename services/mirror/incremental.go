package mirror

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"lifecycle-sync/models"
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
		tx.Reached.LSN, tx.Reached.FollowedAt = last.LSN, last.FollowedAt // real time continues from there
	}
	if tx.Run.Mode == models.IncrementalRun {
		if reason := fullRunReason(last, snap, now, tx, missingKeys); reason != "" {
			reason = "every row was compared: " + reason
			tx.Run.Mode, tx.Run.Reason = models.FullRun, &reason
		}
	}
	return last, nil
}

// fullRunReason says why an incremental run must compare every row. It is "" if only rows written since the last
// horizon, deleted ids and quarantined rows can differ.
func fullRunReason(last *models.Watermark, snap *lifecycle.Snapshot, now lifecycle.Identity, tx *mirrordb.Tx, missingKeys map[string][]models.Column) string {
	switch {
	case !snap.Features().RowVersions:
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
	return sourceChange(then, now)
}

// sourceChange says how the source's identity has changed.
func sourceChange(then, now lifecycle.Identity) string {
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
