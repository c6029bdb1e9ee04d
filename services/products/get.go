package products

import (
	"context"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo/catalog"
)

// latestRecords is the number of stage history records shown with a product.
const latestRecords = 10

// Reader reads products from one snapshot of the mirror. Errors: connection, timeout, schema; Product: not found.
type Reader interface {
	DropdownReader
	Products(ctx context.Context, f catalog.DatedFilter, order catalog.ProductOrder, offset, limit int) ([]models.ListedProduct, int64, error)
	Product(ctx context.Context, id int64) (models.ListedProduct, error)
	ProductRow(ctx context.Context, id int64) (*models.Row, error)
	LatestTransitions(ctx context.Context, productID int64, limit int) ([]models.ListedRecord, error)
}

// Detail is a product with its latest stage history records, newest first.
type Detail struct {
	models.ListedProduct

	History []models.ListedRecord `json:"stage_history"`
}

// Get returns one product, and its row version. Errors: not found, connection, timeout, schema.
func Get(ctx context.Context, from Reader, id int64) (detail Detail, version string, err error) {
	if detail.ListedProduct, err = from.Product(ctx, id); err != nil {
		return detail, "", err
	}
	row, err := from.ProductRow(ctx, id)
	if err != nil {
		return detail, "", err
	}
	detail.History, err = from.LatestTransitions(ctx, id, latestRecords)
	return detail, row.Version(), err
}
