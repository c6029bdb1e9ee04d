package models

// ListedAttachment is a file of a product under the names that the React app reads.
type ListedAttachment struct {
	ID        int64   `gorm:"column:id" json:"id"`
	ProductID int64   `gorm:"column:id_produk" json:"id_produk"`
	Name      string  `gorm:"column:nama_file" json:"nama_file"`
	Path      string  `gorm:"-" json:"path_file"`                    // where the API lets it be downloaded
	Type      string  `gorm:"column:tipe_file" json:"tipe_file"`     // media type
	Size      int64   `gorm:"column:ukuran_file" json:"ukuran_file"` // bytes
	SHA256    string  `gorm:"column:sha256" json:"sha256"`           // in hexadecimal
	CreatedAt Instant `gorm:"column:created_at" json:"created_at"`
}
