package models

// ImportPreview is the preview of a spreadsheet import, which its owner can apply once.
type ImportPreview struct {
	Digest    string   `gorm:"column:digest;primaryKey"`
	OwnerID   string   `gorm:"column:owner_id;primaryKey"` // subject of the caller
	Changes   string   `gorm:"column:changes"`             // JSON: the rows of the file that change something
	CreatedAt *Instant `gorm:"column:created_at;autoCreateTime:false"`
	WriteID   *string  `gorm:"column:write_id"` // of the write that applies it; without effect once that write is deleted
}

// TableName is the table in pmo_db.
func (ImportPreview) TableName() string { return "lifecycle_import_previews" }
