package pmo

import (
	"context"

	"lifecycle-sync/models"
)

// AddPending records files that belong to a product once the write commits. Errors: connection.
func (s *Store) AddPending(ctx context.Context, writeID string, productID int64, files []models.Upload) error {
	for _, f := range files {
		err := s.gorm(ctx).Exec("INSERT INTO lifecycle_attachments (id_produk, nama_file, tipe_file, ukuran_file, sha256, object_key, state, write_id, created_at) "+
			"VALUES (?, ?, ?, ?, ?, ?, ?, ?, "+s.db.Clock(0)+")",
			productID, f.Name, f.Type, f.Size, f.SHA256, f.Key, models.AttachmentPending, writeID).Error
		if err != nil {
			return s.db.Translate(err)
		}
	}
	return nil
}

// MarkRemoving records that a product's files go once the write commits. Errors: connection.
func (s *Store) MarkRemoving(ctx context.Context, writeID string, productID int64) error {
	return s.db.Translate(s.gorm(ctx).Exec("UPDATE lifecycle_attachments SET state = ?, write_id = ? WHERE id_produk = ? AND state = ?",
		models.AttachmentRemoving, writeID, productID, models.AttachmentStored).Error)
}

// SettleAttachments ends what a write intended with files: they stay, or their rows go, and the keys of
// the contents that nothing refers to any more are returned. Errors: connection.
func (s *Store) SettleAttachments(ctx context.Context, writeID string, committed bool) (gone []string, err error) {
	stays, goes := models.AttachmentPending, models.AttachmentRemoving
	if !committed {
		stays, goes = goes, stays
	}
	err = s.gorm(ctx).Raw("DELETE FROM lifecycle_attachments WHERE write_id = ? AND state = ? RETURNING object_key", writeID, goes).Scan(&gone).Error
	if err == nil {
		err = s.gorm(ctx).Exec("UPDATE lifecycle_attachments SET state = ?, write_id = NULL WHERE write_id = ? AND state = ?",
			models.AttachmentStored, writeID, stays).Error
	}
	return gone, s.db.Translate(err)
}

// CountAttachments is how many files a product has. Errors: connection.
func (s *Store) CountAttachments(ctx context.Context, productID int64) (n int64, err error) {
	err = s.gorm(ctx).Table("lifecycle_attachments").Where("id_produk = ? AND state <> ?", productID, models.AttachmentPending).Count(&n).Error
	return n, s.db.Translate(err)
}
