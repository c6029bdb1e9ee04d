package services

import (
	"context"
	"strconv"

	"lifecycle-sync/models"
)

// choices reads what the dropdowns offer from the mirror. Errors: connection, timeout, schema.
type choices interface {
	Segments(ctx context.Context) ([]models.Segment, error)
	Stages(ctx context.Context) ([]models.Stage, error)
	Categories(ctx context.Context) ([]models.Category, error)
	ProductCategoryIDs(ctx context.Context) ([]int64, error)
}

// Dropdowns offers what a product can be given: segments, stages and categories.
type Dropdowns struct{ choices choices }

// NewDropdowns returns the use case on a store.
func NewDropdowns(c choices) *Dropdowns { return &Dropdowns{c} }

// DropdownLists are the lists, in the order in which they are shown.
type DropdownLists struct {
	Segments   []models.Segment
	Stages     []models.Stage
	Categories []models.Category
}

// All returns the three lists. Errors: connection, timeout, schema.
func (d *Dropdowns) All(ctx context.Context) (lists DropdownLists, err error) {
	if lists.Segments, err = d.choices.Segments(ctx); err != nil {
		return lists, err
	}
	if lists.Stages, err = d.choices.Stages(ctx); err != nil {
		return lists, err
	}
	lists.Categories, err = d.categories(ctx)
	return lists, err
}

// categories are those of the mirror. Where lifecycle_db has no table of categories they are the ids
// that its products carry, and have no other name.
func (d *Dropdowns) categories(ctx context.Context) ([]models.Category, error) {
	categories, err := d.choices.Categories(ctx)
	if err != nil || len(categories) > 0 {
		return categories, err
	}
	ids, err := d.choices.ProductCategoryIDs(ctx)
	for _, id := range ids {
		name := strconv.FormatInt(id, 10)
		categories = append(categories, models.Category{ID: id, Name: &name})
	}
	return categories, err
}
