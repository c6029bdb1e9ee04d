package models

import "time"

// StageHistory is a row of tbl_stage_histori and of its mirror: a product's move from one stage to another, with the
// metrics measured at that time.
type StageHistory struct {
	ID              int64    `gorm:"column:id;type:integer;primaryKey;autoIncrement:false" json:"id"`
	ProductID       *int64   `gorm:"column:id_produk;type:integer;not null" mirror:"references:tbl_produk" json:"id_produk"`
	PreviousStageID *int64   `gorm:"column:stage_previous;type:integer" mirror:"references:tbl_stage" json:"stage_previous"`
	StageID         *int64   `gorm:"column:stage_now;type:integer" mirror:"references:tbl_stage" json:"stage_now"`
	Notes           *string  `gorm:"column:catatan;type:text" json:"catatan"`
	CreatedAt       *Instant `gorm:"column:created_at;type:timestamptz;autoCreateTime:false" json:"created_at"`
	UpdatedAt       *Instant `gorm:"column:updated_at;type:timestamptz;autoUpdateTime:false" json:"updated_at"`
	ChangedAt       *Instant `gorm:"column:tanggal_perubahan;type:timestamptz" json:"tanggal_perubahan"`
	Metrics         JSON     `gorm:"column:performance_metrics;type:jsonb" json:"performance_metrics"`
}

// LatestMove returns the latest time of a move that counts at a time: a client's clock may be a little ahead of the database's,
// but other applications also date records far in the future.
func LatestMove(now time.Time) time.Time { return now.Add(time.Minute) }

// MoveTime returns the time of a move that happens now: now, or just after the newest move, which may be nil, if a client's clock
// was ahead.
func MoveTime(newest *StageHistory, now time.Time) time.Time {
	if newest == nil || newest.ChangedAt.Time().Before(now) {
		return now
	}
	return newest.ChangedAt.Time().Add(time.Microsecond)
}

// ListedRecord is a stage history record with the names of product and stages, in the order of the API's keys.
type ListedRecord struct {
	ID                int64    `gorm:"column:id" json:"id"`
	ProductID         *int64   `gorm:"column:id_produk" json:"id_produk"`
	Product           *string  `gorm:"column:produk" json:"produk"`
	PreviousStageID   *int64   `gorm:"column:stage_previous" json:"stage_previous"`
	StageID           *int64   `gorm:"column:stage_now" json:"stage_now"`
	PreviousStageName *string  `gorm:"column:stage_previous_name" json:"stage_previous_name"`
	StageName         *string  `gorm:"column:stage_now_name" json:"stage_now_name"`
	Notes             *string  `gorm:"column:catatan" json:"catatan"`
	ChangedAt         *Instant `gorm:"column:tanggal_perubahan" json:"tanggal_perubahan"`
	Metrics           JSON     `gorm:"column:performance_metrics" json:"performance_metrics"`
	CreatedAt         *Instant `gorm:"column:created_at" json:"created_at"`
	UpdatedAt         *Instant `gorm:"column:updated_at" json:"updated_at"`
}
