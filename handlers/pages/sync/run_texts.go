package sync

import (
	"strings"

	"lifecycle-sync/handlers/pages"
	"lifecycle-sync/models"
)

// badge is a word for a state. Tone is good, warn, bad, accent, or "" for none of them.
type badge struct {
	Text models.Text
	Tone string
}

// classOf is the class of the error that a run ended with, "" for none.
func classOf(r models.Run) models.Class { return models.Class(pages.Deref(r.ErrorClass)) }

// refused reports whether a run was given a digest and would have changed something else.
func refused(r models.Run) bool { return classOf(r) == models.Conflict }

// isPreview reports whether a run's changes are what it would have done.
func isPreview(r models.Run) bool {
	return r.Mode == models.DryRun || r.Mode == models.VerifyRun || refused(r)
}

// className is the name of an error class, which only runs can end with.
func className(class models.Class) models.Text {
	switch class {
	case models.Connection:
		return models.NewText("console_sync.class_connection", nil)
	case models.Timeout:
		return models.NewText("console_sync.class_timeout", nil)
	case models.Permission:
		return models.NewText("console_sync.class_permission", nil)
	case models.Schema:
		return models.NewText("console_sync.class_schema", nil)
	case models.DataType, models.Constraint:
		return models.NewText("console_sync.class_value", nil)
	case models.Config:
		return models.NewText("console_sync.class_configuration", nil)
	case models.Busy:
		return models.NewText("console_sync.class_busy", nil)
	case models.MassDelete:
		return models.NewText("console_sync.class_mass_delete", nil)
	case models.Conflict:
		return models.NewText("console_sync.class_conflict", nil)
	case models.Canceled:
		return models.NewText("console_sync.class_canceled", nil)
	case models.Internal:
		return models.NewText("console_sync.class_internal", nil)
	default:
		return models.NewText(models.LegacyText, models.Params{"text": string(class)})
	}
}

// modeName is the name of a mode.
func modeName(mode string) models.Text {
	return models.NewText("console_sync.mode_"+strings.ReplaceAll(mode, "-", "_"), nil)
}

// runBadge says how a run is doing or ended. A run that was refused because of its digest has done nothing wrong.
func runBadge(r models.Run) badge {
	found := r.Found()
	switch {
	case r.State == models.Running && r.CancelRequested:
		return badge{models.NewText("console_sync.state_stopping", nil), "warn"}
	case r.State == models.Running:
		return badge{models.NewText("console_sync.state_running", nil), "accent"}
	case r.State == models.CanceledRun:
		return badge{models.NewText("console_sync.state_canceled", nil), "warn"}
	case r.State == models.Interrupted:
		return badge{models.NewText("console_sync.state_interrupted", nil), "bad"}
	case refused(r):
		return badge{models.NewText("console_sync.state_refused", nil), "warn"}
	case classOf(r) == models.MassDelete:
		return badge{models.NewText("console_sync.state_guarded", nil), "bad"}
	case r.State == models.Failed:
		return badge{models.NewText("console_sync.state_failed", nil), "bad"}
	case r.Mode == models.VerifyRun && found != nil && found.Total() > 0:
		return badge{models.NewText("console_sync.state_differs", nil), "warn"}
	case r.Mode == models.VerifyRun:
		return badge{models.NewText("console_sync.state_in_sync", nil), "good"}
	case r.Mode == models.DryRun:
		return badge{models.NewText("console_sync.state_done", nil), "good"}
	default:
		return badge{models.NewText("console_sync.state_succeeded", nil), "good"}
	}
}

// runSummary says what a run did, or how it is doing. changes is how many it made or would make, as far as they are kept.
func runSummary(r models.Run, tables []models.TableCount, changes int64) models.Text {
	found := r.Found()
	counted := models.Params{"counts": countsOf(tables)}
	switch {
	case r.State == models.Running && r.CancelRequested:
		return models.NewText("console_sync.run_stopping", nil)
	case r.State == models.Running:
		return models.NewText("console_sync.run_running", nil)
	case refused(r):
		return models.NewText("console_sync.run_refused", counted)
	case r.State == models.CanceledRun:
		return models.NewText("console_sync.run_canceled", nil)
	case r.State == models.Interrupted, r.State == models.Failed:
		return models.NewText("console_sync.run_failed", nil)
	case r.Mode == models.VerifyRun && found != nil && found.Total() > 0:
		return models.NewText("console_sync.run_differs", models.Params{"count": found.Total()})
	case r.Mode == models.VerifyRun:
		return models.NewText("console_sync.run_in_sync", nil)
	case r.Mode == models.DryRun && changes == 0 && !wroteAny(tables): // the kept changes of an old one are gone
		return models.NewText("console_sync.run_nothing_to_do", nil)
	case r.Mode == models.DryRun:
		return models.NewText("console_sync.run_previewed", counted)
	default:
		return models.NewText("console_sync.run_succeeded", counted)
	}
}

func wroteAny(tables []models.TableCount) bool {
	for _, t := range tables {
		if t.Wrote() {
			return true
		}
	}
	return false
}

// countsOf says what was done to the rows of all tables.
func countsOf(tables []models.TableCount) []any {
	var sum models.TableCount
	for _, t := range tables {
		sum.Inserted, sum.Updated, sum.Deleted, sum.Released = sum.Inserted+t.Inserted, sum.Updated+t.Updated, sum.Deleted+t.Deleted, sum.Released+t.Released
		sum.Quarantined += t.Quarantined
	}
	var parts []any
	add := func(code string, n int64) {
		if n > 0 {
			parts = append(parts, models.NewText(code, models.Params{"count": n}))
		}
	}
	add("console_sync.rows_inserted", sum.Inserted)
	add("console_sync.rows_updated", sum.Updated)
	add("console_sync.rows_deleted", sum.Deleted)
	add("console_sync.rows_released", sum.Released)
	if parts == nil {
		parts = []any{models.NewText("console_sync.no_changes", nil)}
	}
	add("console_sync.rows_held_back", sum.Quarantined)
	return parts
}

// followerText says what real time does.
func followerText(state string) models.Text {
	return models.NewText("console_sync.realtime_"+state, nil)
}
