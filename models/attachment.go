package models

import "time"

// The states of an attachment. One that is Pending belongs to a write that may not commit; one that is
// Removing still counts as there.
const (
	AttachmentPending  = "pending"
	AttachmentStored   = "stored"
	AttachmentRemoving = "removing"
)

// Attachment is a file of a product. Its content is kept under ObjectKey.
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

// Listed is the attachment as the API shows it.
func (a Attachment) Listed() ListedAttachment {
	return ListedAttachment{ID: a.ID, ProductID: a.ProductID, Name: a.Name, Type: a.Type, Size: a.Size, SHA256: a.SHA256, CreatedAt: InstantOf(a.CreatedAt)}
}
