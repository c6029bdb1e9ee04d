package models

import (
	"database/sql/driver"
	"encoding/json"
	"slices"
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
type Run struct { //nolint:recvcheck // TableName and the readers work on values too
	ID         int64      `gorm:"column:id;primaryKey" json:"run"`
	Mode       string     `gorm:"column:mode" json:"mode"`
	State      RunState   `gorm:"column:state" json:"state"`
	Reasons    Texts      `gorm:"column:reasons" json:"-"` // why the run is what it is
	StartedAt  time.Time  `gorm:"column:started_at" json:"started_at"`
	FinishedAt *time.Time `gorm:"column:finished_at" json:"finished_at"`
	Horizon    *int64     `gorm:"column:horizon" json:"-"`
	MirrorXID  *int64     `gorm:"column:mirror_xid" json:"-"`
	Attempts   int        `gorm:"column:attempts;default:1" json:"-"` // how often it was begun: what fails transiently is tried again
	ErrorClass *string    `gorm:"column:error_class" json:"-"`
	Failure    *Failure   `gorm:"column:error" json:"-"`
	// CancelRequested asks the process that makes the run to stop it.
	CancelRequested bool `gorm:"column:cancel_requested" json:"-"`
	// Differences are what a verification found, as counts by cause.
	Differences JSON `gorm:"column:differences" json:"-"`
	// Digest is of the changes that a dry run has found, or that a run was to make and nothing else; of one that
	// found others, of these.
	Digest *string `gorm:"column:digest" json:"-"`
	// Of a preview: how many changes it found, and how many of them the change log has. Nil if it has all.
	ChangesKept  *int64 `gorm:"column:changes_kept" json:"-"`
	ChangesFound *int64 `gorm:"column:changes_found" json:"-"`
}

// Fail records why the run failed or was canceled; err is not nil.
func (r *Run) Fail(err error) {
	e := AsError(err)
	class := string(e.Class)
	r.ErrorClass, r.Failure = &class, &Failure{Text: e.Text, Remedy: e.Remedy, Problems: e.Problems}
	r.State = Failed
	if e.Class == Canceled {
		r.State = CanceledRun
	}
}

// Err is the error that the run ended with, nil if there is none.
func (r Run) Err() *Error {
	if r.ErrorClass == nil {
		return nil
	}
	e := &Error{Class: Class(*r.ErrorClass)}
	if r.Failure != nil {
		e.Text, e.Remedy, e.Problems = r.Failure.Text, r.Failure.Remedy, r.Failure.Problems
	}
	return e
}

// ReasonTexts are the run's reasons, and whether the change log has only a part of a preview's changes.
func (r Run) ReasonTexts() Texts {
	if r.ChangesKept == nil || r.ChangesFound == nil {
		return r.Reasons
	}
	return append(slices.Clone(r.Reasons), NewText("reason.changes_kept", Params{"kept": *r.ChangesKept, "found": *r.ChangesFound}))
}

// Failure is an error as a run keeps it.
type Failure struct {
	Text     Text      `json:"text"`
	Remedy   *Remedy   `json:"remedy,omitempty"`
	Problems []Problem `json:"problems,omitempty"`
}

// Value stores the failure as JSON.
func (f Failure) Value() (driver.Value, error) { return storeJSON(f) }

// Scan reads a stored failure.
func (f *Failure) Scan(src any) error { return scanJSON(src, f) }

// GormDataType names the column type for GORM's schema.
func (Failure) GormDataType() string { return "json" }

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
	run := Run{Mode: mode, StartedAt: started, FinishedAt: &ended}
	run.Fail(err)
	run.State = Failed
	return run
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

// RowChange is a change that was made to a row, with what is known of the run that made it.
type RowChange struct {
	LoggedChange

	Mode      string  `gorm:"column:mode"`
	StartedAt Instant `gorm:"column:started_at"`
}
