package models

import "time"

// Category is a row of tbl_kategori and of its mirror. A lifecycle_db without tbl_kategori is
// supported: categories are then the ids that the products carry.
type Category struct {
	ID        int64      `gorm:"column:id;type:integer;primaryKey;autoIncrement:false" json:"id"`
	Name      *string    `gorm:"column:kategori;type:varchar;not null" json:"kategori"`
	CreatedAt *time.Time `gorm:"column:created_at;type:timestamptz;autoCreateTime:false" json:"created_at"`
	UpdatedAt *time.Time `gorm:"column:updated_at;type:timestamptz;autoUpdateTime:false" json:"updated_at"`
	IconLight *string    `gorm:"column:icon_light;type:varchar" json:"icon_light"`
	IconDark  *string    `gorm:"column:icon_dark;type:varchar" json:"icon_dark"`
}
