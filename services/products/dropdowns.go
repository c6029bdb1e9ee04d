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

// DropdownLists are the lists in display order.
type DropdownLists struct {
	Segments   []models.Segment
	Stages     []models.Stage
	Categories []models.Category
}

// LastStage returns the id of the last stage, 0 without stages.
func (l DropdownLists) LastStage() (last int64) {
	for _, s := range l.Stages {
		last = max(last, s.ID)
	}
	return last
}

// Dropdowns returns the segments, stages and categories of the mirror. Errors: connection, timeout, schema.
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

// categories returns the mirror's categories. Without a table of categories in lifecycle_db, they are the ids found on
// products, named by the id.
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
