// Package alerts reports to a webhook when a problem begins and when it ends. Problems are found in pmo_db, not
// remembered: every process, also after a restart, finds the same alerts with the same ids.
package alerts

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo/journal"
)

// Event is the subject of an alert.
type Event string

// The events. At most one condition per event holds at a time.
const (
	Failed     Event = "failed"      // runs fail
	MassDelete Event = "mass_delete" // the mass-delete guard stops runs
	Stale      Event = "stale"       // the last success is too old
	Drift      Event = "drift"       // another application changed the mirror
	Quarantine Event = "quarantine"  // the quarantine has grown
	Lag        Event = "lag"         // real-time sync is behind
)

// Events lists all events in the order in which alerts are sent.
func Events() []Event { return []Event{Failed, MassDelete, Stale, Drift, Quarantine, Lag} }

// State says whether a condition began or ended.
type State string

// The states.
const (
	Firing   State = "firing"
	Resolved State = "resolved"
)

// Alert reports that a condition began or ended. Receivers recognize a repeated alert by its ID.
type Alert struct {
	models.Problem // the remedy is nil once resolved

	Event   Event
	State   State
	At      time.Time
	Run     *int64         // the run that showed it, nil if none did
	Details map[string]any // machine-readable facts, empty once resolved
	ID      string
}

// report returns the alerts for the difference between the reported conditions and those that hold now, and the
// conditions that are reported then. A lasting condition is reported once, except that a growing quarantine is
// reported again. Drift that a run both found and corrected is reported as firing and resolved at once.
func report(reported, holding map[Event]condition, f Facts) (alerts []Alert, now map[Event]condition) {
	now = map[Event]condition{}
	maps.Copy(now, reported)
	for _, event := range Events() {
		before, wasReported := reported[event]
		after, holds := holding[event]
		end := func(c condition) {
			text, run := resolution(event, f)
			alerts = append(alerts, Alert{
				Problem: models.Problem{Text: text}, Event: event, State: Resolved, At: f.At.UTC(), Run: run, Details: map[string]any{}, ID: c.id(event, Resolved),
			})
		}
		switch {
		case holds && (!wasReported || after.key != before.key && (before.corrected || event == Quarantine)):
			now[event] = after
			alerts = append(alerts, Alert{Problem: after.Problem, Event: event, State: Firing, At: f.At.UTC(), Run: after.run, Details: after.details, ID: after.id(event, Firing)})
			if after.corrected {
				end(after)
			}
		case wasReported && !before.corrected && (!holds || after.corrected):
			end(before)
			if now[event] = after; !holds {
				delete(now, event)
			}
		case !holds:
			delete(now, event)
		}
	}
	return alerts, now
}

// resolution returns how a condition ended and the run that showed it.
func resolution(event Event, f Facts) (text models.Text, run *int64) {
	sizes, comparisons, success := f.Health.Quarantine, f.Health.Comparisons, f.Health.LastSuccess
	switch {
	case event == Quarantine && len(sizes) > 0:
		last := sizes[len(sizes)-1]
		return models.NewText("alert.quarantine_shrunk", models.Params{"count": last.Rows}), &last.RunID
	case event == Drift && len(comparisons) > 0:
		last := comparisons[len(comparisons)-1]
		text = models.NewText("alert.no_drift", models.Params{"run": last.ID, "mode": last.Mode})
		if last.Drift() > 0 {
			text = models.NewText("alert.drift_corrected", models.Params{"run": last.ID, "mode": last.Mode})
		}
		return text, &last.ID
	case event == Lag && f.Health.Lag != nil:
		return models.NewText("alert.caught_up", models.Params{"lag": *f.Health.Lag}), nil
	case success != nil:
		return models.NewText("alert.run_succeeded", models.Params{"run": success.ID, "mode": success.Mode}), &success.ID
	default:
		return models.NewText("alert.runs_deleted", nil), nil
	}
}

// id is the same in every process.
func (c condition) id(event Event, state State) string {
	return fmt.Sprintf("%s-%s-%s", event, c.key, state)
}

// AfterRun returns the alerts of one run that has ended, for a process that ends with it: the conditions that hold with the
// run and did not hold without it. run is nil if it did not start; err is its error. The returned error says that pmo_db
// could not be read; the alerts that need no database are returned nevertheless.
func AfterRun(ctx context.Context, runs Runs, run *models.Run, err error, at time.Time, limits Limits) ([]Alert, error) {
	facts := Facts{At: at, Unrecorded: failedRun(run, err, at)}
	var before map[Event]condition
	var unread error
	if run != nil {
		var without journal.RunHealth
		if without, unread = runs.RunHealth(ctx, run.ID); unread == nil {
			facts.Health, unread = runs.RunHealth(ctx, run.ID+1)
		}
		if unread == nil {
			before = conditions(Facts{At: at, Health: without}, limits)
		} else {
			facts.Health = journal.RunHealth{}
		}
	}
	alerts, _ := report(before, conditions(facts, limits), facts)
	return alerts, unread
}

// failedRun returns a failed run that needs an alert: not one that was canceled or refused because of another. pmo_db has the
// runs that the mass-delete guard stopped.
func failedRun(run *models.Run, err error, at time.Time) *models.Run {
	e := models.AsError(err)
	if e == nil {
		return nil
	}
	switch e.Class {
	case models.Canceled, models.Busy, models.Unavailable, models.Conflict, models.MassDelete:
		return nil
	default:
	}
	if run != nil {
		return run
	}
	failed := models.FailedRun("", at, at, err)
	return &failed
}

// Limits are thresholds. A threshold of 0 is not checked.
type Limits struct {
	StaleAfter       time.Duration // age of the last success
	Lag              time.Duration // of real-time sync
	QuarantineGrowth int64         // rows
}

// Facts are the inputs of the alert conditions at one moment.
type Facts struct {
	At         time.Time
	Health     journal.RunHealth
	Unrecorded *models.Run // a failed run that may be missing in pmo_db; its ID is 0 if it did not start
}

// condition is a problem that lasts.
type condition struct {
	models.Problem

	key       string // when it began, or with which run: the same in every process
	run       *int64
	details   map[string]any
	corrected bool // it has ended already
}

// conditions finds what is wrong.
func conditions(f Facts, limits Limits) map[Event]condition {
	found := map[Event]condition{}
	if run := cmp.Or(f.Health.Failed, f.Unrecorded); run != nil {
		found[Failed] = runFailed(run)
	}
	if run := f.Health.Stopped; run != nil {
		found[MassDelete] = runFailed(run)
	}
	if last := f.Health.LastSuccess; last != nil && limits.StaleAfter > 0 && f.Health.Age > limits.StaleAfter {
		found[Stale] = stale(last, f.Health.Age, limits.StaleAfter)
	}
	if c := drift(f.Health.Comparisons); c != nil {
		found[Drift] = *c
	}
	if limits.QuarantineGrowth > 0 {
		if c := quarantineGrowth(f.Health.Quarantine, limits.QuarantineGrowth); c != nil {
			found[Quarantine] = *c
		}
	}
	if behind := f.Health.Lag; behind != nil && limits.Lag > 0 && *behind > limits.Lag {
		found[Lag] = lag(*f.Health.FollowedAt, *behind, limits.Lag)
	}
	return found
}

// runFailed is keyed by the first failed run: the condition lasts while later ones fail.
func runFailed(run *models.Run) condition {
	c := condition{key: runKey(run), details: map[string]any{"mode": run.Mode, "class": run.ErrorClass, "started_at": run.StartedAt.UTC()}}
	failure := cmp.Or(run.Err(), &models.Error{})
	why := any(failure.Text)
	if len(failure.Problems) > 0 {
		texts := models.Texts{failure.Text}
		for _, problem := range failure.Problems {
			texts = append(texts, problem.Text)
		}
		why = texts
	}
	c.Text, c.Remedy = models.NewText("alert.run_not_started", models.Params{"error": why}), failure.Remedy
	if run.ID != 0 {
		c.run, c.Text = &run.ID, models.NewText("alert.run_failed", models.Params{"run": run.ID, "mode": run.Mode, "error": why})
	}
	return c
}

func stale(last *models.Run, age, limit time.Duration) condition {
	return condition{key: runKey(last), run: &last.ID,
		Problem: models.Problem{Text: models.NewText("alert.stale", models.Params{"age": age}), Remedy: models.NewRemedy("alert.stale_remedy", nil)},
		details: map[string]any{"last_success_at": last.StartedAt.UTC(), "age_seconds": int64(age.Seconds()), "limit_seconds": int64(limit.Seconds())}}
}

// drift goes through comparisons, oldest first, and returns the drift that the last of them found, keyed by the first of those
// that found it. It returns nil if the last one found none. A full run corrects what it and verifications before it found: see
// runs.RemainingDifferences.
func drift(comparisons []models.Run) (found *condition) {
	for i := range comparisons {
		run := &comparisons[i]
		switch {
		case run.Drift() == 0:
			found = nil
			continue
		case found == nil || found.corrected:
			found = drifted(run)
		}
		found.corrected = run.Mode == models.FullRun
	}
	return found
}

func drifted(run *models.Run) *condition {
	remedy := models.NewRemedy("alert.drift_remedy", nil)
	if run.Mode != models.VerifyRun {
		remedy = models.NewRemedy("alert.drift_corrected_remedy", nil)
	}
	return &condition{key: runKey(run), run: &run.ID,
		Problem: models.Problem{Text: models.NewText("alert.drift", models.Params{"run": run.ID, "mode": run.Mode, "count": run.Drift()}), Remedy: remedy},
		details: map[string]any{"mode": run.Mode, "differences": run.Differences}}
}

// lag is keyed by the time at which real-time sync was last up to date.
func lag(followed time.Time, behind, limit time.Duration) condition {
	return condition{key: timeKey(followed),
		Problem: models.Problem{Text: models.NewText("alert.lag", models.Params{"lag": behind}), Remedy: models.NewRemedy("alert.lag_remedy", nil)},
		details: map[string]any{"followed_at": followed.UTC(), "lag_seconds": int64(behind.Seconds()), "limit_seconds": int64(limit.Seconds())}}
}

// quarantineGrowth goes through the sizes of the quarantine, oldest first, and finds the last growth by the limit: since
// the smallest size or since the previous growth. It returns nil once the size is below the limit again.
func quarantineGrowth(sizes []journal.QuarantineSize, limit int64) (grown *condition) {
	var start, base int64 // before it grew; from where the next growth counts
	for i, s := range sizes {
		switch {
		case i == 0:
			base = s.Rows
		case s.Rows >= base+limit:
			if grown == nil {
				start = base
			}
			grown = &condition{key: runKey(&models.Run{ID: s.RunID, StartedAt: s.StartedAt}), run: &s.RunID,
				Problem: models.Problem{Text: models.NewText("alert.quarantine_grown", models.Params{"before": base, "rows": s.Rows}),
					Remedy: models.NewCommand("alert.quarantine_grown_remedy", nil, "SELECT table_name, row_id, reason_code, reason_column FROM lifecycle_sync_quarantine")},
				details: map[string]any{"before": base, "rows": s.Rows, "limit": limit}}
			base = s.Rows
		case grown != nil && s.Rows < start+limit:
			grown, base = nil, s.Rows
		default:
			base = min(base, s.Rows)
		}
	}
	return grown
}

// runKey identifies a run across mirrors.
func runKey(run *models.Run) string { return fmt.Sprintf("%d-%s", run.ID, timeKey(run.StartedAt)) }

func timeKey(t time.Time) string { return t.UTC().Format("20060102T150405.000000Z") }
