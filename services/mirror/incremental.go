package mirror

import (
	"context"
	"encoding/json"
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
