package models

import "time"

// Segment is a row of tbl_segmen and of its mirror tbl_segmen_lifecycle: a market segment.
type Segment struct {
	ID        int64      `gorm:"column:id;type:integer;primaryKey;autoIncrement:false" json:"id"`
	Name      *string    `gorm:"column:segmen;type:varchar;not null" json:"segmen"`
	CreatedAt *time.Time `gorm:"column:created_at;type:timestamptz;autoCreateTime:false" json:"created_at"`
	UpdatedAt *time.Time `gorm:"column:updated_at;type:timestamptz;autoUpdateTime:false" json:"updated_at"`
	IconLight *string    `gorm:"column:icon_light;type:varchar" json:"icon_light"`
	IconDark  *string    `gorm:"column:icon_dark;type:varchar" json:"icon_dark"`
}
