// Package attachments records which files belong to which products. Their contents are kept elsewhere, under
// object keys.
package attachments

import (
	"context"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo"
	"lifecycle-sync/repositories/pmo/journal"
)

// batchSize is the number of parameters per statement.
const batchSize = 500

// Attachments reads and writes the rows of attached files.
type Attachments struct{ s *pmo.Session }

// New returns the attachments on a session.
func New(s *pmo.Session) *Attachments { return &Attachments{s: s} }

// AddPending adds files to products when the write commits, and returns their rows. Each product gets an equal share of the
// files, in the given order. Errors: connection.
func (a *Attachments) AddPending(ctx context.Context, writeID string, products []models.ProductIdentity, files []models.Upload) ([]models.Attachment, error) {
	return a.add(ctx, models.Attachment{State: models.AttachmentPending, WriteID: &writeID}, products, files)
}

// AddStored adds files to a product and returns their rows. Errors: connection.
func (a *Attachments) AddStored(ctx context.Context, product models.ProductIdentity, files []models.Upload) ([]models.Attachment, error) {
	return a.add(ctx, models.Attachment{State: models.AttachmentStored}, []models.ProductIdentity{product}, files)
}

// add sets created_at by the database's clock, because Reconcile compares it with the products' created_at.
func (a *Attachments) add(ctx context.Context, common models.Attachment, products []models.ProductIdentity, files []models.Upload) ([]models.Attachment, error) {
	rows := make([]models.Attachment, len(files))
	if len(rows) == 0 {
		return rows, nil
	}
	now, err := a.s.Now(ctx)
	if err != nil {
		return nil, err
	}
	common.CreatedAt = now
	share := len(files) / len(products)
	for i, f := range files {
		product := products[i/share]
		rows[i] = common
		rows[i].ProductID, rows[i].ProductCreatedAt = product.ID, product.CreatedAt
		rows[i].Name, rows[i].Type, rows[i].Size, rows[i].SHA256, rows[i].ObjectKey = f.Name, f.Type, f.Size, f.SHA256, f.Key
	}
	return rows, a.s.Translate(a.s.Gorm(ctx).Create(&rows).Error)
}

// Settle keeps or deletes the files of a write, depending on whether it committed. It returns the object keys of the
// deleted files, and the products of the kept ones. Errors: connection.
func (a *Attachments) Settle(ctx context.Context, writeID string, committed bool) (deleted []string, products []int64, err error) {
	pending := a.s.Gorm(ctx).Where("write_id = ? AND state = ?", writeID, models.AttachmentPending)
	if !committed {
		deleted, err = a.delete(pending)
		return deleted, nil, err
	}
	var kept []models.Attachment
	err = pending.Model(&kept).Clauses(clause.Returning{Columns: []clause.Column{{Name: "id_produk"}}}).
		Select("State", "WriteID").Updates(&models.Attachment{State: models.AttachmentStored}).Error
	for _, file := range kept {
		products = append(products, file.ProductID)
	}
	return nil, products, a.s.Translate(err)
}

// Get returns a file of a mirrored product. Errors: not found, quarantined, connection, timeout.
func (a *Attachments) Get(ctx context.Context, productID, id int64) (models.Attachment, error) {
	product := a.s.Gorm(ctx).Table(a.s.Table("tbl_produk").Mirror).Select("id").Where("id = ?", productID)
	file, err := pmo.First[models.Attachment](a.s, a.s.Attached(ctx).Where("id = ? AND id_produk = ?", id, productID).Where("EXISTS (?)", product))
	if err == nil && file == nil {
		err = a.absent(ctx, productID, missing(id))
	}
	if err != nil {
		return models.Attachment{}, err
	}
	return *file, nil
}

// Remove hides a file of a product and returns it. Its content is kept for the retention, so that it can be restored. Errors:
// not found, quarantined, connection.
func (a *Attachments) Remove(ctx context.Context, productID, id int64) (models.Attachment, error) {
	deleted, err := a.Get(ctx, productID, id)
	if err != nil {
		return deleted, err
	}
	result := a.s.Gorm(ctx).Model(&models.Attachment{}).Where("id = ? AND removed_at IS NULL", id).Update("removed_at", clause.Expr{SQL: a.s.Clock(0)})
	if result.Error == nil && result.RowsAffected == 0 { // deleted by another request
		return deleted, missing(id)
	}
	return deleted, a.s.Translate(result.Error)
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

// LockProduct returns the identity of a mirrored product, and keeps the product from being changed or deleted until the
// transaction ends. Errors: not found, quarantined, connection, timeout.
func (a *Attachments) LockProduct(ctx context.Context, id int64) (models.ProductIdentity, error) {
	var found []models.ProductIdentity
	product := a.s.Table("tbl_produk")
	// Raw, because GORM's locking clause is not for SQLite.
	err := a.s.Gorm(ctx).Raw("SELECT id, "+a.s.Fitting("created_at", product.Column("created_at"))+" AS created_at FROM "+product.Mirror+" WHERE id = ?"+a.s.Features().ShareLock, id).
		Scan(&found).Error
	switch {
	case err != nil:
		return models.ProductIdentity{}, a.s.Translate(err)
	case len(found) == 0:
		return models.ProductIdentity{}, a.absent(ctx, id, models.NewError(models.NotFound, "pmo.no_product", models.Params{"id": id}))
	default:
		return found[0], nil
	}
}

// absent returns the error for a product that is not in the mirror: notFound, unless it is quarantined.
func (a *Attachments) absent(ctx context.Context, productID int64, notFound error) error {
	return journal.New(a.s).Absent(ctx, a.s.Table("tbl_produk").Name, productID, notFound)
}

// Close hides the files of products that no longer exist. Raw, because GORM would bind every id. Errors:
// connection.
func (a *Attachments) Close(ctx context.Context, products []int64) error {
	if len(products) == 0 {
		return nil
	}
	condition, args := a.s.AnyOf("id_produk", products)
	return a.s.Exec(ctx, "UPDATE lifecycle_attachments SET closed_at = "+a.s.Clock(0)+" WHERE closed_at IS NULL AND "+condition, args...)
}

// Reconcile gives the files of products, of all if products is nil, to the products that are in the mirror now:
//   - Files of a product whose created_at has changed follow it, unless the new value is later than their upload: then it is
//     another product, which has reused the id, and they are closed.
//   - Files of a product that is neither mirrored nor quarantined are closed.
//   - Closed files whose product has returned are open again.
//
// Raw, because GORM would bind every id, and cannot update from another table. Errors: connection.
func (a *Attachments) Reconcile(ctx context.Context, products []int64) error {
	product := a.s.Table("tbl_produk")
	condition, args := "TRUE", []any(nil)
	if products != nil && len(products) == 0 {
		return nil
	}
	if products != nil {
		condition, args = a.s.AnyOf("a.id_produk", products)
	}
	names := strings.NewReplacer("CREATED", a.s.Sortable("p.created_at", product.Column("created_at")), "PRODUCTS", product.Mirror, "NAME", product.Name,
		"NOW", a.s.Clock(0), "CONDITION", condition)
	err := a.s.Exec(ctx, names.Replace(`UPDATE lifecycle_attachments AS a SET product_created_at = CREATED, closed_at = NULL FROM PRODUCTS p
		WHERE p.id = a.id_produk AND CONDITION AND (
			a.closed_at IS NULL AND a.product_created_at IS DISTINCT FROM CREATED AND (CREATED IS NULL OR CREATED <= a.created_at)
			OR a.closed_at IS NOT NULL AND a.product_created_at IS NOT DISTINCT FROM CREATED)`), args...)
	if err != nil {
		return err
	}
	return a.s.Exec(ctx, names.Replace(`UPDATE lifecycle_attachments AS a SET closed_at = NOW WHERE a.closed_at IS NULL AND CONDITION
		AND NOT EXISTS (SELECT 1 FROM PRODUCTS p WHERE p.id = a.id_produk AND CREATED IS NOT DISTINCT FROM a.product_created_at)
		AND NOT EXISTS (SELECT 1 FROM lifecycle_sync_quarantine q WHERE q.table_name = 'NAME' AND q.row_id = a.id_produk)`), args...)
}

// DeleteClosed deletes the files that were removed, or whose products have not existed, for the retention, and returns their
// object keys. Errors: connection, timeout.
func (a *Attachments) DeleteClosed(ctx context.Context, retention time.Duration) ([]string, error) {
	old := " < " + a.s.Clock(-int(retention/time.Second))
	return a.delete(a.s.Gorm(ctx).Where("state <> ? AND (closed_at"+old+" OR removed_at"+old+")", models.AttachmentPending))
}

// Closed counts the files whose products do not exist. Overdue are those that DeleteClosed should have deleted. Errors:
// connection, timeout.
func (a *Attachments) Closed(ctx context.Context, retention time.Duration) (count models.ClosedAttachments, err error) {
	rows := a.s.Gorm(ctx).Model(&models.Attachment{}).Where("closed_at IS NOT NULL").
		Select("ukuran_file, closed_at, id_produk IN (SELECT id FROM " + a.s.Table("tbl_produk").Mirror + ") AS mirrored")
	err = a.s.Gorm(ctx).Table("(?) AS f", rows).
		Select("count(CASE WHEN NOT mirrored THEN 1 END) AS files, coalesce(sum(CASE WHEN NOT mirrored THEN ukuran_file END), 0) AS bytes, " +
			"count(CASE WHEN mirrored THEN 1 END) AS mismatched, count(CASE WHEN closed_at < " + a.s.Clock(-int(retention/time.Second)) + " THEN 1 END) AS overdue").
		Scan(&count).Error
	return count, a.s.Translate(err)
}

// SigningKey returns the key that signs download links. Errors: unavailable if it is missing or the role may not read it,
// connection, timeout.
func (a *Attachments) SigningKey(ctx context.Context) (key string, err error) {
	err = a.s.Translate(a.s.Gorm(ctx).Table("lifecycle_signing_key").Select("key").Scan(&key).Error)
	switch e := models.AsError(err); {
	case err == nil && key == "":
		return "", models.NewError(models.Unavailable, "pmo.no_signing_key", nil).WithRemedy("pmo.no_signing_key_remedy", nil)
	case err != nil && e.Class == models.Permission:
		return "", models.NewError(models.Unavailable, "pmo.signing_key_denied", nil).
			WithCommand("pmo.signing_key_denied_remedy", nil, "GRANT SELECT ON lifecycle_signing_key TO <role>").WithCause(err)
	case err != nil && e.Class == models.Schema:
		return "", models.NewError(models.Unavailable, "pmo.no_signing_key_table", nil).
			WithCommand("pmo.no_signing_key_table_remedy", nil, "lifecycle-sync migrate").WithCause(err)
	default:
		return key, err
	}
}

// Referenced returns the object keys that a row in any state refers to. Errors: connection, timeout.
func (a *Attachments) Referenced(ctx context.Context, keys []string) (referenced []string, err error) {
	err = a.s.Gorm(ctx).Model(&models.Attachment{}).Where("object_key IN ?", keys).Pluck("object_key", &referenced).Error
	return referenced, a.s.Translate(err)
}

func missing(id int64) error {
	return models.NewError(models.NotFound, "pmo.no_file", models.Params{"id": id})
}

// Stored returns those of some files that are stored, by id, also removed files and those of deleted products. Errors: connection, timeout.
func (a *Attachments) Stored(ctx context.Context, ids []int64) (map[int64]models.Attachment, error) {
	rows, err := a.find(a.s.Gorm(ctx).Where("state = ?", models.AttachmentStored), "id", ids)
	kept := make(map[int64]models.Attachment, len(rows))
	for _, row := range rows {
		kept[row.ID] = row
	}
	return kept, err
}

// Visible returns the files of some products. Errors: connection, timeout.
func (a *Attachments) Visible(ctx context.Context, products []int64) ([]models.Attachment, error) {
	return a.find(a.s.Attached(ctx), "id_produk", products)
}

// find returns the rows of a query whose column has one of some values.
func (a *Attachments) find(query *gorm.DB, column string, values []int64) (rows []models.Attachment, err error) {
	query = query.Session(&gorm.Session{})
	for batch := range slices.Chunk(values, batchSize) {
		var found []models.Attachment
		if err := query.Where(column+" IN ?", batch).Order("id").Find(&found).Error; err != nil {
			return nil, a.s.Translate(err)
		}
		rows = append(rows, found...)
	}
	return rows, nil
}
