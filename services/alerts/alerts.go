// Package alerts reports to a webhook when a problem begins and when it ends. Problems are found in pmo_db, not
// remembered: every process, also after a restart, finds the same alerts with the same ids.
package alerts

import (
	"context"
	"fmt"
	"maps"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo/journal"
)

// Event is what an alert is about.
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
// reported again.
func report(reported, holding map[Event]condition, f Facts) (alerts []Alert, now map[Event]condition) {
	now = map[Event]condition{}
	maps.Copy(now, reported)
	for _, event := range Events() {
		before, wasReported := reported[event]
		after, holds := holding[event]
		switch {
		case holds && (!wasReported || event == Quarantine && after.key != before.key):
			now[event] = after
			alerts = append(alerts, Alert{Problem: after.Problem, Event: event, State: Firing, At: f.At.UTC(), Run: after.run, Details: after.details, ID: after.id(event, Firing)})
		case wasReported && !holds:
			delete(now, event)
			text, run := resolution(event, f)
			alerts = append(alerts, Alert{
				Problem: models.Problem{Text: text}, Event: event, State: Resolved, At: f.At.UTC(), Run: run, Details: map[string]any{}, ID: before.id(event, Resolved),
			})
		}
	}
	return alerts, now
}

// resolution returns how a condition ended and the run that showed it.
func resolution(event Event, f Facts) (text models.Text, run *int64) {
	sizes, compared, success := f.Evidence.Quarantine, f.Evidence.Compared, f.Evidence.LastSuccess
	switch {
	case event == Quarantine && len(sizes) > 0:
		last := sizes[len(sizes)-1]
		return models.NewText("alert.quarantine_shrunk", models.Params{"count": last.Rows}), &last.RunID
	case event == Drift && compared != nil:
		return models.NewText("alert.no_drift", models.Params{"run": compared.ID, "mode": compared.Mode}), &compared.ID
	case event == Lag && f.Evidence.Lag != nil:
		return models.NewText("alert.caught_up", models.Params{"lag": *f.Evidence.Lag}), nil
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
// run and did not hold without it. run is nil if it did not start; err is how it ended. The returned error says that pmo_db
// could not be read; the alerts that need no database are returned nevertheless.
func AfterRun(ctx context.Context, runs Runs, run *models.Run, err error, at time.Time, limits Limits) ([]Alert, error) {
	facts := Facts{At: at, Unrecorded: failedRun(run, err, at)}
	var before map[Event]condition
	var unread error
	if run != nil {
		var without journal.Evidence
		if without, unread = runs.Evidence(ctx, run.ID); unread == nil {
			facts.Evidence, unread = runs.Evidence(ctx, run.ID+1)
		}
		if unread == nil {
			before = conditions(Facts{At: at, Evidence: without}, limits)
		} else {
			facts.Evidence = journal.Evidence{}
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
