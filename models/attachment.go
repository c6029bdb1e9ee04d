package models

import "time"

// The states of an attachment. Pending: its write may not commit. Removing: still listed until its write commits.
const (
	AttachmentPending  = "pending"
	AttachmentStored   = "stored"
	AttachmentRemoving = "removing"
)

// Attachment is a file of a product. Its content is stored under ObjectKey.
type Attachment struct {
	ID        int64     `gorm:"column:id;primaryKey"`
	ProductID int64     `gorm:"column:id_produk"`
	Name      string    `gorm:"column:nama_file"`
	Type      string    `gorm:"column:tipe_file"`   // media type
	Size      int64     `gorm:"column:ukuran_file"` // bytes
	SHA256    string    `gorm:"column:sha256"`      // in hexadecimal
	ObjectKey string    `gorm:"column:object_key"`
	State     string    `gorm:"column:state"`
	WriteID   *string   `gorm:"column:write_id"` // unless stored
	CreatedAt time.Time `gorm:"column:created_at"`
}

// TableName is the table in pmo_db.
func (Attachment) TableName() string { return "lifecycle_attachments" }

// Listed returns the attachment as the API shows it.
func (a Attachment) Listed() ListedAttachment {
	return ListedAttachment{ID: a.ID, ProductID: a.ProductID, Name: a.Name, Type: a.Type, Size: a.Size, SHA256: a.SHA256, CreatedAt: InstantOf(a.CreatedAt)}
}

// ListedAttachment is a file of a product under the names that the React app reads.
type ListedAttachment struct {
	ID        int64   `gorm:"column:id" json:"id"`
	ProductID int64   `gorm:"column:id_produk" json:"id_produk"`
	Name      string  `gorm:"column:nama_file" json:"nama_file"`
	Path      string  `gorm:"-" json:"path_file"`                    // the API's download path
	Type      string  `gorm:"column:tipe_file" json:"tipe_file"`     // media type
	Size      int64   `gorm:"column:ukuran_file" json:"ukuran_file"` // bytes
	SHA256    string  `gorm:"column:sha256" json:"sha256"`           // in hexadecimal
	CreatedAt Instant `gorm:"column:created_at" json:"created_at"`
}

// Upload is a file received with a request. Its content is stored under Key and is not yet attached to a product.
type Upload struct {
	Key    string // of the stored content
	Name   string // the client's name of the file, without folders
	Type   string // media type, by name and content
	Size   int64  // bytes
	SHA256 string // of the content, in hexadecimal
}
