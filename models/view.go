package models

import "strings"

// View is a saved view of the product list.
type View struct {
	ID        int64    `gorm:"column:id;primaryKey" json:"id"`
	Name      string   `gorm:"column:name" json:"name"`
	Query     string   `gorm:"column:query" json:"query"`                     // of the product list: its filters and sort order
	Columns   []string `gorm:"column:columns;serializer:json" json:"columns"` // of the table, in order; none: the usual ones
	Shared    bool     `gorm:"column:shared" json:"shared"`                   // everyone sees it
	OwnerID   string   `gorm:"column:owner_id" json:"-"`                      // subject of the caller who created it
	OwnerName string   `gorm:"column:owner_name" json:"owner"`
	CreatedAt *Instant `gorm:"column:created_at;autoCreateTime:false" json:"created_at"` // nil for a built-in view
	UpdatedAt *Instant `gorm:"column:updated_at;autoUpdateTime:false" json:"updated_at"`
}

// TableName is the table in pmo_db.
func (View) TableName() string { return "lifecycle_views" }

// ViewColumns lists the columns that a view may show, in their usual order. The names of segment, stage and category stand
// for their ids.
func ViewColumns() []string {
	columns := []string{"id"}
	for _, f := range ProductFields() {
		columns = append(columns, f.ViewColumn())
	}
	return append(columns, "created_at", "updated_at", "attachments_count")
}

// ViewColumn is the field's name among ViewColumns.
func (f ProductField) ViewColumn() string {
	if f.Kind == FieldSelect {
		return strings.TrimPrefix(f.Column, "id_")
	}
	return f.Column
}
