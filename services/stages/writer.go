package stages

import (
	"context"
	"fmt"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/lifecycle"
	"lifecycle-sync/services/mirror"
	"lifecycle-sync/services/outbox"
)

// HistoryWriter records, corrects and deletes transitions of products from stage to stage.
type Writer struct {
	writer              *outbox.Writer
	products, histories *models.Table
	zone                *time.Location // whose day it is when a stage begins
}

// NewHistoryWriter returns the use cases. zone says whose day it is.
func NewWriter(w *outbox.Writer, zone *time.Location) *Writer {
	return &Writer{writer: w, products: outbox.Table(lifecycle.ProductTable), histories: outbox.Table(lifecycle.HistoryTable), zone: zone}
}

// TransitionInput is what a request says of a transition. Of a correction, Given lists the columns that
// it names.
type Input struct {
	ProductID       int64
	StageID         int64
	PreviousStageID *int64     // nil: the product's present stage
	FromNone        bool       `json:",omitempty"` // the product is in no stage, instead of PreviousStageID
	ChangedAt       *time.Time // nil: now
	Notes           *string
	Metrics         models.JSON
	Given           []string
}

// Record records a transition. The newest one moves the product to the new stage, which begins on its
// day; one that is back-dated only records. Errors: validation_failed for a product or stage that does
// not exist; conflict when the product is not in the stage it is said to leave, or in the new one
// already; those of Writer.Write.
func (h *Writer) Record(ctx context.Context, in Input, r outbox.Request) (outbox.Result, error) {
	return h.writer.Write(ctx, r, func(ctx context.Context, tx *lifecycle.Tx) (outbox.Change, error) {
		product, err := h.product(ctx, tx, in)
		if err != nil {
			return outbox.Change{}, err
		}
		at := tx.Now
		if in.ChangedAt != nil {
			at = *in.ChangedAt
		}
		backDated, err := tx.HasLaterTransition(ctx, h.histories, in.ProductID, at)
		if err != nil {
			return outbox.Change{}, err
		}
		previous := product.StageID
		if in.PreviousStageID != nil || in.FromNone {
			previous = in.PreviousStageID
		}
		if !backDated {
			begins := models.DateIn(at, h.zone)
			if err := moves(product, in, begins); err != nil {
				return outbox.Change{}, err
			}
			err := tx.Update(ctx, lifecycle.ProductTable, in.ProductID, lifecycle.Values{"id_stage": in.StageID, "tanggal_stage_start": begins})
			if err != nil {
				return outbox.Change{}, err
			}
		}
		id, err := tx.Insert(ctx, lifecycle.HistoryTable, lifecycle.Values{
			"id_produk": in.ProductID, "stage_previous": previous, "stage_now": in.StageID,
			"tanggal_perubahan": at, "catatan": in.Notes, "performance_metrics": in.Metrics,
		})
		if err != nil {
			return outbox.Change{}, err
		}
		return h.changed(ctx, tx, id, lifecycle.Inserted, in.ProductID)
	})
}

// product reads and locks the product of a transition, whose stages must exist.
func (h *Writer) product(ctx context.Context, tx *lifecycle.Tx, in Input) (product models.ListedProduct, err error) {
	row, err := tx.Row(ctx, h.products, in.ProductID)
	if err != nil {
		return product, err
	}
	var problems []models.FieldError
	if row == nil {
		problems = append(problems, models.FieldError{Field: "id_produk", Code: "unknown", LegacyMessage: "there is no such product"})
	}
	for field, id := range map[string]*int64{"stage_now": &in.StageID, "stage_previous": in.PreviousStageID} {
		if id == nil {
			continue
		}
		exists, err := tx.Exists(ctx, "tbl_stage", "id", *id)
		if err != nil {
			return product, err
		}
		if !exists {
			problems = append(problems, models.FieldError{Field: field, Code: "unknown", LegacyMessage: "there is no such stage"})
		}
	}
	if problems != nil {
		return product, models.NewInvalid(problems...)
	}
	return tx.Product(ctx, h.products, in.ProductID)
}

// moves reports why a transition that is the newest cannot be. begins is the day in our zone on which the
// new stage would begin: in the last hours of the year 9999 that is one that no product can have, and the
// write would take the product out of the mirror.
func moves(product models.ListedProduct, in Input, begins models.Date) error {
	if year := begins.Time().Year(); year < 1 || year > 9999 {
		return models.NewInvalid(models.FieldError{Field: "tanggal_perubahan", Code: "timestamp", LegacyMessage: "tanggal_perubahan must fall on a day of the years 1 to 9999"})
	}
	if in.FromNone && product.StageID != nil || in.PreviousStageID != nil && (product.StageID == nil || *product.StageID != *in.PreviousStageID) {
		return &models.Error{Class: models.Conflict, LegacyMessage: "The product is not in the stage that it is said to leave; somebody has moved it meanwhile",
			LegacyRemedy: "Look at it as it is now, and try again."}
	}
	if product.StageID != nil && *product.StageID == in.StageID {
		return &models.Error{Class: models.Conflict, LegacyMessage: "The product is in this stage already"}
	}
	return nil
}

// Correct changes notes, time and metrics of a transition; the product stays in its stage. allows, which may
// be nil, says of the transition, when nobody else can change it any more, whether it is still the one that is
// to be corrected. Errors: allows'; not found; those of Writer.Write.
func (h *Writer) Correct(ctx context.Context, id int64, in Input, allows func(now models.ListedTransition) error) (outbox.Result, error) {
	return h.writer.Write(ctx, outbox.Request{}, func(ctx context.Context, tx *lifecycle.Tx) (outbox.Change, error) {
		before, _, err := h.locked(ctx, tx, id)
		if err == nil && allows != nil {
			err = allows(before)
		}
		if err != nil {
			return outbox.Change{}, err
		}
		all := lifecycle.Values{"catatan": in.Notes, "tanggal_perubahan": in.ChangedAt, "performance_metrics": in.Metrics}
		values := lifecycle.Values{}
		for _, column := range in.Given {
			values[column] = all[column]
		}
		if err := tx.Update(ctx, lifecycle.HistoryTable, id, values); err != nil {
			return outbox.Change{}, err
		}
		return h.changed(ctx, tx, id, lifecycle.Updated, before.ProductID)
	})
}

// DeletedTransition says which transition was deleted.
type Deleted struct {
	ID        int64 `json:"id"`
	ProductID int64 `json:"id_produk"`
}

// Delete deletes a transition; the product stays in its stage. Errors: not found; precondition_failed, with the
// transition as it is, when ifMatch is given and names another state; those of Writer.Write.
func (h *Writer) Delete(ctx context.Context, id int64, ifMatch models.RowVersions) (outbox.Result, error) {
	return h.writer.Write(ctx, outbox.Request{}, func(ctx context.Context, tx *lifecycle.Tx) (outbox.Change, error) {
		before, tag, err := h.locked(ctx, tx, id)
		if err != nil {
			return outbox.Change{}, err
		}
		if !ifMatch.Allow(tag) {
			return outbox.Change{}, NewChangedError(Current{ListedTransition: before, Version: tag})
		}
		if err := tx.Delete(ctx, lifecycle.HistoryTable, id); err != nil {
			return outbox.Change{}, err
		}
		return outbox.Change{
			Table: lifecycle.HistoryTable, RowID: id, Action: lifecycle.Deleted, Data: Deleted{ID: id, ProductID: before.ProductID},
			Rows: mirror.ChangedRows{lifecycle.HistoryTable: {id}}, Deleted: 1,
		}, nil
	})
}

// Current is a transition as it is, for whom it surprises.
type Current struct {
	models.ListedTransition

	Version string `json:"-"` // "" where it was not asked for
}

// NewChangedError is the error for a transition that is no longer what somebody has seen.
func NewChangedError(current Current) error {
	return &models.Error{Class: models.PreconditionFailed, LegacyMessage: "Somebody has changed this transition meanwhile; nothing was done",
		LegacyRemedy: "Look at it as it is now, and try again.", Data: current}
}

// locked reads a transition, with its row's tag, and keeps others from changing it.
func (h *Writer) locked(ctx context.Context, tx *lifecycle.Tx, id int64) (transition models.ListedTransition, tag string, err error) {
	row, err := tx.Row(ctx, h.histories, id)
	if err != nil {
		return transition, "", err
	}
	if row == nil {
		return transition, "", &models.Error{Class: models.NotFound, LegacyMessage: fmt.Sprintf("There is no transition %d", id)}
	}
	transition, err = tx.Transition(ctx, h.histories, id)
	return transition, row.Tag(), err
}

// changed says what a write did to a transition and, perhaps, to its product.
func (h *Writer) changed(ctx context.Context, tx *lifecycle.Tx, id int64, action string, productID int64) (outbox.Change, error) {
	transition, err := tx.Transition(ctx, h.histories, id)
	return outbox.Change{
		Table: lifecycle.HistoryTable, RowID: id, Action: action, Data: transition,
		Rows: mirror.ChangedRows{lifecycle.HistoryTable: {id}, lifecycle.ProductTable: {productID}},
	}, err
}
