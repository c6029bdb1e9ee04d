package activity

import (
	"context"
	"math"
	"slices"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/lifecycle"
	"lifecycle-sync/repositories/pmo"
	"lifecycle-sync/repositories/pmo/activities"
	attachmentsdb "lifecycle-sync/repositories/pmo/attachments"
	"lifecycle-sync/services/mirror"
	"lifecycle-sync/services/outbox"
)

// Conflict is a row that is no longer as the activity left it. Field is "" if the row as a whole has appeared or disappeared.
type Conflict struct {
	Table    string      `json:"table"`
	ID       int64       `json:"id"`
	Field    string      `json:"field,omitempty"`
	Expected models.JSON `json:"expected"`
	Actual   models.JSON `json:"actual"`
}

// Undone is the stored result of an undo.
type Undone struct {
	Undoes int64 `json:"undoes"`
}

// Undo writes the values before an activity back, if its rows are still as it left them: all or nothing. The undo is an activity,
// which can be undone. Errors: not found; conflict, with a list of Conflict as its data if rows have changed since; forbidden if it
// would delete a restored product and the caller is no Admin; those of outbox.Writer.Write.
func (s *Service) Undo(ctx context.Context, id int64, role models.Role, r outbox.Request) (outbox.Result, error) {
	undone, changes, err := s.undoable(ctx, id, role)
	if err != nil {
		return outbox.Result{}, err
	}
	rows := slices.DeleteFunc(slices.Clone(changes), func(c models.ActivityChange) bool { return c.Table == models.AttachmentTable })
	files := slices.DeleteFunc(slices.Clone(changes), func(c models.ActivityChange) bool { return c.Table != models.AttachmentTable })
	if len(rows) == 0 {
		return s.undoFiles(ctx, undone, files, r)
	}
	r.Large = true
	return s.writer.Write(ctx, r, func(ctx context.Context, tx *lifecycle.Tx) (outbox.Change, error) {
		if err := s.checkNotUndone(ctx, s.store.Session, undone.ID); err != nil {
			return outbox.Change{}, err
		}
		if err := s.checkFiles(ctx, s.store.Session, undone.ID, changes); err != nil {
			return outbox.Change{}, err
		}
		c, err := s.reverse(ctx, tx, &undone, rows)
		c.Undoes, c.As, c.Data = &undone, models.UndoAction, Undone{Undoes: undone.ID}
		return c, err
	})
}

// Restore brings back a row that was deleted directly in lifecycle_db, under its old id, from an entry of the change log. The stage
// history that was deleted with a product returns with it. Errors: not found; conflict if the entry is no deletion, the id is in
// use, or a referenced row does not exist; those of outbox.Writer.Write.
func (s *Service) Restore(ctx context.Context, change int64, r outbox.Request) (outbox.Result, error) {
	recorded := activities.New(s.store.Session)
	entry, err := recorded.LoggedChange(ctx, change)
	if err != nil {
		return outbox.Result{}, err
	}
	if entry == nil {
		return outbox.Result{}, models.NewError(models.NotFound, "activity.change_not_found", models.Params{"id": change})
	}
	if entry.Action != string(mirror.Delete) {
		return outbox.Result{}, models.NewError(models.Conflict, "activity.not_deleted", models.Params{"id": change})
	}
	deleted := []models.LoggedChange{*entry}
	if entry.Table == models.TableNamed(lifecycle.ProductTable).Name {
		records, err := recorded.DeletedWith(ctx, *entry)
		if err != nil {
			return outbox.Result{}, err
		}
		deleted = append(records, deleted...) // reversed: the product first
	}
	rows := make([]models.ActivityChange, len(deleted))
	for i, d := range deleted {
		rows[i] = models.ActivityChange{Table: d.Table, RowID: d.RowID, ProductID: d.ProductID, Before: d.Before}
	}
	return s.writer.Write(ctx, r, func(ctx context.Context, tx *lifecycle.Tx) (outbox.Change, error) {
		c, err := s.reverse(ctx, tx, nil, rows)
		c.As, c.Data = models.RestoreAction, Undone{}
		return c, err
	})
}

// undoable reads an activity with all its changes and checks whether the role may undo it. Errors: as Undo.
func (s *Service) undoable(ctx context.Context, id int64, role models.Role) (a models.Activity, changes []models.ActivityChange, err error) {
	restored := false
	_, err = s.store.View(ctx, func(v *pmo.Session) error {
		if a, err = existing(ctx, activities.New(v), id); err != nil {
			return err
		}
		if changes, err = activities.New(v).Changes(ctx, a, 0, 0, math.MaxInt); err == nil {
			restored, err = restoredSince(ctx, activities.New(v), a, changes)
		}
		return err
	})
	switch {
	case err != nil:
		return a, nil, err
	case a.Action == models.SyncAction:
		return a, nil, models.NewError(models.Conflict, "activity.of_run", models.Params{"run": *a.RunID}).WithRemedy("activity.of_run_remedy", models.Params{"run": *a.RunID})
	case len(changes) == 0:
		return a, nil, models.NewError(models.Conflict, "activity.nothing_to_undo", nil)
	case role < models.Admin && restored:
		return a, nil, models.NewError(models.Forbidden, "http.forbidden",
			models.Params{"required": models.NewText("http.only_admin", nil), "actual": models.NewText("http.role_"+role.String(), nil)})
	default:
		return a, changes, nil
	}
}

// checkNotUndone checks that an activity has not been undone. Part of the write, because a repeated request gets its first response.
// Errors: not found; conflict; those of existing.
func (s *Service) checkNotUndone(ctx context.Context, in *pmo.Session, id int64) error {
	a, err := existing(ctx, activities.New(in), id)
	if err == nil && a.UndoneBy != nil {
		err = activities.AlreadyUndone(*a.UndoneBy)
	}
	return err
}

// restoredSince reports whether undoing an activity would delete a product that an undo or a restore has brought back.
func restoredSince(ctx context.Context, recorded *activities.Activities, a models.Activity, changes []models.ActivityChange) (bool, error) {
	inserted := insertedProducts(changes)
	if a.Action == models.UndoAction || a.Action == models.RestoreAction {
		return inserted != nil, nil
	}
	restored, err := recorded.InsertedSince(ctx, a.ID, inserted)
	return restored != nil, err
}

// insertedProducts returns the products that changes inserted.
func insertedProducts(changes []models.ActivityChange) (products []int64) {
	for _, c := range changes {
		if isProduct(c) && c.Before == nil {
			products = append(products, c.RowID)
		}
	}
	return products
}

// undoFiles undoes an activity that changed only files, which are not in lifecycle_db.
func (s *Service) undoFiles(ctx context.Context, undone models.Activity, files []models.ActivityChange, r outbox.Request) (outbox.Result, error) {
	return s.writer.WriteMirror(ctx, r, func(ctx context.Context, tx *pmo.Session) (outbox.MirrorChange, error) {
		err := s.checkNotUndone(ctx, tx, undone.ID)
		if err == nil {
			err = s.checkFiles(ctx, tx, undone.ID, files)
		}
		return outbox.MirrorChange{Data: Undone{Undoes: undone.ID}, Undoes: &undone}, err
	})
}

// checkFiles checks that files are as an activity left them, that the products of those to restore exist or return with them, and
// that no file was added since to a product that would be deleted. Errors: conflict.
func (s *Service) checkFiles(ctx context.Context, in *pmo.Session, activity int64, changes []models.ActivityChange) error {
	var ids, returning []int64
	for _, c := range changes {
		switch {
		case c.Table == models.AttachmentTable:
			ids = append(ids, c.RowID)
		case isProduct(c) && c.After == nil:
			returning = append(returning, c.RowID)
		}
	}
	files, err := attachmentsdb.New(in).Stored(ctx, ids)
	if err != nil {
		return err
	}
	var conflicts []Conflict
	for _, c := range changes {
		if c.Table != models.AttachmentTable {
			continue
		}
		file, known := files[c.RowID]
		orphan := file.ClosedAt != nil && !slices.Contains(returning, file.ProductID)
		if hidden := file.RemovedAt != nil; !known || orphan || hidden != (c.After == nil) {
			conflicts = append(conflicts, Conflict{Table: c.Table, ID: c.RowID, Expected: c.After})
		}
	}
	added, err := activities.New(in).FilesAddedSince(ctx, activity, insertedProducts(changes))
	if err != nil {
		return err
	}
	visible, err := attachmentsdb.New(in).Visible(ctx, insertedProducts(changes))
	if err != nil {
		return err
	}
	for _, file := range visible {
		if slices.Contains(added, file.ID) {
			conflicts = append(conflicts, Conflict{Table: models.AttachmentTable, ID: file.ID, Actual: outbox.FileDocument(file)})
		}
	}
	return conflictError(conflicts)
}
