// Package alerts tells people, through a webhook, when something begins to be wrong and when it is over.
// What is wrong is found in pmo_db, not remembered: the processes of one pmo_db, and one that starts anew,
// come to the same alerts with the same ids.
package alerts

import "time"

// Event is what an alert is about.
type Event string

// The events. Of each, one condition holds at a time.
const (
	Failed     Event = "failed"      // runs fail
	MassDelete Event = "mass_delete" // the guard stops runs
	Stale      Event = "stale"       // the last success is too long ago
	Drift      Event = "drift"       // somebody else changed the mirror
	Quarantine Event = "quarantine"  // it has grown
	Lag        Event = "lag"         // real time is behind
)

// Events lists them all, in the order in which alerts are sent.
func Events() []Event { return []Event{Failed, MassDelete, Stale, Drift, Quarantine, Lag} }

// State says whether the condition has begun or ended.
type State string

// The states.
const (
	Firing   State = "firing"
	Resolved State = "resolved"
)

// Alert is the body of a request to the webhook. Whoever gets an ID for the second time has that alert
// already.
type Alert struct {
	Event   Event          `json:"event"`
	State   State          `json:"state"`
	At      time.Time      `json:"at"`
	Message string         `json:"message"` // one sentence
	Remedy  string         `json:"remedy"`  // what to do; empty when it is over
	Run     *int64         `json:"run"`     // the run that showed it, nil when none did
	Details map[string]any `json:"details"`
	ID      string         `json:"id"`
}
