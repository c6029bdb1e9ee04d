package pmo

import (
	"cmp"
	"context"

	"gorm.io/gorm"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
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
// the contents that nothing refers to any more are returned, with the number of all files that were
// settled. Errors: connection.
func (s *Store) SettleAttachments(ctx context.Context, writeID string, committed bool) (gone []string, settled int64, err error) {
	stays, goes := models.AttachmentPending, models.AttachmentRemoving
	if !committed {
		stays, goes = goes, stays
	}
	err = s.gorm(ctx).Raw("DELETE FROM lifecycle_attachments WHERE write_id = ? AND state = ? RETURNING object_key", writeID, goes).Scan(&gone).Error
	if err != nil {
		return nil, 0, s.db.Translate(err)
	}
	kept := s.gorm(ctx).Exec("UPDATE lifecycle_attachments SET state = ?, write_id = NULL WHERE write_id = ? AND state = ?",
		models.AttachmentStored, writeID, stays)
	return gone, int64(len(gone)) + kept.RowsAffected, s.db.Translate(kept.Error)
}

// AddStored records files that belong to a product from now on, and returns their rows. Errors: connection.
func (s *Store) AddStored(ctx context.Context, productID int64, files []models.Upload) ([]models.ListedAttachment, error) {
	added := make([]models.ListedAttachment, len(files))
	for i, f := range files {
		err := s.gorm(ctx).Raw("INSERT INTO lifecycle_attachments (id_produk, nama_file, tipe_file, ukuran_file, sha256, object_key, state, created_at) "+
			"VALUES (?, ?, ?, ?, ?, ?, ?, "+s.db.Clock(0)+") RETURNING "+attachmentColumns,
			productID, f.Name, f.Type, f.Size, f.SHA256, f.Key, models.AttachmentStored).Scan(&added[i]).Error
		if err != nil {
			return nil, s.db.Translate(err)
		}
	}
	return added, nil
}

const attachmentColumns = "id, id_produk, nama_file, tipe_file, ukuran_file, sha256, created_at"

// Attachments lists a product's files, oldest first. Errors: connection, timeout, schema.
func (s *Store) Attachments(ctx context.Context, productID int64) ([]models.ListedAttachment, error) {
	rows := []models.ListedAttachment{}
	err := s.attached(ctx).Select(attachmentColumns).Where("id_produk = ?", productID).Order("id").Find(&rows).Error
	return rows, s.db.Translate(err)
}

// attached are the files that belong to products.
func (s *Store) attached(ctx context.Context) *gorm.DB {
	return s.gorm(ctx).Table("lifecycle_attachments").Where("state <> ?", models.AttachmentPending)
}

// Attachment returns a file of a product that is in the mirror. Errors: not found, connection, timeout.
func (s *Store) Attachment(ctx context.Context, productID, id int64) (models.Attachment, error) {
	var rows []models.Attachment
	err := s.attached(ctx).Where("id = ? AND id_produk = ?", id, productID).
		Where("EXISTS (SELECT 1 FROM " + productTable + " p WHERE p.id = id_produk)").Find(&rows).Error
	if err != nil || len(rows) == 0 {
		return models.Attachment{}, cmp.Or(s.db.Translate(err), missing("file"))
	}
	return rows[0], nil
}

// DeleteAttachment forgets a file of a product and returns what it was. Errors: not found, connection.
func (s *Store) DeleteAttachment(ctx context.Context, productID, id int64) (models.Attachment, error) {
	was, err := s.Attachment(ctx, productID, id)
	if err != nil {
		return was, err
	}
	result := s.gorm(ctx).Exec("DELETE FROM lifecycle_attachments WHERE id = ?", id)
	if result.Error == nil && result.RowsAffected == 0 { // somebody else was faster
		return was, missing("file")
	}
	return was, s.db.Translate(result.Error)
}

// RemoveAttachments forgets all files of a product that is gone for good, also those of writes that are not
// settled: all of those came before its deletion. The keys of their contents are returned. Errors:
// connection.
func (s *Store) RemoveAttachments(ctx context.Context, productID int64) (gone []string, err error) {
	err = s.gorm(ctx).Raw("DELETE FROM lifecycle_attachments WHERE id_produk = ? RETURNING object_key", productID).Scan(&gone).Error
	return gone, s.db.Translate(err)
}

// HasAttachments reports whether a product has files, or a write is about to give it some. Errors:
// connection.
func (s *Store) HasAttachments(ctx context.Context, productID int64) (has bool, err error) {
	err = s.gorm(ctx).Raw("SELECT EXISTS (SELECT 1 FROM lifecycle_attachments WHERE id_produk = ?)", productID).Scan(&has).Error
	return has, s.db.Translate(err)
}

// KeepProduct is HasProduct, and keeps the product in the mirror until the transaction ends.
func (s *Store) KeepProduct(ctx context.Context, id int64) (has bool, err error) {
	if s.Kind() == database.SQLite { // whose writer is alone
		return s.HasProduct(ctx, id)
	}
	var kept []int64
	err = s.gorm(ctx).Raw("SELECT id FROM "+productTable+" WHERE id = ? FOR KEY SHARE", id).Scan(&kept).Error
	return len(kept) == 1, s.db.Translate(err)
}

// HasProduct reports whether a product is in the mirror. Errors: connection, timeout, schema.
func (s *Store) HasProduct(ctx context.Context, id int64) (has bool, err error) {
	err = s.gorm(ctx).Raw("SELECT EXISTS (SELECT 1 FROM "+productTable+" WHERE id = ?)", id).Scan(&has).Error
	return has, s.db.Translate(err)
}

// ReferredObjects returns those of the keys that some row, in whatever state, refers to. Errors:
// connection, timeout.
func (s *Store) ReferredObjects(ctx context.Context, keys []string) (referred []string, err error) {
	err = s.gorm(ctx).Table("lifecycle_attachments").Where("object_key IN ?", keys).Pluck("object_key", &referred).Error
	return referred, s.db.Translate(err)
}

// CountAttachments is how many files a product has. Errors: connection.
func (s *Store) CountAttachments(ctx context.Context, productID int64) (n int64, err error) {
	err = s.attached(ctx).Where("id_produk = ?", productID).Count(&n).Error
	return n, s.db.Translate(err)
}

// countAttachments sets how many files each of the products has.
func (s *Store) countAttachments(ctx context.Context, products []models.ListedProduct) error {
	if len(products) == 0 {
		return nil
	}
	ids := make([]int64, len(products))
	for i, p := range products {
		ids[i] = p.ID
	}
	var counts []struct{ ID, N int64 }
	if err := s.attached(ctx).Select("id_produk AS id, count(*) AS n").Where("id_produk IN ?", ids).Group("id_produk").Scan(&counts).Error; err != nil {
		return s.db.Translate(err)
	}
	of := make(map[int64]int64, len(counts))
	for _, c := range counts {
		of[c.ID] = c.N
	}
	for i := range products {
		products[i].AttachmentsCount = of[products[i].ID]
	}
	return nil
}
