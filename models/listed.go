package models

// ListedProduct is a product with the names of what it belongs to, under the names that the React app
// reads. Values that RFC 3339 or UTF-8 cannot say are null.
type ListedProduct struct {
	ID               int64    `gorm:"column:id" json:"id"`
	Name             *string  `gorm:"column:produk" json:"produk"`
	Description      *string  `gorm:"column:deskripsi" json:"deskripsi"`
	CategoryID       *int64   `gorm:"column:id_kategori" json:"id_kategori"`
	SegmentID        *int64   `gorm:"column:id_segmen" json:"id_segmen"`
	StageID          *int64   `gorm:"column:id_stage" json:"id_stage"`
	Price            *int64   `gorm:"column:harga" json:"harga"`
	LaunchDate       *Date    `gorm:"column:tanggal_launch" json:"tanggal_launch"`
	Customer         *string  `gorm:"column:pelanggan" json:"pelanggan"`
	CreatedAt        *Instant `gorm:"column:created_at" json:"created_at"`
	UpdatedAt        *Instant `gorm:"column:updated_at" json:"updated_at"`
	StageStart       *Date    `gorm:"column:tanggal_stage_start" json:"tanggal_stage_start"`
	StageEnd         *Date    `gorm:"column:tanggal_stage_end" json:"tanggal_stage_end"`
	Segment          *string  `gorm:"column:segmen" json:"segmen"`
	Stage            *string  `gorm:"column:stage" json:"stage"`
	Category         *string  `gorm:"column:kategori" json:"kategori"`
	AttachmentsCount int64    `gorm:"-" json:"attachments_count"`
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
