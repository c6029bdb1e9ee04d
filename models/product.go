package models

// Product is a row of tbl_produk and of its mirror. Price is whole rupiah. The engine, the API and the exports follow the
// order of its fields. A new column needs a field here and, if people can edit it, an entry in ProductFields.
type Product struct {
	ID          int64    `gorm:"column:id;type:integer;primaryKey;autoIncrement:false" json:"id"`
	Name        *string  `gorm:"column:produk;type:varchar(255)" json:"produk"`
	Description *string  `gorm:"column:deskripsi;type:text" json:"deskripsi"`
	CategoryID  *int64   `gorm:"column:id_kategori;type:integer" mirror:"references:tbl_kategori" json:"id_kategori"`
	SegmentID   *int64   `gorm:"column:id_segmen;type:integer" mirror:"references:tbl_segmen" json:"id_segmen"`
	StageID     *int64   `gorm:"column:id_stage;type:integer" mirror:"references:tbl_stage" json:"id_stage"`
	Price       *int64   `gorm:"column:harga;type:bigint" json:"harga"`
	LaunchDate  *Date    `gorm:"column:tanggal_launch;type:date" json:"tanggal_launch"`
	Customer    *string  `gorm:"column:pelanggan;type:varchar(255)" json:"pelanggan"`
	CreatedAt   *Instant `gorm:"column:created_at;type:timestamptz;autoCreateTime:false" json:"created_at"`
	UpdatedAt   *Instant `gorm:"column:updated_at;type:timestamptz;autoUpdateTime:false" json:"updated_at"`
	StageStart  *Date    `gorm:"column:tanggal_stage_start;type:date" json:"tanggal_stage_start"`
	StageEnd    *Date    `gorm:"column:tanggal_stage_end;type:date" json:"tanggal_stage_end"`
}

// ListedProduct is a product with the names of its segment, stage and category, as the API shows it. Values that RFC 3339 or
// UTF-8 cannot express are null.
type ListedProduct struct {
	Product

	Segment          *string `gorm:"column:segmen" json:"segmen"`
	Stage            *string `gorm:"column:stage" json:"stage"`
	Category         *string `gorm:"column:kategori" json:"kategori"`
	AttachmentsCount int64   `gorm:"-" json:"attachments_count"`
	Version          string  `gorm:"-" json:"version"` // of the product's row
}
