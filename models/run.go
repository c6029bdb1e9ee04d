package models

import (
	"encoding/json"
	"time"
)

// RunState is how a run stands or ended.
type RunState string

// A run is Running until it ends in one of the others. Interrupted means that its process died.
const (
	Running     RunState = "running"
	Succeeded   RunState = "succeeded"
	Failed      RunState = "failed"
	CanceledRun RunState = "canceled"
	Interrupted RunState = "interrupted"
)

// The modes of a run. A write is what the API changed, brought to the mirror at once; a real-time run is an
// hour of what a follower has brought; a dry run and a verification change nothing.
const (
	FullRun        = "full"
	IncrementalRun = "incremental"
	WriteRun       = "write"
	RealtimeRun    = "realtime"
	DryRun         = "dry-run"
	VerifyRun      = "verify"
)

// Run is one synchronisation, kept in pmo_db. Horizon is the source snapshot's pg_snapshot_xmin as
// a 64-bit transaction id, nil on SQLite; MirrorXID is the run's own transaction in pmo_db.
type Run struct {
	ID           int64      `gorm:"column:id;primaryKey" json:"run"`
	Mode         string     `gorm:"column:mode" json:"mode"`
	State        RunState   `gorm:"column:state" json:"state"`
	Reason       *string    `gorm:"column:reason" json:"reason"`
	StartedAt    time.Time  `gorm:"column:started_at" json:"started_at"`
	FinishedAt   *time.Time `gorm:"column:finished_at" json:"finished_at"`
	Horizon      *int64     `gorm:"column:horizon" json:"-"`
	MirrorXID    *int64     `gorm:"column:mirror_xid" json:"-"`
	Attempts     int        `gorm:"column:attempts;default:1" json:"-"` // how often it was begun: what fails transiently is tried again
	ErrorClass   *string    `gorm:"column:error_class" json:"-"`
	ErrorMessage *string    `gorm:"column:error_message" json:"-"`
	ErrorRemedy  *string    `gorm:"column:error_remedy" json:"-"`
	// CancelRequested asks the process that makes the run to stop it.
	CancelRequested bool `gorm:"column:cancel_requested" json:"-"`
	// Differences are what a verification found, as counts by cause.
	Differences JSON `gorm:"column:differences" json:"-"`
	// Digest is of the changes that a dry run has found, or that a run was to make and nothing else; of one that
	// found others, of these.
	Digest *string `gorm:"column:digest" json:"-"`
}

// Differences are how many rows differed, by what is known of the cause.
type Differences struct {
	Behind  int64 `json:"behind"`
	Drift   int64 `json:"drift"`
	Unknown int64 `json:"unknown"`
}

// Total is how many rows differed.
func (d Differences) Total() int64 { return d.Behind + d.Drift + d.Unknown }

// Found is what the run found, nil when it did not look.
func (r Run) Found() *Differences {
	var found Differences
	if r.Differences == nil || json.Unmarshal(r.Differences, &found) != nil {
		return nil
	}
	return &found
}

// Drift is how many rows of the mirror the run found to have been changed by somebody else; 0 when it did
// not look.
func (r Run) Drift() int64 {
	if found := r.Found(); found != nil {
		return found.Drift
	}
	return 0
}

// FailedRun is a run that failed, and in what way.
func FailedRun(mode string, started, ended time.Time, err error) Run {
	e := AsError(err)
	class := string(e.Class)
	if !e.Text.IsZero() {
		e = &Error{LegacyMessage: e.Text.String()} // until runs store texts
		for _, problem := range AsError(err).Problems {
			e.LegacyMessage += "; " + problem.Text.String()
		}
	}
	return Run{Mode: mode, State: Failed, StartedAt: started, FinishedAt: &ended, ErrorClass: &class, ErrorMessage: &e.LegacyMessage, ErrorRemedy: &e.LegacyRemedy}
}

// TableName is the table in pmo_db.
func (Run) TableName() string { return "lifecycle_sync_runs" }

// TableCount says what a run did to one table. Quarantined is how many of its rows stand in
// quarantine after the run; the other figures count what the run did.
type TableCount struct {
	RunID       int64  `gorm:"column:run_id;primaryKey" json:"-"`
	Position    int    `gorm:"column:position" json:"-"`
	Table       string `gorm:"column:table_name;primaryKey" json:"table"`
	Inserted    int64  `gorm:"column:inserted" json:"inserted"`
	Updated     int64  `gorm:"column:updated" json:"updated"`
	Unchanged   int64  `gorm:"column:unchanged" json:"unchanged"`
	Deleted     int64  `gorm:"column:deleted" json:"deleted"`
	Quarantined int64  `gorm:"column:quarantined" json:"quarantined"`
	Released    int64  `gorm:"column:released" json:"released"`
}

// TableName is the table in pmo_db.
func (TableCount) TableName() string { return "lifecycle_sync_run_tables" }

// Mirrored is how many rows the table holds after the run.
func (c TableCount) Mirrored() int64 { return c.Inserted + c.Updated + c.Unchanged + c.Released }

// Wrote reports whether the run changed any mirrored row of the table.
func (c TableCount) Wrote() bool { return c.Inserted+c.Updated+c.Deleted+c.Released > 0 }

// LoggedChange is one overwritten or removed row: the changed columns before and after an update, or
// the whole row before it left, by deletion or into quarantine.
type LoggedChange struct {
	RunID  int64  `gorm:"column:run_id"`
	Table  string `gorm:"column:table_name"`
	RowID  int64  `gorm:"column:row_id"`
	Action string `gorm:"column:action"`
	Before JSON   `gorm:"column:before"`
	After  JSON   `gorm:"column:after"`
}

// TableName is the table in pmo_db.
func (LoggedChange) TableName() string { return "lifecycle_sync_changes" }

// Unfit is what stands after a change by which a row would go into quarantine: why, and the source's row.
type Unfit struct {
	Reason string `json:"reason"`
	Row    JSON   `json:"row"`
}

// JSON is how a LoggedChange holds it.
func (u Unfit) JSON() JSON {
	reason, err := json.Marshal(u.Reason)
	if err != nil {
		panic(err) // a text is always written
	}
	return JSON(`{"reason":` + string(reason) + `,"row":` + string(u.Row) + "}")
}

// Unfit is why the row would go into quarantine; false for any other change, and where it was not kept.
func (c LoggedChange) Unfit() (u Unfit, is bool) {
	is = c.Action == "quarantine" && json.Unmarshal(c.After, &u) == nil
	return u, is
}

// RowChange is a change that was made to a row, with what is known of the run that made it.
type RowChange struct {
	LoggedChange

	Mode      string  `gorm:"column:mode"`
	StartedAt Instant `gorm:"column:started_at"`
}

// Quarantined is a source row that cannot stand in the mirror, with the reason and the row itself.
type Quarantined struct {
	Table      string    `gorm:"column:table_name;primaryKey"`
	RowID      int64     `gorm:"column:row_id;primaryKey"`
	Reason     string    `gorm:"column:reason"`
	Payload    JSON      `gorm:"column:payload"`
	SourceHash int64     `gorm:"column:source_hash"`
	RunID      int64     `gorm:"column:run_id"`
	Since      time.Time `gorm:"column:since"`
}

// TableName is the table in pmo_db.
func (Quarantined) TableName() string { return "lifecycle_sync_quarantine" }
