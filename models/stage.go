package models

import "time"

// Stage is a row of tbl_stage and of its mirror: Introduction, Growth, Maturity or Decline, in the
// order of their ids. The source lets the name be NULL.
type Stage struct {
	ID        int64      `gorm:"column:id;type:integer;primaryKey;autoIncrement:false" json:"id"`
	Name      *string    `gorm:"column:stage;type:varchar" json:"stage"`
	CreatedAt *time.Time `gorm:"column:created_at;type:timestamptz;autoCreateTime:false" json:"created_at"`
	UpdatedAt *time.Time `gorm:"column:updated_at;type:timestamptz;autoUpdateTime:false" json:"updated_at"`
	IconLight *string    `gorm:"column:icon_light;type:varchar" json:"icon_light"`
	IconDark  *string    `gorm:"column:icon_dark;type:varchar" json:"icon_dark"`
}
