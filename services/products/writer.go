package products

import (
	"context"
	"slices"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/lifecycle"
	"lifecycle-sync/repositories/pmo"
	attachmentsdb "lifecycle-sync/repositories/pmo/attachments"
	"lifecycle-sync/repositories/pmo/catalog"
	"lifecycle-sync/services/mirror"
	"lifecycle-sync/services/outbox"
)

// Writer creates, changes and deletes products.
type Writer struct {
	writer   *outbox.Writer
	store    *pmo.Store
	products *models.Table
	zone     *time.Location // whose day it is when a stage begins
}

// NewWriter returns the use cases. zone says whose day it is.
func NewWriter(w *outbox.Writer, store *pmo.Store, zone *time.Location) *Writer {
	return &Writer{writer: w, store: store, products: outbox.Table(lifecycle.ProductTable), zone: zone}
}

// Create makes a product. Errors: validation_failed for what it is to belong to and does not exist;
// those of Writer.Write.
func (p *Writer) Create(ctx context.Context, in Input, r outbox.Request) (outbox.Result, error) {
	return p.writer.Write(ctx, r, func(ctx context.Context, tx *lifecycle.Tx) (outbox.Change, error) {
		if err := in.check(ctx, tx, models.ListedProduct{}); err != nil {
			return outbox.Change{}, err
		}
		id, err := tx.Insert(ctx, lifecycle.ProductTable, in.values())
		if err != nil {
			return outbox.Change{}, err
		}
		return p.changed(ctx, tx, id, lifecycle.Inserted, int64(len(r.Files)))
	})
}

// Update changes the given fields of a product; a request that changes nothing leaves updated_at as it is. A changed
// stage is recorded as a move now. Errors: not found; precondition_failed with Current; as Create.
func (p *Writer) Update(ctx context.Context, id int64, in Input, versions models.RowVersions, r outbox.Request) (outbox.Result, error) {
	return p.writer.Write(ctx, r, func(ctx context.Context, tx *lifecycle.Tx) (outbox.Change, error) {
		before, count, err := p.locked(ctx, tx, id, versions)
		if err != nil {
			return outbox.Change{}, err
		}
		in.Given = in.changed(before)
		if err := in.check(ctx, tx, before); err != nil {
			return outbox.Change{}, err
		}
		values := in.values()
		var history int64
		if slices.Contains(in.Given, "id_stage") && in.StageID != nil {
			if !slices.Contains(in.Given, "tanggal_stage_start") {
				values["tanggal_stage_start"] = models.DateIn(tx.Now, p.zone)
			}
			history, err = tx.Insert(ctx, lifecycle.HistoryTable, lifecycle.Values{
				"id_produk": id, "stage_previous": before.StageID, "stage_now": *in.StageID, "tanggal_perubahan": tx.Now,
			})
			if err != nil {
				return outbox.Change{}, err
			}
		}
		if len(values) > 0 || len(r.Files) > 0 {
			if err := tx.Update(ctx, lifecycle.ProductTable, id, values); err != nil {
				return outbox.Change{}, err
			}
		}
		c, err := p.changed(ctx, tx, id, lifecycle.Updated, count+int64(len(r.Files)))
		if history != 0 {
			c.Rows[lifecycle.HistoryTable] = []int64{history}
		}
		return c, err
	})
}

// Current is a product as it is, for whom it surprises.
type Current struct {
	models.ListedProduct

	Version string `json:"-"`
}

// Deleted says which product was deleted.
type Deleted struct {
	ID   int64   `json:"id"`
	Name *string `json:"produk"`
}

// Delete deletes a product with its stage history and files. Errors: not found; precondition_failed as
// in Update; conflict when another table of lifecycle_db refers to the product.
func (p *Writer) Delete(ctx context.Context, id int64, versions models.RowVersions) (outbox.Result, error) {
	return p.writer.Write(ctx, outbox.Request{}, func(ctx context.Context, tx *lifecycle.Tx) (outbox.Change, error) {
		before, _, err := p.locked(ctx, tx, id, versions)
		if err != nil {
			return outbox.Change{}, err
		}
		files, err := attachmentsdb.New(p.store.Session).Any(ctx, id)
		if err != nil {
			return outbox.Change{}, err
		}
		histories, err := tx.DeleteProduct(ctx, id)
		if e := models.AsError(err); err != nil && e.Class == models.Constraint {
			return outbox.Change{}, models.NewError(models.Conflict, "products.delete_refused", nil).WithRemedy("products.delete_refused_remedy", nil).WithCause(err)
		}
		if err != nil {
			return outbox.Change{}, err
		}
		return outbox.Change{
			Table: lifecycle.ProductTable, RowID: id, Action: lifecycle.Deleted, ProductID: id, RemovesFiles: files,
			Data:    Deleted{ID: id, Name: before.Name},
			Rows:    mirror.ChangedRows{lifecycle.ProductTable: {id}, lifecycle.HistoryTable: histories},
			Deleted: 1 + int64(len(histories)),
		}, nil
	})
}

// locked reads a product, keeps others from changing it, and holds it against If-Match. The number is
// that of its files.
func (p *Writer) locked(ctx context.Context, tx *lifecycle.Tx, id int64, versions models.RowVersions) (product models.ListedProduct, files int64, err error) {
	row, err := tx.Row(ctx, p.products, id)
	if err != nil {
		return product, 0, err
	}
	if row == nil {
		return product, 0, models.NewError(models.NotFound, "products.not_found", models.Params{"id": id})
	}
	if product, err = tx.Product(ctx, p.products, id); err != nil {
		return product, 0, err
	}
	if files, err = catalog.New(p.store.Session).CountAttachments(ctx, id); err != nil {
		return product, 0, err
	}
	product.AttachmentsCount = files
	if version := row.Tag(); !versions.Allow(version) {
		err := models.NewError(models.PreconditionFailed, "products.changed", nil).WithRemedy("products.changed_remedy", nil)
		err.Data = Current{ListedProduct: product, Version: version}
		return product, files, err
	}
	return product, files, nil
}

// changed says what a write did to a product.
func (p *Writer) changed(ctx context.Context, tx *lifecycle.Tx, id int64, action string, files int64) (outbox.Change, error) {
	row, err := tx.Row(ctx, p.products, id)
	if err != nil {
		return outbox.Change{}, err
	}
	product, err := tx.Product(ctx, p.products, id)
	product.AttachmentsCount = files
	return outbox.Change{
		Table: lifecycle.ProductTable, RowID: id, Action: action, ProductID: id,
		Data: product, Version: row.Tag(), Rows: mirror.ChangedRows{lifecycle.ProductTable: {id}},
	}, err
}
