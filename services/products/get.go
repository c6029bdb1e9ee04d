package products

import (
	"context"

	"lifecycle-sync/models"
)

// latestTransitions is how many transitions are shown with a product.
const latestTransitions = 10

// productReader reads one product and what belongs to it, all in one state of the mirror. Errors:
// connection, timeout, schema; Product: not found.
type productReader interface {
	Product(ctx context.Context, id int64) (models.ListedProduct, error)
	ProductRow(ctx context.Context, id int64) (*models.Row, error)
	LatestTransitions(ctx context.Context, productID int64, limit int) ([]models.ListedTransition, error)
}

// Detail is a product with its latest transitions, newest first.
type Detail struct {
	models.ListedProduct

	History []models.ListedTransition `json:"stage_history"`
}

// Get returns one product, and the tag of its row. Errors: not found, connection, timeout, schema.
func Get(ctx context.Context, from productReader, id int64) (detail Detail, tag string, err error) {
	if detail.ListedProduct, err = from.Product(ctx, id); err != nil {
		return detail, "", err
	}
	row, err := from.ProductRow(ctx, id)
	if err != nil {
		return detail, "", err
	}
	detail.History, err = from.LatestTransitions(ctx, id, latestTransitions)
	return detail, row.Tag(), err
}
