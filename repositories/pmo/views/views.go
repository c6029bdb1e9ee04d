// Package views stores saved views of the product list.
package views

import (
	"context"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo"
)

// Views reads and writes saved views.
type Views struct{ s *pmo.Session }

// New returns the views on a session.
func New(s *pmo.Session) *Views { return &Views{s: s} }

// Visible lists the views of an owner and the shared ones, by name. Errors: connection, timeout, schema.
func (v *Views) Visible(ctx context.Context, ownerID string) ([]models.View, error) {
	views := []models.View{}
	err := v.s.Gorm(ctx).Where("owner_id = ? OR shared", ownerID).Order("lower(name), id").Find(&views).Error
	return views, v.s.Translate(err)
}

// Find returns a view. Errors: not found, connection, timeout, schema.
func (v *Views) Find(ctx context.Context, id int64) (models.View, error) {
	view, err := pmo.First[models.View](v.s, v.s.Gorm(ctx).Where("id = ?", id))
	if err == nil && view == nil {
		err = models.NewError(models.NotFound, "pmo.no_view", models.Params{"id": id})
	}
	if err != nil {
		return models.View{}, err
	}
	return *view, nil
}

// Count returns the number of views of an owner. Errors: connection, timeout, schema.
func (v *Views) Count(ctx context.Context, ownerID string) (n int64, err error) {
	err = v.s.Gorm(ctx).Model(&models.View{}).Where("owner_id = ?", ownerID).Count(&n).Error
	return n, v.s.Translate(err)
}

// Create adds a view and sets its id. Errors: conflict if the owner has a view of this name, connection.
func (v *Views) Create(ctx context.Context, view *models.View) error {
	return v.write(v.s.Gorm(ctx).Create(view).Error, view.Name)
}

// Update changes a view. Errors: as Create.
func (v *Views) Update(ctx context.Context, view models.View) error {
	return v.write(v.s.Gorm(ctx).Model(&view).Select("Name", "Query", "Columns", "Shared", "UpdatedAt").Updates(&view).Error, view.Name)
}

// write translates the error of a write: the only constraint that a valid view can violate is that of its name.
func (v *Views) write(err error, name string) error {
	err = v.s.Translate(err)
	if e := models.AsError(err); e != nil && e.Class == models.Constraint {
		return models.NewError(models.Conflict, "pmo.view_exists", models.Params{"name": name}).WithRemedy("pmo.view_exists_remedy", nil).WithCause(err)
	}
	return err
}

// Delete deletes a view. Errors: connection.
func (v *Views) Delete(ctx context.Context, id int64) error {
	return v.s.Translate(v.s.Gorm(ctx).Delete(&models.View{ID: id}).Error)
}
