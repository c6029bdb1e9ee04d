package models

import (
	"slices"
	"time"
)

// Write is an outbox entry: an API write as recorded in pmo_db, so that a crash between the two databases can be resolved and
// a repeated request gets the first response.
type Write struct {
	ID                string    `gorm:"column:id;primaryKey"`
	Caller            *string   `gorm:"column:caller"` // with Route and Key, or none of them
	Route             *string   `gorm:"column:route"`
	Key               *string   `gorm:"column:idempotency_key"`
	Fingerprint       *string   `gorm:"column:fingerprint"` // hash of the request
	State             string    `gorm:"column:state"`
	LeasedUntil       time.Time `gorm:"column:leased_until"`
	SourceTransaction `gorm:"embedded"`
	ETag              *string   `gorm:"column:etag"`
	Body              JSON      `gorm:"column:body"` // data of the response
	CreatedAt         time.Time `gorm:"column:created_at"`
}

// TableName is the table in pmo_db.
func (Write) TableName() string { return "lifecycle_writes" }

// The states of a write. Claimed: in progress. Pending: its response is known, its outcome in lifecycle_db is not.
const (
	WriteClaimed = "claimed"
	WritePending = "intended"
	WriteDone    = "done"
)

// SourceTransaction identifies a transaction in lifecycle_db, so that its outcome can be looked up: by its id or, without
// one, by the row that it wrote.
type SourceTransaction struct {
	XID    *int64     `gorm:"column:source_xid"` // nil on SQLite
	Table  *string    `gorm:"column:source_table"`
	RowID  *int64     `gorm:"column:source_id"`
	Stamp  *time.Time `gorm:"column:source_stamp"`  // the value of updated_at that the write set
	Action *string    `gorm:"column:source_action"` // insert, update or delete
}

// RowVersions are the row versions in which a write may happen; nil means any version. A row version is opaque.
type RowVersions []string

// Allow reports whether the row's current version permits the write.
func (v RowVersions) Allow(current string) bool { return v == nil || slices.Contains(v, current) }
