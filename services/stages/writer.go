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
	"lifecycle-sync/services/outbox"
	"lifecycle-sync/services/products"
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
		locked, _, err := products.LockAll(ctx, tx, []products.Target{{ID: in.ProductID}})
		if err != nil {
			return outbox.Change{}, err
		}
		var invalid []models.FieldError
		if len(locked) == 0 {
			invalid = append(invalid, models.FieldError{Field: "id_produk", Code: "unknown", Text: models.NewText("stages.unknown_product", models.Params{"id": in.ProductID})})
		}
		if err := check(ctx, tx, in, invalid); err != nil {
			return outbox.Change{}, err
		}
		first, failures, err := w.move(ctx, tx, locked, nil, in)
		if err == nil {
			err = failures.First()
		}
		if err != nil {
			return outbox.Change{}, err
		}
		c, err := w.changed(ctx, tx, first, lifecycle.Inserted)
		c.Products = products.Identities(locked)
		return c, err
	})
}

// RecordAll is Record for several products, all or none; in.ProductID does not count. r.Files holds an equal share for each product.
// Errors: validation_failed for the move itself; those of products.Failures.Err; those of outbox.Writer.Write.
func (w *Writer) RecordAll(ctx context.Context, targets []products.Target, in Input, r outbox.Request) (outbox.Result, error) {
	ctx, r.Large = models.WithChannel(ctx, models.BulkChannel), true
	return w.writer.Write(ctx, r, func(ctx context.Context, tx *lifecycle.Tx) (outbox.Change, error) {
		locked, failures, err := products.LockAll(ctx, tx, targets)
		if err == nil {
			err = check(ctx, tx, in, nil)
		}
		if err != nil {
			return outbox.Change{}, err
		}
		first, failures, err := w.move(ctx, tx, locked, failures, in)
		if err == nil {
			err = failures.Err(len(targets))
		}
		if err != nil {
			return outbox.Change{}, err
		}
		data, err := products.Versions(ctx, tx, locked)
		return outbox.Change{Table: lifecycle.HistoryTable, RowID: first, Action: lifecycle.Inserted, Products: products.Identities(locked), Data: data}, err
	})
}

// move moves locked products and returns the id of the first record. If one of them cannot move, it moves none and adds to the failures.
// Errors: those of Tx.
func (w *Writer) move(ctx context.Context, tx *lifecycle.Tx, locked []products.Locked, failures products.Failures, in Input) (int64, products.Failures, error) {
	newest, err := tx.NewestMoves(ctx, products.IDs(locked))
	if err != nil {
		return 0, nil, err
	}
	var moves []move
	for _, p := range locked {
		last := newest[p.ID]
		m := move{Locked: p, at: models.MoveTime(last, tx.Now)}
		if in.ChangedAt != nil {
			m.at = *in.ChangedAt
		}
		m.begins, m.backDated = models.DateIn(m.at, w.zone), last != nil && last.ChangedAt.Time().After(m.at)
		if refusal := m.check(in); refusal != nil {
			failures = append(failures, products.NewFailure(p, refusal))
		}
		moves = append(moves, m)
	}
	if len(failures) > 0 {
		return 0, failures, nil
	}
	first, err := w.apply(ctx, tx, moves, in)
	return first, nil, err
}

// check checks what is the same for every product of a move. Errors: validation_failed, with the errors in invalid first.
func check(ctx context.Context, tx *lifecycle.Tx, in Input, invalid []models.FieldError) error {
	for _, stage := range []struct {
		field string
		id    *int64
	}{{"stage_now", &in.StageID}, {"stage_previous", in.PreviousStageID}} {
		if stage.id == nil {
			continue
		}
		exists, err := tx.StageExists(ctx, *stage.id)
		if err != nil {
			return err
		}
		if !exists {
			invalid = append(invalid, models.FieldError{Field: stage.field, Code: "unknown", Text: models.NewText("stages.unknown_stage", models.Params{"id": *stage.id})})
		}
	}
	if invalid = append(invalid, checkTime(in.ChangedAt, tx.Now)...); invalid != nil {
		return models.NewInvalid(invalid...)
	}
	return nil
}

// checkTime rejects moves in the future: no later move could ever be the newest.
func checkTime(at *time.Time, now time.Time) []models.FieldError {
	if at == nil || !at.After(models.LatestMove(now)) {
		return nil
	}
	return []models.FieldError{{Field: "tanggal_perubahan", Code: "future", Text: models.NewText("stages.future", nil)}}
}

// move is a move of a locked product.
type move struct {
	products.Locked

	at        time.Time
	begins    models.Date // the day of the move
	backDated bool        // the product stays in its stage
}

// check returns why a product cannot move, nil if it can: a conflict, or validation_failed for its planned end and for a day
// before the year 1, which a product cannot have.
func (m move) check(in Input) *models.Error {
	switch current := m.StageID; {
	case m.backDated && in.StageEnd != nil:
		return models.NewInvalid(models.FieldError{Field: "tanggal_stage_end", Code: "back_dated", Text: models.NewText("stages.end_of_back_dated", nil)})
	case m.backDated:
		return nil
	case m.begins.Time().Year() < 1:
		return models.NewInvalid(models.FieldError{Field: "tanggal_perubahan", Code: "timestamp", Text: models.NewText("stages.before_year_one", nil)})
	case in.StageEnd != nil && in.StageEnd.Time().Before(m.begins.Time()):
		return models.NewInvalid(models.NewFieldError("tanggal_stage_end", "order", "products.stage_end_before_start", nil))
	case in.FromNone && current != nil, in.PreviousStageID != nil && (current == nil || *current != *in.PreviousStageID):
		return models.NewError(models.Conflict, "stages.not_in_previous", nil).WithRemedy("stages.not_in_previous_remedy", nil).AsStale(m.ID)
	case current != nil && *current == in.StageID:
		return models.NewError(models.Conflict, "stages.already_in_stage", nil).AsStale(m.ID)
	default:
		return nil
	}
}

// apply records planned moves and puts the products into their new stage, with one statement for those that begin it on the same
// day. It returns the id of the first record.
func (w *Writer) apply(ctx context.Context, tx *lifecycle.Tx, moves []move, in Input) (first int64, err error) {
	beginning := map[models.Date][]int64{}
	records := make([]models.StageHistory, len(moves))
	for i, m := range moves {
		if !m.backDated {
			beginning[m.begins] = append(beginning[m.begins], m.ID)
		}
		previous := m.StageID
		if in.PreviousStageID != nil || in.FromNone {
			previous = in.PreviousStageID
		}
		at := models.InstantOf(m.at)
		records[i] = models.StageHistory{ProductID: &m.ID, PreviousStageID: previous, StageID: &in.StageID, ChangedAt: &at, Notes: in.Notes, Metrics: in.Metrics}
	}
	for begins, ids := range beginning {
		p := models.Product{StageID: &in.StageID, StageStart: &begins, StageEnd: in.StageEnd}
		if err := tx.UpdateProducts(ctx, ids, p, "id_stage", "tanggal_stage_start", "tanggal_stage_end"); err != nil {
			return 0, err
		}
	}
	err = tx.CreateStageRecords(ctx, records)
	return records[0].ID, err
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
		return w.changed(ctx, tx, id, lifecycle.Updated)
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
		if err := tx.Remove(ctx, models.TableNamed(lifecycle.HistoryTable), []int64{id}); err != nil {
			return outbox.Change{}, err
		}
		if err := w.moveToNewest(ctx, tx, before); err != nil {
			return outbox.Change{}, err
		}
		return outbox.Change{
			Table: lifecycle.HistoryTable, RowID: id, Action: lifecycle.Deleted, Data: Deleted{ID: id, ProductID: *before.ProductID},
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
	err := models.NewError(models.PreconditionFailed, "stages.changed", nil).WithRemedy("stages.changed_remedy", nil).AsStale(*current.ProductID)
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
	notFound := models.NewError(models.NotFound, "stages.not_found", models.Params{"id": id})
	productID, err := tx.ProductOfRecord(ctx, id)
	if err != nil {
		return l, err
	}
	if productID == nil {
		return l, notFound
	}
	product, err := tx.LockProducts(ctx, []int64{*productID})
	if err != nil {
		return l, err
	}
	records, err := tx.LockRows(ctx, models.TableNamed(lifecycle.HistoryTable), []int64{id})
	if err != nil {
		return l, err
	}
	record, exists := records[id]
	if !exists {
		return l, notFound.AsStale(*productID)
	}
	if l.ListedRecord, err = tx.ListedRecord(ctx, id); err != nil {
		return l, err
	}
	if version := record.Version(); !versions.Allow(version) || *l.ProductID != *productID {
		return l, NewChangedError(Current{ListedRecord: l.ListedRecord, Version: version})
	}
	l.hasProduct = len(product) > 0
	newest, err := tx.NewestMoves(ctx, []int64{*productID})
	l.newest = newest[*productID]
	return l, err
}

// moveToNewest puts the product of a changed record into the stage of its newest record if that is another one than before. Without
// any record the product returns to the stage from which the deleted record moved it. If it is in that stage already, or the
// stage no longer exists, nothing changes.
func (w *Writer) moveToNewest(ctx context.Context, tx *lifecycle.Tx, before lockedRecord) error {
	ids := []int64{*before.ProductID}
	moves, err := tx.NewestMoves(ctx, ids)
	newest := moves[*before.ProductID]
	if err != nil || !before.hasProduct || sameRecord(before.newest, newest) {
		return err
	}
	p := models.Product{StageID: before.PreviousStageID}
	if newest != nil {
		p = models.Product{StageID: newest.StageID, StageStart: new(models.DateIn(newest.ChangedAt.Time(), w.zone))}
	}
	product, err := tx.ListedProducts(ctx, ids)
	if err != nil || reflect.DeepEqual(product[0].StageID, p.StageID) {
		return err
	}
	if p.StageID != nil {
		if exists, err := tx.StageExists(ctx, *p.StageID); err != nil || !exists {
			return err
		}
	}
	return tx.UpdateProducts(ctx, ids, p, "id_stage", "tanggal_stage_start", "tanggal_stage_end")
}

func sameRecord(a, b *models.StageHistory) bool {
	return a == b || a != nil && b != nil && a.ID == b.ID
}

// changed describes a write to a record and, perhaps, to its product.
func (w *Writer) changed(ctx context.Context, tx *lifecycle.Tx, id int64, action string) (outbox.Change, error) {
	rows, err := tx.LockRows(ctx, models.TableNamed(lifecycle.HistoryTable), []int64{id})
	if err != nil {
		return outbox.Change{}, err
	}
	row := rows[id]
	record, err := tx.ListedRecord(ctx, id)
	return outbox.Change{
		Table: lifecycle.HistoryTable, RowID: id, Action: action, Data: record, Version: row.Version(),
	}, err
}
