package models

import (
	"encoding/json"
	"slices"
	"time"
)

// RunState is a run's state.
type RunState string

// The states of a run. Interrupted: its process died.
const (
	Running     RunState = "running"
	Succeeded   RunState = "succeeded"
	Failed      RunState = "failed"
	CanceledRun RunState = "canceled"
	Interrupted RunState = "interrupted"
)

// The modes of a run. A write run refreshes the rows of an API write; a real-time run covers an hour of real-time sync; a dry
// run and a verification change nothing.
const (
	FullRun        = "full"
	IncrementalRun = "incremental"
	WriteRun       = "write"
	RealtimeRun    = "realtime"
	DryRun         = "dry-run"
	VerifyRun      = "verify"
)

// Run is one run of the sync, stored in pmo_db. Horizon is the source snapshot's pg_snapshot_xmin as a 64-bit transaction id,
// nil on SQLite; MirrorXID is the run's own transaction in pmo_db.
type Run struct { //nolint:recvcheck // TableName and the readers work on values too
	ID         int64      `gorm:"column:id;primaryKey" json:"run"`
	Mode       string     `gorm:"column:mode" json:"mode"`
	State      RunState   `gorm:"column:state" json:"state"`
	Reasons    Texts      `gorm:"column:reasons;serializer:json" json:"-"` // for the run and its mode
	StartedAt  time.Time  `gorm:"column:started_at" json:"started_at"`
	FinishedAt *time.Time `gorm:"column:finished_at" json:"finished_at"`
	Horizon    *int64     `gorm:"column:horizon" json:"-"`
	MirrorXID  *int64     `gorm:"column:mirror_xid" json:"-"`
	Attempts   int        `gorm:"column:attempts;default:1" json:"-"` // including retries of transient errors
	ErrorClass *string    `gorm:"column:error_class" json:"-"`
	Failure    *Failure   `gorm:"column:error;serializer:json" json:"-"`
	// CancelRequested asks the run's process to cancel it.
	CancelRequested bool `gorm:"column:cancel_requested" json:"-"`
	// Differences counts what a verification found, by cause.
	Differences JSON `gorm:"column:differences" json:"-"`
	// Digest identifies the changes that the run found.
	Digest *string `gorm:"column:digest" json:"-"`
	// The numbers of changes that a dry run stored in the change log and found; nil if it stored all.
	ChangesKept  *int64 `gorm:"column:changes_kept" json:"-"`
	ChangesFound *int64 `gorm:"column:changes_found" json:"-"`
	// Actor started the run; empty for runs of earlier releases and for those that refresh the rows of API writes.
	Actor Actor `gorm:"embedded;embeddedPrefix:actor_" json:"-"`
	// AllowedDeletes is the number of deletes with which the actor passed the mass-delete guard.
	AllowedDeletes *int64 `gorm:"column:allowed_deletes" json:"-"`
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

// Err returns the error that ended the run, nil if there is none.
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

// ReasonTexts returns the run's reasons and, if the change log has only part of a dry run's changes, a text about that.
func (r Run) ReasonTexts() Texts {
	if r.ChangesKept == nil || r.ChangesFound == nil {
		return r.Reasons
	}
	return append(slices.Clone(r.Reasons), NewText("reason.changes_kept", Params{"kept": *r.ChangesKept, "found": *r.ChangesFound}))
}

// Failure is the stored error of a run.
type Failure struct {
	Text     Text      `json:"text"`
	Remedy   *Remedy   `json:"remedy,omitempty"`
	Problems []Problem `json:"problems,omitempty"`
}

// Differences counts rows that differed, by cause.
type Differences struct {
	Behind  int64 `json:"behind"`
	Drift   int64 `json:"drift"`
	Unknown int64 `json:"unknown"`
}

// Total returns the number of rows that differed.
func (d Differences) Total() int64 { return d.Behind + d.Drift + d.Unknown }

// Found returns the differences that the run found, nil if it did not compare.
func (r Run) Found() *Differences {
	var found Differences
	if r.Differences == nil || json.Unmarshal(r.Differences, &found) != nil {
		return nil
	}
	return &found
}

// Drift returns the number of mirror rows that another application changed, 0 if the run did not compare.
func (r Run) Drift() int64 {
	if found := r.Found(); found != nil {
		return found.Drift
	}
	return 0
}

// FailedRun returns a run that failed with an error.
func FailedRun(mode string, started, ended time.Time, err error) Run {
	run := Run{Mode: mode, StartedAt: started, FinishedAt: &ended}
	run.Fail(err)
	run.State = Failed
	return run
}

// TableName is the table in pmo_db.
func (Run) TableName() string { return "lifecycle_sync_runs" }

// TableCount counts what a run did to one table. Quarantined is the number of its rows in quarantine after the run.
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

// Mirrored returns the number of rows in the table after the run.
func (c TableCount) Mirrored() int64 { return c.Inserted + c.Updated + c.Unchanged + c.Released }

// Wrote reports whether the run changed any mirrored row of the table.
func (c TableCount) Wrote() bool { return c.Inserted+c.Updated+c.Deleted+c.Released > 0 }

// LoggedChange is a change of one row: the changed columns before and after an update, the whole row before it was deleted or
// quarantined, or the whole row that was inserted or released.
type LoggedChange struct {
	ID         int64  `gorm:"column:id;->"`
	RunID      int64  `gorm:"column:run_id"`
	Table      string `gorm:"column:table_name"`
	RowID      int64  `gorm:"column:row_id"`
	ProductID  *int64 `gorm:"column:product_id"`
	Action     string `gorm:"column:action"`
	Before     JSON   `gorm:"column:before"`
	After      JSON   `gorm:"column:after"`
	SourceXID  *int64 `gorm:"column:source_xid"`  // the transaction of lifecycle_db that wrote the row, 32 bits
	ActivityID *int64 `gorm:"column:activity_id"` // that made the change through this program; nil for one made directly in lifecycle_db
}

// TableName is the table in pmo_db.
func (LoggedChange) TableName() string { return "lifecycle_sync_changes" }

// RowChange is a change of a row with data of the run that made it.
type RowChange struct {
	LoggedChange

	Mode      string  `gorm:"column:mode"`
	StartedAt Instant `gorm:"column:started_at"`
}

// Watermark says up to where the mirror has the commits of lifecycle_db. It commits together with the rows: whatever the
// mirror lacks was committed at or after Horizon. On SQLite only RunID and CurrentAt are known.
type Watermark struct {
	ID        int    `gorm:"column:id;primaryKey"` // always 1
	RunID     int64  `gorm:"column:run_id"`        // the run that set it
	Horizon   *int64 `gorm:"column:horizon"`       // the source snapshot's pg_snapshot_xmin, 64 bits
	MirrorXID *int64 `gorm:"column:mirror_xid"`    // the transaction in pmo_db that wrote last
	Source    JSON   `gorm:"column:source"`        // the identity of the server and tables that Horizon applies to
	LSN       *int64 `gorm:"column:lsn"`           // the source's WAL position of real-time sync, nil if it never ran
	// The times of the last snapshot, and of the last one by real-time sync; by pmo_db's clock.
	CurrentAt  time.Time  `gorm:"column:current_at"`
	FollowedAt *time.Time `gorm:"column:followed_at"`
}

// TableName is the table in pmo_db.
func (Watermark) TableName() string { return "lifecycle_sync_watermark" }
