package models

// The states of an attachment. Pending: its write may not commit.
const (
	AttachmentPending = "pending"
	AttachmentStored  = "stored"
)

// ProductIdentity distinguishes products: lifecycle_db may reuse an id. A nil CreatedAt is NULL, which is a value of its own.
type ProductIdentity struct {
	ID        int64
	CreatedAt *Instant
}

// Equal reports whether both are the same product.
func (p ProductIdentity) Equal(other ProductIdentity) bool {
	if p.CreatedAt == nil || other.CreatedAt == nil {
		return p == other
	}
	return p.ID == other.ID && *p.CreatedAt == *other.CreatedAt
}

// Attachment is a file of a product, under the names that the React app reads. Its content is stored under ObjectKey. Both are
// kept for a while after the product was deleted, and shown again if the product returns.
type Attachment struct {
	ID               int64    `gorm:"column:id;primaryKey" json:"id"`
	ProductID        int64    `gorm:"column:id_produk" json:"id_produk"`
	ProductCreatedAt *Instant `gorm:"column:product_created_at" json:"-"`
	Name             string   `gorm:"column:nama_file" json:"nama_file"`
	Path             string   `gorm:"-" json:"path_file"`                    // as DownloadURL; on pages without a signature
	DownloadURL      string   `gorm:"-" json:"download_url"`                 // a signed link
	Type             string   `gorm:"column:tipe_file" json:"tipe_file"`     // media type
	Size             int64    `gorm:"column:ukuran_file" json:"ukuran_file"` // bytes
	SHA256           string   `gorm:"column:sha256" json:"sha256"`           // in hexadecimal
	CreatedAt        Instant  `gorm:"column:created_at;autoCreateTime:false" json:"created_at"`
	ObjectKey        string   `gorm:"column:object_key" json:"-"`
	State            string   `gorm:"column:state" json:"-"`
	WriteID          *string  `gorm:"column:write_id" json:"-"`   // unless stored
	ClosedAt         *Instant `gorm:"column:closed_at" json:"-"`  // since when its product does not exist
	RemovedAt        *Instant `gorm:"column:removed_at" json:"-"` // when a user deleted it
}

// TableName is the table in pmo_db.
func (Attachment) TableName() string { return "lifecycle_attachments" }

// Upload is a file received with a request. Its content is stored under Key and is not yet attached to a product.
type Upload struct {
	Key    string // of the stored content
	Name   string // the client's name of the file, without folders
	Type   string // media type, by name and content
	Size   int64  // bytes
	SHA256 string // of the content, in hexadecimal
}

// DownloadLink is a link to a file that works without a token until it expires.
type DownloadLink struct {
	ProductID, ID int64
	Expires       int64 // Unix time
	Signature     string
}

// ClosedAttachments counts attachments whose products do not exist.
type ClosedAttachments struct {
	Files, Bytes int64 // without those in Mismatched
	Mismatched   int64 // files whose id a mirrored product has, with another created_at: it reuses the id, or created_at was corrected
	Overdue      int64 // files of both kinds beyond the retention
}
