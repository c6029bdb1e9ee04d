package models

import "time"

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
