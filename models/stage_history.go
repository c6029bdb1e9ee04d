package models

import "time"

// StageHistory is a row of tbl_stage_histori and of its mirror: one transition of a product from
// one stage to another, with whatever metrics were measured at the time.
type StageHistory struct {
	ID              int64      `gorm:"column:id;type:integer;primaryKey;autoIncrement:false" json:"id"`
	ProductID       *int64     `gorm:"column:id_produk;type:integer;not null" mirror:"references:tbl_produk" json:"id_produk"`
	PreviousStageID *int64     `gorm:"column:stage_previous;type:integer" mirror:"references:tbl_stage" json:"stage_previous"`
	StageID         *int64     `gorm:"column:stage_now;type:integer" mirror:"references:tbl_stage" json:"stage_now"`
	Notes           *string    `gorm:"column:catatan;type:text" json:"catatan"`
	CreatedAt       *time.Time `gorm:"column:created_at;type:timestamptz;autoCreateTime:false" json:"created_at"`
	UpdatedAt       *time.Time `gorm:"column:updated_at;type:timestamptz;autoUpdateTime:false" json:"updated_at"`
	ChangedAt       *time.Time `gorm:"column:tanggal_perubahan;type:timestamptz" json:"tanggal_perubahan"`
	Metrics         JSON       `gorm:"column:performance_metrics;type:jsonb" json:"performance_metrics"`
}
