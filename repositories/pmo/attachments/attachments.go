// Package attachments records which files belong to which products. Their contents are kept elsewhere, under
// object keys.
package attachments

import (
	"context"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo"
	"lifecycle-sync/repositories/pmo/journal"
)

// Attachments reads and writes the rows of attached files.
type Attachments struct{ s *pmo.Session }

// New returns the attachments on a session.
func New(s *pmo.Session) *Attachments { return &Attachments{s: s} }

// AddPending adds files to a product when the write commits. Errors: connection.
func (a *Attachments) AddPending(ctx context.Context, writeID string, productID int64, files []models.Upload) error {
	_, err := a.add(ctx, models.Attachment{ProductID: productID, State: models.AttachmentPending, WriteID: &writeID}, files)
	return err
}

// AddStored adds files to a product and returns their rows. Errors: connection.
func (a *Attachments) AddStored(ctx context.Context, productID int64, files []models.Upload) ([]models.Attachment, error) {
	return a.add(ctx, models.Attachment{ProductID: productID, State: models.AttachmentStored}, files)
}

func (a *Attachments) add(ctx context.Context, common models.Attachment, files []models.Upload) ([]models.Attachment, error) {
	rows := make([]models.Attachment, len(files))
	for i, f := range files {
		rows[i] = common
		rows[i].Name, rows[i].Type, rows[i].Size, rows[i].SHA256, rows[i].ObjectKey = f.Name, f.Type, f.Size, f.SHA256, f.Key
	}
	if len(rows) == 0 {
		return rows, nil
	}
	return rows, a.s.Translate(a.s.Gorm(ctx).Create(&rows).Error)
}

// MarkRemoving removes a product's files when the write commits. Errors: connection.
func (a *Attachments) MarkRemoving(ctx context.Context, writeID string, productID int64) error {
	return a.s.Translate(a.s.Gorm(ctx).Where("id_produk = ? AND state = ?", productID, models.AttachmentStored).
		Select("State", "WriteID").Updates(&models.Attachment{State: models.AttachmentRemoving, WriteID: &writeID}).Error)
}

// Settle keeps or removes the files of a write, depending on whether it committed. It returns the object keys of
// the removed files and the number of all files of the write. Errors: connection.
func (a *Attachments) Settle(ctx context.Context, writeID string, committed bool) (removed []string, settled int64, err error) {
	keep, remove := models.AttachmentPending, models.AttachmentRemoving
	if !committed {
		keep, remove = remove, keep
	}
	if removed, err = a.delete(a.s.Gorm(ctx).Where("write_id = ? AND state = ?", writeID, remove)); err != nil {
		return nil, 0, err
	}
	kept := a.s.Gorm(ctx).Where("write_id = ? AND state = ?", writeID, keep).
		Select("State", "WriteID").Updates(&models.Attachment{State: models.AttachmentStored})
	return removed, int64(len(removed)) + kept.RowsAffected, a.s.Translate(kept.Error)
}

// Get returns a file of a mirrored product. Errors: not found, quarantined, connection, timeout.
func (a *Attachments) Get(ctx context.Context, productID, id int64) (models.Attachment, error) {
	var rows []models.Attachment
	product := a.s.Gorm(ctx).Table(a.s.Table("tbl_produk").Mirror).Select("id").Where("id = ?", productID)
	err := a.s.Gorm(ctx).Where("id = ? AND id_produk = ? AND state <> ?", id, productID, models.AttachmentPending).
		Where("EXISTS (?)", product).Find(&rows).Error
	if err != nil {
		return models.Attachment{}, a.s.Translate(err)
	}
	if len(rows) == 0 {
		return models.Attachment{}, a.absent(ctx, productID, missing(id))
	}
	return rows[0], nil
}

// Delete removes a file from a product and returns it. Errors: not found, quarantined, connection.
func (a *Attachments) Delete(ctx context.Context, productID, id int64) (models.Attachment, error) {
	deleted, err := a.Get(ctx, productID, id)
	if err != nil {
		return deleted, err
	}
	result := a.s.Gorm(ctx).Delete(&models.Attachment{ID: id})
	if result.Error == nil && result.RowsAffected == 0 { // deleted by another request
		return deleted, missing(id)
	}
	return deleted, a.s.Translate(result.Error)
}

// DeleteAll removes all files of a deleted product, including those of unfinished writes, and returns their
// object keys. Errors: connection.
func (a *Attachments) DeleteAll(ctx context.Context, productID int64) (removed []string, err error) {
	return a.delete(a.s.Gorm(ctx).Where("id_produk = ?", productID))
}

// delete removes the rows of a query and returns their object keys.
func (a *Attachments) delete(query *gorm.DB) (keys []string, err error) {
	var rows []models.Attachment
	err = query.Clauses(clause.Returning{Columns: []clause.Column{{Name: "object_key"}}}).Delete(&rows).Error
	for _, row := range rows {
		keys = append(keys, row.ObjectKey)
	}
	return keys, a.s.Translate(err)
}

// Any reports whether a product has files or an unfinished write adds some. Errors: connection.
func (a *Attachments) Any(ctx context.Context, productID int64) (bool, error) {
	var n int64
	err := a.s.Gorm(ctx).Model(&models.Attachment{}).Where("id_produk = ?", productID).Limit(1).Count(&n).Error
	return n > 0, a.s.Translate(err)
}

// LockProduct keeps a mirrored product from being deleted until the transaction ends. Errors: not found, quarantined,
// connection, timeout.
func (a *Attachments) LockProduct(ctx context.Context, id int64) error {
	var ids []int64
	// GORM's locking clause is not for SQLite.
	err := a.s.Gorm(ctx).Raw("SELECT id FROM "+a.s.Table("tbl_produk").Mirror+" WHERE id = ?"+a.s.Features().KeyShareLock, id).Scan(&ids).Error
	if err != nil || len(ids) > 0 {
		return a.s.Translate(err)
	}
	return a.absent(ctx, id, models.NewError(models.NotFound, "pmo.no_product", models.Params{"id": id}))
}

// absent returns the error for a product that is not in the mirror: notFound, unless it is quarantined.
func (a *Attachments) absent(ctx context.Context, productID int64, notFound error) error {
	return journal.New(a.s).Absent(ctx, a.s.Table("tbl_produk").Name, productID, notFound)
}

// Referenced returns the object keys that a row in any state refers to. Errors: connection, timeout.
func (a *Attachments) Referenced(ctx context.Context, keys []string) (referenced []string, err error) {
	err = a.s.Gorm(ctx).Model(&models.Attachment{}).Where("object_key IN ?", keys).Pluck("object_key", &referenced).Error
	return referenced, a.s.Translate(err)
}

func missing(id int64) error {
	return models.NewError(models.NotFound, "pmo.no_file", models.Params{"id": id})
}
