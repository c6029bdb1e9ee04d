package sync

import (
	"cmp"
	"slices"
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
	name, known := map[models.Class]string{
		models.Connection: "connection", models.Timeout: "timeout", models.Permission: "permission", models.Schema: "schema", models.DataType: "value",
		models.Constraint: "value", models.Config: "configuration", models.Busy: "busy", models.MassDelete: "mass_delete", models.Conflict: "conflict",
		models.Canceled: "canceled", models.Internal: "internal",
	}[class]
	if !known {
		return models.NewText(models.LegacyText, models.Params{"text": string(class)})
	}
	return models.NewText("console_sync.class_"+name, nil)
}

// modeName is the name of a mode.
func modeName(mode string) models.Text {
	return models.NewText("console_sync.mode_"+strings.ReplaceAll(mode, "-", "_"), nil)
}

// outcomeOf says how a run is doing or ended. A run that was refused because of its digest has done nothing wrong.
func outcomeOf(r models.Run) string {
	found := r.Found()
	switch {
	case r.State == models.Running && r.CancelRequested:
		return "stopping"
	case r.State == models.Running:
		return "running"
	case r.State == models.CanceledRun:
		return "canceled"
	case r.State == models.Interrupted:
		return "interrupted"
	case refused(r):
		return "refused"
	case classOf(r) == models.MassDelete:
		return "guarded"
	case r.State == models.Failed:
		return "failed"
	case r.Mode == models.VerifyRun && found != nil && found.Total() > 0:
		return "differs"
	case r.Mode == models.VerifyRun:
		return "in_sync"
	case r.Mode == models.DryRun:
		return "done"
	default:
		return "succeeded"
	}
}

// runBadge is the outcome of a run in a word.
func runBadge(r models.Run) badge {
	outcome := outcomeOf(r)
	tone := map[string]string{
		"stopping": "warn", "running": "accent", "canceled": "warn", "interrupted": "bad", "refused": "warn", "guarded": "bad", "failed": "bad", "differs": "warn",
	}[outcome]
	return badge{models.NewText("console_sync.state_"+outcome, nil), cmp.Or(tone, "good")}
}

// runSummary is the outcome of a run in a sentence. changes is how many it made or would make, as far as they are kept.
func runSummary(r models.Run, tables []models.TableCount, changes int64) models.Text {
	counted := models.Params{"counts": countsOf(tables)}
	switch outcome := outcomeOf(r); outcome {
	case "interrupted", "guarded":
		return models.NewText("console_sync.run_failed", nil)
	case "differs":
		return models.NewText("console_sync.run_differs", models.Params{"count": r.Found().Total()})
	case "done":
		if changes == 0 && !slices.ContainsFunc(tables, models.TableCount.Wrote) { // the kept changes of an old one are gone
			return models.NewText("console_sync.run_nothing_to_do", nil)
		}
		return models.NewText("console_sync.run_previewed", counted)
	default:
		return models.NewText("console_sync.run_"+outcome, counted)
	}
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
