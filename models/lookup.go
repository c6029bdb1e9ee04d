package models

import "time"

// Segment is a row of tbl_segmen and of its mirror tbl_segmen_lifecycle: a market segment.
type Segment struct {
	ID   int64   `gorm:"column:id;type:integer;primaryKey;autoIncrement:false" json:"id"`
	Name *string `gorm:"column:segmen;type:varchar;not null" json:"segmen"`
	Details
}

// Stage is a row of tbl_stage and of its mirror: Introduction, Growth, Maturity or Decline, in the
// order of their ids. The source allows a NULL name.
type Stage struct {
	ID   int64   `gorm:"column:id;type:integer;primaryKey;autoIncrement:false" json:"id"`
	Name *string `gorm:"column:stage;type:varchar" json:"stage"`
	Details
}

// Category is a row of tbl_kategori and of its mirror. Without tbl_kategori in lifecycle_db, categories are the ids
// found on products.
type Category struct {
	ID   int64   `gorm:"column:id;type:integer;primaryKey;autoIncrement:false" json:"id"`
	Name *string `gorm:"column:kategori;type:varchar;not null" json:"kategori"`
	Details
}

// Details are the columns that Segment, Stage and Category share.
type Details struct {
	CreatedAt *time.Time `gorm:"column:created_at;type:timestamptz;autoCreateTime:false" json:"-"`
	UpdatedAt *time.Time `gorm:"column:updated_at;type:timestamptz;autoUpdateTime:false" json:"-"`
	IconLight *string    `gorm:"column:icon_light;type:varchar" json:"icon_light"`
	IconDark  *string    `gorm:"column:icon_dark;type:varchar" json:"icon_dark"`
}
