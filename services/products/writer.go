package products

import (
	"context"
	"reflect"
	"slices"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/lifecycle"
	"lifecycle-sync/repositories/pmo"
	"lifecycle-sync/repositories/pmo/catalog"
	"lifecycle-sync/services/mirror"
	"lifecycle-sync/services/outbox"
)

// Writer creates, changes and deletes products.
type Writer struct {
	writer *outbox.Writer
	store  *pmo.Store
	zone   *time.Location // in which a stage begins on a day
}

// NewWriter returns the use cases. zone is the time zone whose days count.
func NewWriter(w *outbox.Writer, store *pmo.Store, zone *time.Location) *Writer {
	return &Writer{writer: w, store: store, zone: zone}
}

// Create creates a product. Errors: validation_failed for an unknown segment, stage or category or a stage that ends
// before it starts; those of outbox.Writer.Write.
func (w *Writer) Create(ctx context.Context, in Input, r outbox.Request) (outbox.Result, error) {
	return w.writer.Write(ctx, r, func(ctx context.Context, tx *lifecycle.Tx) (outbox.Change, error) {
		p := in.Product
		if err := check(ctx, tx, &p, in.Given); err != nil {
			return outbox.Change{}, err
		}
		if err := tx.CreateProduct(ctx, &p); err != nil {
			return outbox.Change{}, err
		}
		return w.changed(ctx, tx, p.ID, lifecycle.Inserted, int64(len(r.Files)))
	})
}

// Update changes the given fields of a product; a request that changes nothing leaves updated_at as it is. A changed
// stage is recorded as a move now: it begins today and has no planned end, unless the request gives other dates. Errors: not found; precondition_failed with Current; as Create.
func (w *Writer) Update(ctx context.Context, id int64, in Input, versions models.RowVersions, r outbox.Request) (outbox.Result, error) {
	return w.writer.Write(ctx, r, func(ctx context.Context, tx *lifecycle.Tx) (outbox.Change, error) {
		before, row, err := w.lock(ctx, tx, id, versions)
		if err != nil {
			return outbox.Change{}, err
		}
		p, columns := before.Product, in.changed(before.Product, row)
		for _, f := range models.ProductFields() {
			if slices.Contains(columns, f.Column) {
				f.Copy(&p, &in.Product)
			}
		}
		moves := slices.Contains(columns, "id_stage")
		if moves && !slices.Contains(columns, "tanggal_stage_start") {
			today := models.DateIn(tx.Now, w.zone)
			p.StageStart = &today
		}
		if moves && !slices.Contains(columns, "tanggal_stage_end") {
			p.StageEnd = nil // of the previous stage
		}
		if err := check(ctx, tx, &p, columns); err != nil {
			return outbox.Change{}, err
		}
		if moves {
			columns = append(columns, "tanggal_stage_start", "tanggal_stage_end")
		}
		if len(columns) > 0 || len(r.Files) > 0 {
			if err := tx.UpdateProduct(ctx, id, p, columns...); err != nil {
				return outbox.Change{}, err
			}
		}
		var moved []int64
		if moves {
			newest, err := tx.NewestMove(ctx, id, models.LatestMove(tx.Now))
			if err != nil {
				return outbox.Change{}, err
			}
			move := models.StageHistory{ProductID: &id, PreviousStageID: before.StageID, StageID: p.StageID, ChangedAt: new(models.InstantOf(models.MoveTime(newest, tx.Now)))}
			if err := tx.CreateStageRecord(ctx, &move); err != nil {
				return outbox.Change{}, err
			}
			moved = []int64{move.ID}
		}
		c, err := w.changed(ctx, tx, id, lifecycle.Updated, before.AttachmentsCount+int64(len(r.Files)))
		c.Rows[lifecycle.HistoryTable] = moved
		return c, err
	})
}

// Current is a product as it is now, for a client that has seen another version.
type Current struct {
	models.ListedProduct

	Version string `json:"-"`
}

// Deleted identifies a deleted product.
type Deleted struct {
	ID   int64   `json:"id"`
	Name *string `json:"produk"`
}

// Delete deletes a product with its stage history; the refresh of the mirror hides its files. Errors: not found;
// precondition_failed with Current; conflict when another table of lifecycle_db references the product.
func (w *Writer) Delete(ctx context.Context, id int64, versions models.RowVersions) (outbox.Result, error) {
	return w.writer.Write(ctx, outbox.Request{}, func(ctx context.Context, tx *lifecycle.Tx) (outbox.Change, error) {
		before, _, err := w.lock(ctx, tx, id, versions)
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
			Table: lifecycle.ProductTable, RowID: id, Action: lifecycle.Deleted,
			Data:    Deleted{ID: id, Name: before.Name},
			Rows:    mirror.ChangedRows{lifecycle.ProductTable: {id}, lifecycle.HistoryTable: histories},
			Deleted: 1 + int64(len(histories)),
		}, nil
	})
}

// lock locks and reads a product. Errors: not found; precondition_failed.
func (w *Writer) lock(ctx context.Context, tx *lifecycle.Tx, id int64, versions models.RowVersions) (product models.ListedProduct, row models.Row, err error) {
	locked, err := tx.LockProduct(ctx, id)
	if err != nil {
		return product, row, err
	}
	if locked == nil {
		return product, row, models.NewError(models.NotFound, "products.not_found", models.Params{"id": id})
	}
	if product, err = tx.ListedProduct(ctx, id); err != nil {
		return product, row, err
	}
	if product.AttachmentsCount, err = catalog.New(w.store.Session).CountAttachments(ctx, identity(product)); err != nil {
		return product, row, err
	}
	if version := locked.Version(); !versions.Allow(version) {
		err := models.NewError(models.PreconditionFailed, "products.changed", nil).WithRemedy("products.changed_remedy", nil)
		err.Data = Current{ListedProduct: product, Version: version}
		return product, row, err
	}
	return product, *locked, nil
}

// changed describes a write to a product.
func (w *Writer) changed(ctx context.Context, tx *lifecycle.Tx, id int64, action string, files int64) (outbox.Change, error) {
	row, err := tx.LockProduct(ctx, id)
	if err != nil {
		return outbox.Change{}, err
	}
	product, err := tx.ListedProduct(ctx, id)
	product.AttachmentsCount = files
	return outbox.Change{
		Table: lifecycle.ProductTable, RowID: id, Action: action, Product: identity(product),
		Data: product, Version: row.Version(), Rows: mirror.ChangedRows{lifecycle.ProductTable: {id}},
	}, err
}

func identity(p models.ListedProduct) models.ProductIdentity {
	return models.ProductIdentity{ID: p.ID, CreatedAt: p.CreatedAt}
}

// Input holds a request's values for a product. Given lists the columns in the request; only these are meant.
type Input struct {
	models.Product
	Given []string
	// EmptyPriceIsZero: the form shows a price of 0 as empty, so an empty price does not change it.
	EmptyPriceIsZero bool `json:",omitempty"`
}

// changed returns the given columns that differ from the product's row: a form sends every field. A stored value that
// cannot be read is nil in before; NULL in its place is a change.
func (in Input) changed(before models.Product, row models.Row) (columns []string) {
	table := models.TableNamed(lifecycle.ProductTable)
	for _, f := range models.ProductFields() {
		if !slices.Contains(in.Given, f.Column) {
			continue
		}
		if in.EmptyPriceIsZero && f.Column == "harga" && in.Price == nil && before.Price != nil && *before.Price == 0 {
			continue
		}
		was := f.Value(&before)
		stored := row.Cells[slices.Index(table.ColumnNames(), f.Column)] != nil
		if unreadable := stored && reflect.ValueOf(was).IsNil(); unreadable || !reflect.DeepEqual(f.Value(&in.Product), was) {
			columns = append(columns, f.Column)
		}
	}
	return columns
}

// check checks a product of which the given columns are about to change. Errors: validation_failed.
func check(ctx context.Context, tx *lifecycle.Tx, p *models.Product, changed []string) error {
	var invalid []models.FieldError
	unknown, err := tx.UnknownChoices(ctx, p)
	if err != nil {
		return err
	}
	for _, f := range unknown {
		if id, _ := f.Value(p).(*int64); slices.Contains(changed, f.Column) && id != nil {
			invalid = append(invalid, models.NewFieldError(f.Column, "unknown", "products.unknown_choice", models.Params{"id": *id}))
		}
	}
	dated := slices.Contains(changed, "tanggal_stage_start") || slices.Contains(changed, "tanggal_stage_end")
	if dated && p.StageStart != nil && p.StageEnd != nil && p.StageEnd.Time().Before(p.StageStart.Time()) {
		invalid = append(invalid, models.NewFieldError("tanggal_stage_end", "order", "products.stage_end_before_start", nil))
	}
	if invalid != nil {
		return models.NewInvalid(invalid...)
	}
	return nil
}
