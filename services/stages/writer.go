package stages

import (
	"bytes"
	"context"
	"encoding/json"
	"reflect"
	"slices"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/lifecycle"
	"lifecycle-sync/services/mirror"
	"lifecycle-sync/services/outbox"
)

// Writer records, corrects and deletes moves in the stage history.
type Writer struct {
	writer *outbox.Writer
	zone   *time.Location // in which a stage begins on a day
}

// NewWriter returns the use cases. zone is the time zone whose days count.
func NewWriter(w *outbox.Writer, zone *time.Location) *Writer {
	return &Writer{writer: w, zone: zone}
}

// Input holds a request's values for a move. For a correction, Given lists the columns in the request.
type Input struct {
	ProductID       int64
	StageID         int64
	PreviousStageID *int64       // nil: the product's current stage
	FromNone        bool         `json:",omitempty"` // the product has no stage; PreviousStageID is nil
	ChangedAt       *time.Time   // nil: now
	StageEnd        *models.Date `json:",omitempty"` // planned end of the new stage
	Notes           *string
	Metrics         models.JSON
	Given           []string
}

// Record records a move and adds the request's files to the product. The newest move also sets the product's stage, the day
// on which it began, and its planned end; a back-dated one does not. Errors: validation_failed for an unknown product or
// stage, a time in the future, or a planned end that is before the move or given with a back-dated one; conflict when the
// product is not in the previous stage, or already in the new one; those of outbox.Writer.Write.
func (w *Writer) Record(ctx context.Context, in Input, r outbox.Request) (outbox.Result, error) {
	return w.writer.Write(ctx, r, func(ctx context.Context, tx *lifecycle.Tx) (outbox.Change, error) {
		product, err := w.lockProduct(ctx, tx, in)
		if err != nil {
			return outbox.Change{}, err
		}
		newest, err := tx.NewestMove(ctx, in.ProductID, models.LatestMove(tx.Now))
		if err != nil {
			return outbox.Change{}, err
		}
		at := models.MoveTime(newest, tx.Now)
		if in.ChangedAt != nil {
			at = *in.ChangedAt
		}
		backDated := newest != nil && newest.ChangedAt.Time().After(at)
		previous := product.StageID
		if in.PreviousStageID != nil || in.FromNone {
			previous = in.PreviousStageID
		}
		if backDated && in.StageEnd != nil {
			return outbox.Change{}, models.NewInvalid(models.FieldError{Field: "tanggal_stage_end", Code: "back_dated", Text: models.NewText("stages.end_of_back_dated", nil)})
		}
		if !backDated {
			if err := w.moveProduct(ctx, tx, product, in, models.DateIn(at, w.zone)); err != nil {
				return outbox.Change{}, err
			}
		}
		move := models.StageHistory{
			ProductID: &in.ProductID, PreviousStageID: previous, StageID: &in.StageID, ChangedAt: new(models.InstantOf(at)), Notes: in.Notes, Metrics: in.Metrics,
		}
		if err := tx.CreateStageRecord(ctx, &move); err != nil {
			return outbox.Change{}, err
		}
		c, err := w.changed(ctx, tx, move.ID, lifecycle.Inserted, in.ProductID)
		c.Product = models.ProductIdentity{ID: product.ID, CreatedAt: product.CreatedAt}
		return c, err
	})
}

// lockProduct checks a move and locks its product. Errors: validation_failed.
func (w *Writer) lockProduct(ctx context.Context, tx *lifecycle.Tx, in Input) (product models.ListedProduct, err error) {
	row, err := tx.LockProduct(ctx, in.ProductID)
	if err != nil {
		return product, err
	}
	var invalid []models.FieldError
	if row == nil {
		invalid = append(invalid, models.FieldError{Field: "id_produk", Code: "unknown", Text: models.NewText("stages.unknown_product", models.Params{"id": in.ProductID})})
	}
	for _, stage := range []struct {
		field string
		id    *int64
	}{{"stage_now", &in.StageID}, {"stage_previous", in.PreviousStageID}} {
		if stage.id == nil {
			continue
		}
		exists, err := tx.StageExists(ctx, *stage.id)
		if err != nil {
			return product, err
		}
		if !exists {
			invalid = append(invalid, models.FieldError{Field: stage.field, Code: "unknown", Text: models.NewText("stages.unknown_stage", models.Params{"id": *stage.id})})
		}
	}
	invalid = append(invalid, checkTime(in.ChangedAt, tx.Now)...)
	if invalid != nil {
		return product, models.NewInvalid(invalid...)
	}
	return tx.ListedProduct(ctx, in.ProductID)
}

// checkTime rejects moves in the future: no later move could ever be the newest.
func checkTime(at *time.Time, now time.Time) []models.FieldError {
	if at == nil || !at.After(models.LatestMove(now)) {
		return nil
	}
	return []models.FieldError{{Field: "tanggal_perubahan", Code: "future", Text: models.NewText("stages.future", nil)}}
}

// moveProduct puts a product into its new stage, which begins on the given day. Errors: conflict; validation_failed
// for a planned end before it, and for a day before the year 1, which a product cannot have.
func (w *Writer) moveProduct(ctx context.Context, tx *lifecycle.Tx, product models.ListedProduct, in Input, begins models.Date) error {
	switch current := product.StageID; {
	case begins.Time().Year() < 1:
		return models.NewInvalid(models.FieldError{Field: "tanggal_perubahan", Code: "timestamp", Text: models.NewText("stages.before_year_one", nil)})
	case in.StageEnd != nil && in.StageEnd.Time().Before(begins.Time()):
		return models.NewInvalid(models.NewFieldError("tanggal_stage_end", "order", "products.stage_end_before_start", nil))
	case in.FromNone && current != nil, in.PreviousStageID != nil && (current == nil || *current != *in.PreviousStageID):
		return models.NewError(models.Conflict, "stages.not_in_previous", nil).WithRemedy("stages.not_in_previous_remedy", nil)
	case current != nil && *current == in.StageID:
		return models.NewError(models.Conflict, "stages.already_in_stage", nil)
	}
	p := models.Product{StageID: &in.StageID, StageStart: &begins, StageEnd: in.StageEnd}
	return tx.UpdateProduct(ctx, in.ProductID, p, "id_stage", "tanggal_stage_start", "tanggal_stage_end")
}

// Correct changes notes, time and metrics of a record. If another record becomes the newest one, the product follows it.
// versions are those in which the record may be changed; check, which may be nil, may refuse the current record, which is locked. Errors: check's; not
// found; precondition_failed with Current; validation_failed for a time in the future; those of outbox.Writer.Write.
func (w *Writer) Correct(ctx context.Context, id int64, in Input, versions models.RowVersions, check func(now models.ListedRecord) error) (outbox.Result, error) {
	return w.writer.Write(ctx, outbox.Request{}, func(ctx context.Context, tx *lifecycle.Tx) (outbox.Change, error) {
		before, err := w.lock(ctx, tx, id, versions)
		if err == nil && check != nil {
			err = check(before.ListedRecord)
		}
		if err != nil {
			return outbox.Change{}, err
		}
		if invalid := checkTime(in.ChangedAt, tx.Now); invalid != nil {
			return outbox.Change{}, models.NewInvalid(invalid...)
		}
		if columns := in.changed(before.ListedRecord); len(columns) > 0 {
			values := models.StageHistory{Notes: in.Notes, Metrics: in.Metrics}
			if in.ChangedAt != nil {
				values.ChangedAt = new(models.InstantOf(*in.ChangedAt))
			}
			if err := tx.UpdateStageRecord(ctx, id, values, columns...); err != nil {
				return outbox.Change{}, err
			}
			if err := w.moveToNewest(ctx, tx, before); err != nil {
				return outbox.Change{}, err
			}
		}
		return w.changed(ctx, tx, id, lifecycle.Updated, *before.ProductID)
	})
}

// changed returns the given columns that differ from the record's.
func (in Input) changed(before models.ListedRecord) []string {
	return slices.DeleteFunc(slices.Clone(in.Given), func(column string) bool {
		switch column {
		case "catatan":
			return reflect.DeepEqual(in.Notes, before.Notes)
		case "tanggal_perubahan":
			return before.ChangedAt != nil && in.ChangedAt != nil && before.ChangedAt.Time().Equal(*in.ChangedAt)
		default:
			return reflect.DeepEqual(decoded(in.Metrics), decoded(before.Metrics))
		}
	})
}

// decoded returns a document's value, with every digit of its numbers; nil for none.
func decoded(document models.JSON) (value any) {
	decoder := json.NewDecoder(bytes.NewReader(document))
	decoder.UseNumber()
	_ = decoder.Decode(&value) // the empty document
	return value
}

// Deleted identifies a deleted record.
type Deleted struct {
	ID        int64 `json:"id"`
	ProductID int64 `json:"id_produk"`
}

// Delete deletes a record. If it was the newest one, the product follows the one that then is. Errors: not found;
// precondition_failed with Current; those of outbox.Writer.Write.
func (w *Writer) Delete(ctx context.Context, id int64, versions models.RowVersions) (outbox.Result, error) {
	return w.writer.Write(ctx, outbox.Request{}, func(ctx context.Context, tx *lifecycle.Tx) (outbox.Change, error) {
		before, err := w.lock(ctx, tx, id, versions)
		if err != nil {
			return outbox.Change{}, err
		}
		if err := tx.DeleteStageRecord(ctx, id); err != nil {
			return outbox.Change{}, err
		}
		if err := w.moveToNewest(ctx, tx, before); err != nil {
			return outbox.Change{}, err
		}
		return outbox.Change{
			Table: lifecycle.HistoryTable, RowID: id, Action: lifecycle.Deleted, Data: Deleted{ID: id, ProductID: *before.ProductID},
			Rows: mirror.ChangedRows{lifecycle.HistoryTable: {id}, lifecycle.ProductTable: {*before.ProductID}}, Deleted: 1,
		}, nil
	})
}

// Current is a record as it is now, for a client that has seen another version.
type Current struct {
	models.ListedRecord

	Version string `json:"-"`
}

// NewChangedError returns the precondition_failed for a record that is not the version that the client has seen.
func NewChangedError(current Current) error {
	err := models.NewError(models.PreconditionFailed, "stages.changed", nil).WithRemedy("stages.changed_remedy", nil)
	err.Data = current
	return err
}

// lockedRecord is a record that is locked together with its product.
type lockedRecord struct {
	models.ListedRecord

	hasProduct bool
	newest     *models.StageHistory // of the product, nil without any
}

// lock locks a record's product and then the record, in the order of every write, and reads the record. Errors: not found;
// precondition_failed.
func (w *Writer) lock(ctx context.Context, tx *lifecycle.Tx, id int64, versions models.RowVersions) (l lockedRecord, err error) {
	productID, err := tx.ProductOfRecord(ctx, id)
	if err != nil {
		return l, err
	}
	var product, record *models.Row
	if productID != nil {
		if product, err = tx.LockProduct(ctx, *productID); err != nil {
			return l, err
		}
		if record, err = tx.LockStageRecord(ctx, id); err != nil {
			return l, err
		}
	}
	if record == nil {
		return l, models.NewError(models.NotFound, "stages.not_found", models.Params{"id": id})
	}
	if l.ListedRecord, err = tx.ListedRecord(ctx, id); err != nil {
		return l, err
	}
	if version := record.Version(); !versions.Allow(version) || *l.ProductID != *productID {
		return l, NewChangedError(Current{ListedRecord: l.ListedRecord, Version: version})
	}
	l.hasProduct = product != nil
	l.newest, err = tx.NewestMove(ctx, *productID, models.LatestMove(tx.Now))
	return l, err
}

// moveToNewest puts the product of a changed record into the stage of its newest record if that is another one than before. Without
// any record the product returns to the stage from which the deleted record moved it. If it is in that stage already, or the
// stage no longer exists, nothing changes.
func (w *Writer) moveToNewest(ctx context.Context, tx *lifecycle.Tx, before lockedRecord) error {
	newest, err := tx.NewestMove(ctx, *before.ProductID, models.LatestMove(tx.Now))
	if err != nil || !before.hasProduct || sameRecord(before.newest, newest) {
		return err
	}
	p := models.Product{StageID: before.PreviousStageID}
	if newest != nil {
		p = models.Product{StageID: newest.StageID, StageStart: new(models.DateIn(newest.ChangedAt.Time(), w.zone))}
	}
	product, err := tx.ListedProduct(ctx, *before.ProductID)
	if err != nil || reflect.DeepEqual(product.StageID, p.StageID) {
		return err
	}
	if p.StageID != nil {
		if exists, err := tx.StageExists(ctx, *p.StageID); err != nil || !exists {
			return err
		}
	}
	return tx.UpdateProduct(ctx, *before.ProductID, p, "id_stage", "tanggal_stage_start", "tanggal_stage_end")
}

func sameRecord(a, b *models.StageHistory) bool {
	return a == b || a != nil && b != nil && a.ID == b.ID
}

// changed describes a write to a record and, perhaps, to its product.
func (w *Writer) changed(ctx context.Context, tx *lifecycle.Tx, id int64, action string, productID int64) (outbox.Change, error) {
	row, err := tx.LockStageRecord(ctx, id)
	if err != nil {
		return outbox.Change{}, err
	}
	record, err := tx.ListedRecord(ctx, id)
	return outbox.Change{
		Table: lifecycle.HistoryTable, RowID: id, Action: action, Data: record, Version: row.Version(),
		Rows: mirror.ChangedRows{lifecycle.HistoryTable: {id}, lifecycle.ProductTable: {productID}},
	}, err
}
