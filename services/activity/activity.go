// Package activity lists who changed what, and undoes it.
package activity

import (
	"context"
	"slices"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/lifecycle"
	"lifecycle-sync/repositories/pmo"
	"lifecycle-sync/repositories/pmo/activities"
	"lifecycle-sync/services/outbox"
)

// Service lists and undoes activities.
type Service struct {
	writer *outbox.Writer
	store  *pmo.Store
	tables []*models.Table
}

// New returns the service.
func New(writer *outbox.Writer, store *pmo.Store, tables []*models.Table) *Service {
	return &Service{writer: writer, store: store, tables: tables}
}

// Filter selects activities.
type Filter = activities.Filter

// listedChanges is the number of changes that an activity is listed with.
const listedChanges = 50

// Listed is an activity with the products and the first rows that it changed.
type Listed struct {
	models.Activity
	Products     []int64
	ProductNames map[int64]string // of the products of Changes that are mirrored
	Changes      []models.ActivityChange
}

// List returns a page of the activities, newest first. With the filter of a product, its changes come first. Errors: connection, timeout, schema.
func (s *Service) List(ctx context.Context, f Filter, p models.Paging) (list []Listed, pagination models.Pagination, err error) {
	p = p.Bounded()
	var total int64
	_, err = s.store.View(ctx, func(v *pmo.Session) error {
		recorded := activities.New(v)
		var page []models.Activity
		if page, total, err = recorded.List(ctx, f, p.Offset(), int(p.Limit)); err != nil {
			return err
		}
		for _, a := range page {
			listed, err := details(ctx, recorded, a, f.ProductID, 0, listedChanges)
			if err != nil {
				return err
			}
			list = append(list, listed)
		}
		return nil
	})
	return list, p.Of(total), err
}

// Get returns an activity with a page of its changes. Errors: not found, connection, timeout, schema.
func (s *Service) Get(ctx context.Context, id int64, p models.Paging) (listed Listed, pagination models.Pagination, err error) {
	p = p.Bounded()
	_, err = s.store.View(ctx, func(v *pmo.Session) error {
		a, err := existing(ctx, activities.New(v), id)
		if err == nil {
			listed, err = details(ctx, activities.New(v), a, 0, p.Offset(), int(p.Limit))
		}
		return err
	})
	return listed, p.Of(listed.ChangeCount), err
}

// Written returns the activity of an undo or a restore as its write has recorded it: pmo_db may be unavailable since. That of a repeated
// request is read. Errors: those of Get.
func (s *Service) Written(ctx context.Context, result outbox.Result) (Listed, error) {
	written := result.Activity
	if written.Changes == nil {
		listed, _, err := s.Get(ctx, written.ID, models.Paging{Limit: listedChanges})
		return listed, err
	}
	products := productsOf(written.Changes)
	return Listed{
		Activity: written.Activity, Products: products[:min(len(products), activities.ProductsListed)],
		Changes: written.Changes[:min(len(written.Changes), listedChanges)],
	}, nil
}

// Actors returns the actors of the activities, by name. Errors: connection, timeout, schema.
func (s *Service) Actors(ctx context.Context) ([]models.Actor, error) {
	return activities.New(s.store.Session).Actors(ctx)
}

func existing(ctx context.Context, recorded *activities.Activities, id int64) (models.Activity, error) {
	a, err := recorded.Get(ctx, id)
	if err == nil && a == nil {
		err = models.NewError(models.NotFound, "activity.not_found", models.Params{"id": id})
	}
	if err != nil {
		return models.Activity{}, err
	}
	return *a, nil
}

func details(ctx context.Context, recorded *activities.Activities, a models.Activity, product int64, offset, limit int) (listed Listed, err error) {
	listed.Activity = a
	if listed.Products, err = recorded.Products(ctx, a); err == nil {
		listed.Changes, err = recorded.Changes(ctx, a, product, offset, limit)
	}
	if err != nil {
		return listed, err
	}
	var ids []int64
	for _, c := range listed.Changes {
		if c.ProductID != nil {
			ids = append(ids, *c.ProductID)
		}
	}
	listed.ProductNames, err = recorded.ProductNames(ctx, ids)
	return listed, err
}

// Fields lists the columns that activities can be filtered by: those of products and stage history records.
func Fields() (columns []string) {
	for _, t := range []*models.Table{models.TableNamed(lifecycle.ProductTable), models.TableNamed(lifecycle.HistoryTable)} {
		columns = append(columns, t.ColumnNames()[1:]...)
	}
	slices.Sort(columns)
	return slices.Compact(columns)
}

// Actions lists the actions of activities.
func Actions() []string {
	return []string{
		models.CreateAction, models.UpdateAction, models.DeleteAction, models.MoveAction, models.CorrectAction, models.DeleteRecordAction,
		models.UploadAction, models.DeleteFileAction, models.UndoAction, models.RestoreAction, models.SyncAction, models.CancelAction, models.ExportAction,
		models.SaveViewAction, models.DeleteViewAction,
	}
}

// DeletedProduct is a product that lifecycle_db no longer has.
type DeletedProduct = activities.DeletedProduct

// DeletedProducts returns a page of the deleted products, newest first. Errors: connection, timeout, schema.
func (s *Service) DeletedProducts(ctx context.Context, p models.Paging) ([]DeletedProduct, models.Pagination, error) {
	p = p.Bounded()
	deleted, total, err := activities.New(s.store.Session).DeletedProducts(ctx, p.Offset(), int(p.Limit))
	return deleted, p.Of(total), err
}
