package products

import (
	"context"
	"slices"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/lifecycle"
)

// MaxBulk is the maximum number of products that one write changes.
const MaxBulk = 1000

// Target is a product to change, and the row versions in which it may be changed.
type Target struct {
	ID       int64
	Versions models.RowVersions
}

// Locked is a product that is locked until the transaction ends, with its row.
type Locked struct {
	models.ListedProduct

	Row models.Row
}

// LockAll locks and reads products in the order of their ids. Those that do not exist or have another version are failures;
// the latter are locked, too. Errors: forbidden, connection, timeout.
func LockAll(ctx context.Context, tx *lifecycle.Tx, targets []Target) (locked []Locked, failures Failures, err error) {
	ids := make([]int64, len(targets))
	allowed := make(map[int64]models.RowVersions, len(targets))
	for i, t := range targets {
		ids[i], allowed[t.ID] = t.ID, t.Versions
	}
	rows, err := tx.LockProducts(ctx, ids)
	if err != nil || len(rows) == 0 {
		return nil, missing(ids, nil), err
	}
	products, err := tx.ListedProducts(ctx, idsOf(rows))
	if err != nil {
		return nil, nil, err
	}
	for i, row := range rows { // both in the order of the ids
		product := Locked{products[i], row}
		product.Version = row.Version()
		if !allowed[row.ID].Allow(product.Version) {
			failures = append(failures, NewFailure(product, changedError(row.ID)))
		}
		locked = append(locked, product)
	}
	return locked, append(failures, missing(ids, locked)...), nil
}

func idsOf(rows []models.Row) []int64 {
	ids := make([]int64, len(rows))
	for i, row := range rows {
		ids[i] = row.ID
	}
	return ids
}

// missing returns the failures of products that do not exist.
func missing(ids []int64, locked []Locked) (failures Failures) {
	for _, id := range ids {
		if _, found := slices.BinarySearchFunc(locked, id, func(p Locked, id int64) int { return int(p.ID - id) }); !found {
			failures = append(failures, Failure{ID: id, Err: models.NewError(models.NotFound, "products.not_found", models.Params{"id": id}).AsStale(id)})
		}
	}
	return failures
}

// IDs returns the ids of products.
func IDs(products []Locked) []int64 {
	ids := make([]int64, len(products))
	for i, p := range products {
		ids[i] = p.ID
	}
	return ids
}

// Identities returns the identities of products.
func Identities(products []Locked) []models.ProductIdentity {
	identities := make([]models.ProductIdentity, len(products))
	for i, p := range products {
		identities[i] = identity(p.ListedProduct)
	}
	return identities
}

// Changed is a product that a bulk write has changed, with its new row version.
type Changed struct {
	ID      int64  `json:"id"`
	Version string `json:"version"`
}

// Versions returns the row versions of products after a write. Errors: connection, timeout.
func Versions(ctx context.Context, tx *lifecycle.Tx, products []Locked) ([]Changed, error) {
	rows, err := tx.ProductRows(ctx, IDs(products))
	changed := make([]Changed, len(rows))
	for i, row := range rows {
		changed[i] = Changed{row.ID, row.Version()}
	}
	return changed, err
}

// Failure is why a bulk write cannot change a product. Name and Version are those of the product as it is now, if it exists.
type Failure struct {
	ID      int64
	Name    *string
	Version string
	Err     *models.Error
}

// NewFailure returns why a bulk write cannot change a product.
func NewFailure(p Locked, err *models.Error) Failure {
	return Failure{ID: p.ID, Name: p.Name, Version: p.Version, Err: err}
}

// Failures are the products that a bulk write cannot change; it then changes none.
type Failures []Failure

func (f Failure) isStale() bool {
	return f.Err.Class == models.PreconditionFailed || f.Err.Class == models.NotFound
}

// First returns the error of the first product, nil without any.
func (f Failures) First() error {
	if len(f) == 0 {
		return nil
	}
	return f[0].Err
}

// Err returns the error of a bulk write of count products, with the failures in the order of the ids as data; nil without any.
// Errors: precondition_failed if a product was changed or deleted, otherwise validation_failed.
func (f Failures) Err(count int) error {
	if len(f) == 0 {
		return nil
	}
	slices.SortStableFunc(f, func(a, b Failure) int { return int(a.ID - b.ID) })
	class := models.Invalid
	for _, failure := range f {
		if failure.isStale() {
			class = models.PreconditionFailed
		}
	}
	err := models.NewError(class, "products.bulk_refused", models.Params{"count": len(f), "total": count}).WithRemedy("products.bulk_refused_remedy", nil)
	err.Data = f
	for _, failure := range f {
		err.Stale = append(err.Stale, failure.Err.Stale...)
	}
	return err
}
