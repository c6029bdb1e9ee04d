package products

import (
	"context"
	"reflect"
	"slices"
	"strings"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/lifecycle"
	"lifecycle-sync/repositories/pmo"
	"lifecycle-sync/repositories/pmo/catalog"
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
		unknown, err := tx.UnknownChoices(ctx, &in.Product)
		if err != nil {
			return outbox.Change{}, err
		}
		if invalid := check(&in.Product, in.Given, unknown); invalid != nil {
			return outbox.Change{}, models.NewInvalid(invalid...)
		}
		created := []models.Product{in.Product}
		if err := tx.CreateProducts(ctx, created); err != nil {
			return outbox.Change{}, err
		}
		return w.changed(ctx, tx, created[0].ID, lifecycle.Inserted, int64(len(r.Files)))
	})
}

// Update changes the given fields of a product; a request that changes nothing leaves updated_at as it is. A changed
// stage is recorded as a move now: it begins today and has no planned end, unless the request gives other dates. Errors: not
// found; precondition_failed with Current; as Create.
func (w *Writer) Update(ctx context.Context, id int64, in Input, versions models.RowVersions, r outbox.Request) (outbox.Result, error) {
	return w.writer.Write(ctx, r, func(ctx context.Context, tx *lifecycle.Tx) (outbox.Change, error) {
		before, err := w.lock(ctx, tx, id, versions)
		if err != nil {
			return outbox.Change{}, err
		}
		failures, err := w.update(ctx, tx, []Locked{before}, nil, in, len(r.Files) > 0)
		if err == nil {
			err = failures.First()
		}
		if err != nil {
			return outbox.Change{}, err
		}
		return w.changed(ctx, tx, id, lifecycle.Updated, before.AttachmentsCount+int64(len(r.Files)))
	})
}

// UpdateAll is Update for several products, all or none. r.Files holds an equal share for each product. Errors: those of Failures.Err; those of outbox.Writer.Write.
func (w *Writer) UpdateAll(ctx context.Context, targets []Target, in Input, r outbox.Request) (outbox.Result, error) {
	ctx, r.Large = models.WithChannel(ctx, models.BulkChannel), true
	return w.writer.Write(ctx, r, func(ctx context.Context, tx *lifecycle.Tx) (outbox.Change, error) {
		locked, failures, err := LockAll(ctx, tx, targets)
		if err != nil {
			return outbox.Change{}, err
		}
		if failures, err = w.update(ctx, tx, locked, failures, in, len(r.Files) > 0); err == nil {
			err = failures.Err(len(targets))
		}
		if err != nil {
			return outbox.Change{}, err
		}
		data, err := Versions(ctx, tx, locked)
		return outbox.Change{Table: lifecycle.ProductTable, RowID: locked[0].ID, Action: lifecycle.Updated, Products: Identities(locked), Data: data}, err
	})
}

// update writes the values to locked products. If it cannot change one of them, it changes none and adds to the failures. touch: as apply.
// Errors: those of Tx.
func (w *Writer) update(ctx context.Context, tx *lifecycle.Tx, locked []Locked, failures Failures, in Input, touch bool) (Failures, error) {
	unknown, err := tx.UnknownChoices(ctx, &in.Product)
	if err != nil {
		return nil, err
	}
	var edits []edit
	for _, before := range locked {
		e, invalid := in.plan(before, unknown, tx.Now.In(w.zone))
		if invalid != nil {
			failures = append(failures, NewFailure(before, models.NewInvalid(invalid...)))
		}
		edits = append(edits, e)
	}
	if len(failures) > 0 {
		return failures, nil
	}
	return nil, w.apply(ctx, tx, edits, touch)
}

// edit is what an update changes of a product.
type edit struct {
	Locked

	in      Input
	changed []string // the given columns that change
	moves   bool     // to another stage
}

// columns returns the columns to write.
func (e edit) columns() []string {
	if e.moves {
		return append(slices.Clone(e.changed), "tanggal_stage_start", "tanggal_stage_end")
	}
	return e.changed
}

// plan returns what the values change of a product, and their errors. unknown are the fields with an id that does not exist.
func (in Input) plan(before Locked, unknown []models.ProductField, now time.Time) (edit, []models.FieldError) {
	e := edit{Locked: before, in: in, changed: in.changed(before.Product, before.Row)}
	e.moves = slices.Contains(e.changed, "id_stage")
	after := in.withDates(e.changed, now)
	p := before.Product
	for _, f := range models.ProductFields() {
		if slices.Contains(e.columns(), f.Column) {
			f.Copy(&p, &after)
		}
	}
	return e, check(&p, e.changed, unknown)
}

// withDates returns the values of an update that changes the given columns. If it changes the stage, the new stage begins today
// and has no planned end, unless the request gives other dates.
func (in Input) withDates(columns []string, now time.Time) models.Product {
	p := in.Product
	if slices.Contains(columns, "id_stage") && !slices.Contains(columns, "tanggal_stage_start") {
		p.StageStart = new(models.DateIn(now, now.Location()))
	}
	if slices.Contains(columns, "id_stage") && !slices.Contains(columns, "tanggal_stage_end") {
		p.StageEnd = nil // of the previous stage
	}
	return p
}

// apply writes planned edits, with one statement for products of which the same columns change, and records the moves. If
// touch is set, a product of which nothing changes gets a new updated_at.
func (w *Writer) apply(ctx context.Context, tx *lifecycle.Tx, edits []edit, touch bool) error {
	var order []string // of the groups
	groups := map[string][]edit{}
	var moving []edit
	for _, e := range edits {
		key := strings.Join(e.changed, " ")
		if groups[key] == nil {
			order = append(order, key)
		}
		groups[key] = append(groups[key], e)
		if e.moves {
			moving = append(moving, e)
		}
	}
	for _, key := range order {
		if key == "" && !touch {
			continue
		}
		if err := writeGroup(ctx, tx, groups[key], tx.Now.In(w.zone)); err != nil {
			return err
		}
	}
	if moving == nil {
		return nil
	}
	ids := make([]int64, len(moving))
	for i, e := range moving {
		ids[i] = e.ID
	}
	newest, err := tx.NewestMoves(ctx, ids)
	if err != nil {
		return err
	}
	records := make([]models.StageHistory, len(moving))
	for i, p := range moving {
		at := models.InstantOf(models.MoveTime(newest[p.ID], tx.Now))
		records[i] = models.StageHistory{ProductID: &p.ID, PreviousStageID: p.StageID, StageID: p.in.StageID, ChangedAt: &at}
	}
	return tx.CreateStageRecords(ctx, records)
}

// writeGroup writes edits of the same columns.
func writeGroup(ctx context.Context, tx *lifecycle.Tx, group []edit, now time.Time) error {
	ids, values, areEqual := make([]int64, len(group)), make([]models.Product, len(group)), true
	for i, e := range group {
		ids[i], values[i] = e.ID, e.in.withDates(e.changed, now)
		areEqual = areEqual && reflect.DeepEqual(values[i], values[0])
	}
	if areEqual {
		return tx.UpdateProducts(ctx, ids, values[0], group[0].columns()...)
	}
	for i, id := range ids {
		values[i].ID = id
	}
	return tx.UpdateEachProduct(ctx, values, group[0].columns()...)
}

// Current is a product as it is now, for a client that has seen another version.
type Current struct{ models.ListedProduct }

// Deleted identifies a deleted product.
type Deleted struct {
	ID   int64   `json:"id"`
	Name *string `json:"produk"`
}

// Delete deletes a product with its stage history; the refresh of the mirror hides its files. Errors: not found;
// precondition_failed with Current; conflict when another table of lifecycle_db references the product.
func (w *Writer) Delete(ctx context.Context, id int64, versions models.RowVersions) (outbox.Result, error) {
	return w.writer.Write(ctx, outbox.Request{}, func(ctx context.Context, tx *lifecycle.Tx) (outbox.Change, error) {
		before, err := w.lock(ctx, tx, id, versions)
		if err != nil {
			return outbox.Change{}, err
		}
		err = tx.DeleteProduct(ctx, id)
		if e := models.AsError(err); err != nil && e.Class == models.Constraint {
			return outbox.Change{}, models.NewError(models.Conflict, "products.delete_refused", nil).WithRemedy("products.delete_refused_remedy", nil).WithCause(err)
		}
		if err != nil {
			return outbox.Change{}, err
		}
		return outbox.Change{
			Table: lifecycle.ProductTable, RowID: id, Action: lifecycle.Deleted,
			Data: Deleted{ID: id, Name: before.Name},
		}, nil
	})
}

// lock locks and reads a product. Errors: not found; precondition_failed.
func (w *Writer) lock(ctx context.Context, tx *lifecycle.Tx, id int64, versions models.RowVersions) (product Locked, err error) {
	locked, _, err := LockAll(ctx, tx, []Target{{ID: id}})
	if err != nil {
		return product, err
	}
	if len(locked) == 0 {
		return product, models.NewError(models.NotFound, "products.not_found", models.Params{"id": id}).AsStale(id)
	}
	product = locked[0]
	if product.AttachmentsCount, err = catalog.New(w.store.Session).CountAttachments(ctx, identity(product.ListedProduct)); err != nil {
		return product, err
	}
	if !versions.Allow(product.Version) {
		err := changedError(id)
		err.Data = Current{product.ListedProduct}
		return product, err
	}
	return product, nil
}

func changedError(id int64) *models.Error {
	return models.NewError(models.PreconditionFailed, "products.changed", nil).WithRemedy("products.changed_remedy", nil).AsStale(id)
}

// changed describes a write to a product.
func (w *Writer) changed(ctx context.Context, tx *lifecycle.Tx, id int64, action string, files int64) (outbox.Change, error) {
	rows, err := tx.ProductRows(ctx, []int64{id})
	if err != nil {
		return outbox.Change{}, err
	}
	products, err := tx.ListedProducts(ctx, []int64{id})
	if err != nil {
		return outbox.Change{}, err
	}
	product := products[0]
	product.AttachmentsCount, product.Version = files, rows[0].Version()
	return outbox.Change{
		Table: lifecycle.ProductTable, RowID: id, Action: action, Products: []models.ProductIdentity{identity(product)},
		Data: product, Version: product.Version,
	}, nil
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

// check returns the errors of a product of which the given columns are about to change. unknown are the fields with an id that
// does not exist.
func check(p *models.Product, changed []string, unknown []models.ProductField) (invalid []models.FieldError) {
	for _, f := range unknown {
		if id, _ := f.Value(p).(*int64); slices.Contains(changed, f.Column) && id != nil {
			invalid = append(invalid, models.NewFieldError(f.Column, "unknown", "products.unknown_choice", models.Params{"id": *id}))
		}
	}
	dated := slices.Contains(changed, "tanggal_stage_start") || slices.Contains(changed, "tanggal_stage_end")
	if dated && p.StageStart != nil && p.StageEnd != nil && p.StageEnd.Time().Before(p.StageStart.Time()) {
		invalid = append(invalid, models.NewFieldError("tanggal_stage_end", "order", "products.stage_end_before_start", nil))
	}
	return invalid
}
