package models

import "time"

// Watermark is up to where the mirror holds what lifecycle_db has committed. It commits together with
// the rows: whatever the mirror lacks was committed at or after Horizon. On SQLite only RunID and
// CurrentAt are known.
type Watermark struct {
	ID        int    `gorm:"column:id;primaryKey"` // always 1
	RunID     int64  `gorm:"column:run_id"`        // the run that brought the mirror there
	Horizon   *int64 `gorm:"column:horizon"`       // the source snapshot's pg_snapshot_xmin, 64 bits
	MirrorXID *int64 `gorm:"column:mirror_xid"`    // the transaction in pmo_db that wrote last
	Source    JSON   `gorm:"column:source"`        // the server and tables that Horizon speaks of
	LSN       *int64 `gorm:"column:lsn"`           // up to where real time has come in the source's log, in bytes; nil: it never ran
	// When the snapshot was taken, and when real time took its last one; by pmo_db's clock.
	CurrentAt  time.Time  `gorm:"column:current_at"`
	FollowedAt *time.Time `gorm:"column:followed_at"`
}

// TableName is the table in pmo_db.
func (Watermark) TableName() string { return "lifecycle_sync_watermark" }
