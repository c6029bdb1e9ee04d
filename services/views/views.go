// Package views holds the rules for saved views of the product list: who sees, shares and changes which.
package views

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo"
	"lifecycle-sync/repositories/pmo/activities"
	viewsdb "lifecycle-sync/repositories/pmo/views"
	"lifecycle-sync/services/outbox"
)

// maxViews is the maximum number of views of one owner.
const maxViews = 100

// View is a view as a caller sees it.
type View struct {
	models.View

	BuiltIn  bool `json:"builtIn"`  // it cannot be changed
	Editable bool `json:"editable"` // by the caller

	Title models.Text `json:"-"` // name of a built-in view, for display
}

// builtIn returns the views that always exist. Their ids are negative.
func builtIn() []View {
	view := func(id int64, title, query string) View {
		return View{View: models.View{ID: id, Query: query, Columns: []string{}, Shared: true}, BuiltIn: true, Title: models.NewText("views."+title, nil)}
	}
	return []View{
		view(-1, "overdue", "overdue=true&sort=tanggal_stage_end"),
		view(-2, "due_90_days", "dueWithin=90&sort=tanggal_stage_end"),
		view(-3, "no_price", "missing=price"),
		view(-4, "launching_next_quarter", "launchWithin=nextQuarter&sort=tanggal_launch"),
	}
}

// Reader reads views. Errors: connection, timeout, schema.
type Reader interface {
	Views(ctx context.Context, ownerID string) ([]models.View, error)
}

// List returns the built-in views, then those that the caller owns or that are shared, by name. Errors: connection, timeout,
// schema.
func List(ctx context.Context, from Reader, caller models.Caller) ([]View, error) {
	stored, err := from.Views(ctx, caller.Subject)
	views := builtIn()
	for _, v := range stored {
		views = append(views, seenBy(caller, v))
	}
	return views, err
}

// Find returns one of the views of List. Errors: not found, connection, timeout, schema.
func Find(ctx context.Context, from Reader, caller models.Caller, id int64) (View, error) {
	views, err := List(ctx, from, caller)
	if err != nil {
		return View{}, err
	}
	if at := slices.IndexFunc(views, func(v View) bool { return v.ID == id }); at >= 0 {
		return views[at], nil
	}
	return View{}, models.NewError(models.NotFound, "pmo.no_view", models.Params{"id": id})
}

// seenBy returns a stored view as a caller sees it.
func seenBy(caller models.Caller, v models.View) View {
	return View{View: v, Editable: v.OwnerID == caller.Subject || caller.Role >= models.Admin}
}

// Writer creates, changes and deletes views.
type Writer struct {
	writer *outbox.Writer
	now    func() time.Time
}

// NewWriter returns the writer.
func NewWriter(writer *outbox.Writer, now func() time.Time) *Writer { return &Writer{writer, now} }

// Input is a view as a caller sends it. Fields that were not sent are nil. Its query and columns are valid.
type Input struct {
	Name    *string
	Query   *string
	Columns *[]string
	Shared  *bool
}

// apply sets the fields of a view that were sent. Errors: forbidden if the view is then shared, and the caller may not share it: its owner
// may have lost the role.
func (in Input) apply(v *models.View, caller models.Caller) error {
	if in.Name != nil {
		v.Name = *in.Name
	}
	if in.Query != nil {
		v.Query = *in.Query
	}
	if in.Columns != nil {
		v.Columns = *in.Columns
	}
	if in.Shared != nil {
		v.Shared = *in.Shared
	}
	if v.Shared && caller.Role < models.Manager {
		return models.NewError(models.Forbidden, "views.share_needs_manager", nil)
	}
	return nil
}

// Create adds a view of the caller. Errors: forbidden; conflict for a name that the caller already uses, for too many views,
// and of the key; busy of the key; connection.
func (w *Writer) Create(ctx context.Context, caller models.Caller, in Input, r outbox.Request) (outbox.Result, error) {
	now := models.InstantOf(w.now())
	view := models.View{Columns: []string{}, OwnerID: caller.Subject, OwnerName: cmp.Or(caller.Name, caller.Subject), CreatedAt: &now, UpdatedAt: &now}
	if err := in.apply(&view, caller); err != nil {
		return outbox.Result{}, err
	}
	return w.writer.WriteMirror(ctx, r, func(ctx context.Context, tx *pmo.Session) (outbox.MirrorChange, error) {
		views := viewsdb.New(tx)
		n, err := views.Count(ctx, view.OwnerID)
		if err != nil {
			return outbox.MirrorChange{}, err
		}
		if n >= maxViews {
			return outbox.MirrorChange{}, models.NewError(models.Conflict, "views.too_many", models.Params{"max": maxViews}).WithRemedy("views.too_many_remedy", nil)
		}
		err = views.Create(ctx, &view)
		if err == nil && view.Shared {
			err = record(ctx, tx, models.SaveViewAction, view)
		}
		return outbox.MirrorChange{RowID: view.ID, Data: seenBy(caller, view)}, err
	})
}

// Update changes the fields of a view that were sent. Errors: not found; forbidden; conflict for a name that the owner already
// uses; connection.
func (w *Writer) Update(ctx context.Context, caller models.Caller, id int64, in Input) (outbox.Result, error) {
	return w.writer.WriteMirror(ctx, outbox.Request{}, func(ctx context.Context, tx *pmo.Session) (outbox.MirrorChange, error) {
		view, err := editable(ctx, tx, caller, id)
		if err != nil {
			return outbox.MirrorChange{}, err
		}
		wasShared := view.Shared
		if err := in.apply(&view, caller); err != nil {
			return outbox.MirrorChange{}, err
		}
		now := models.InstantOf(w.now())
		view.UpdatedAt = &now
		err = viewsdb.New(tx).Update(ctx, view)
		if err == nil && (view.Shared || wasShared) {
			err = record(ctx, tx, models.SaveViewAction, view)
		}
		return outbox.MirrorChange{RowID: view.ID, Data: seenBy(caller, view)}, err
	})
}

// Delete deletes a view. Errors: not found; forbidden; connection.
func (w *Writer) Delete(ctx context.Context, caller models.Caller, id int64) (outbox.Result, error) {
	return w.writer.WriteMirror(ctx, outbox.Request{}, func(ctx context.Context, tx *pmo.Session) (outbox.MirrorChange, error) {
		view, err := editable(ctx, tx, caller, id)
		if err != nil {
			return outbox.MirrorChange{}, err
		}
		err = viewsdb.New(tx).Delete(ctx, id)
		if err == nil && view.Shared {
			err = record(ctx, tx, models.DeleteViewAction, view)
		}
		return outbox.MirrorChange{RowID: view.ID, Data: seenBy(caller, view)}, err
	})
}

// record records what the author in ctx did to a shared view. It cannot be undone. Personal views concern only their owner. Errors:
// connection, timeout.
func record(ctx context.Context, tx *pmo.Session, action string, v models.View) error {
	detail, err := json.Marshal(map[string]any{"id": v.ID, "name": v.Name, "shared": v.Shared})
	if err != nil {
		return err
	}
	author := models.AuthorOf(ctx)
	return activities.New(tx).Add(ctx, &models.Activity{Actor: author.Actor, Channel: author.Channel, Action: action, Detail: detail}, nil)
}

// editable returns a view that the caller may change. Personal views of others do not exist for the caller, unless it is an
// Admin. Errors: not found; forbidden for a shared view of another person; connection.
func editable(ctx context.Context, tx *pmo.Session, caller models.Caller, id int64) (models.View, error) {
	view, err := viewsdb.New(tx).Find(ctx, id)
	switch {
	case err != nil:
		return view, err
	case seenBy(caller, view).Editable:
		return view, nil
	case view.Shared:
		return view, models.NewError(models.Forbidden, "views.not_yours", models.Params{"owner": view.OwnerName})
	default:
		return view, models.NewError(models.NotFound, "pmo.no_view", models.Params{"id": id})
	}
}
