package products

import (
	"context"
	"strconv"

	"lifecycle-sync/models"
)

// DropdownReader reads the mirror's segments, stages and categories. Errors: connection, timeout, schema.
type DropdownReader interface {
	Segments(ctx context.Context) ([]models.Segment, error)
	Stages(ctx context.Context) ([]models.Stage, error)
	Categories(ctx context.Context) ([]models.Category, error)
	ProductCategoryIDs(ctx context.Context) ([]int64, error)
}

// DropdownLists are the lists, in the order in which they are shown.
type DropdownLists struct {
	Segments   []models.Segment
	Stages     []models.Stage
	Categories []models.Category
}

// LastStage is the end of the lifecycle, 0 when there are no stages.
func (l DropdownLists) LastStage() (last int64) {
	for _, s := range l.Stages {
		last = max(last, s.ID)
	}
	return last
}

// Dropdowns returns what a product can be given: segments, stages and categories. Errors: connection,
// timeout, schema.
func Dropdowns(ctx context.Context, from DropdownReader) (lists DropdownLists, err error) {
	if lists.Segments, err = from.Segments(ctx); err != nil {
		return lists, err
	}
	if lists.Stages, err = from.Stages(ctx); err != nil {
		return lists, err
	}
	lists.Categories, err = categories(ctx, from)
	return lists, err
}

// categories are those of the mirror. Where lifecycle_db has no table of categories they are the ids
// that its products carry, and have no other name.
func categories(ctx context.Context, from DropdownReader) ([]models.Category, error) {
	rows, err := from.Categories(ctx)
	if err != nil || len(rows) > 0 {
		return rows, err
	}
	ids, err := from.ProductCategoryIDs(ctx)
	for _, id := range ids {
		name := strconv.FormatInt(id, 10)
		rows = append(rows, models.Category{ID: id, Name: &name})
	}
	return rows, err
}
