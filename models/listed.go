package models

// ListedProduct is a product with the names of what it belongs to, as the API and the React app name them. Values
// that RFC 3339 or UTF-8 cannot express are null.
type ListedProduct struct {
	Product

	Segment          *string `gorm:"column:segmen" json:"segmen"`
	Stage            *string `gorm:"column:stage" json:"stage"`
	Category         *string `gorm:"column:kategori" json:"kategori"`
	AttachmentsCount int64   `gorm:"-" json:"attachments_count"`
}

// ListedTransition is an entry of the stage history with the names of product and stages.
type ListedTransition struct {
	ID                int64    `gorm:"column:id" json:"id"`
	ProductID         int64    `gorm:"column:id_produk" json:"id_produk"`
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
