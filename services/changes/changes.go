// Package changes tells clients which products have changed since they last read them.
package changes

import (
	"context"

	"lifecycle-sync/models"
)

// batch is the maximum number of versions that one change combines.
const batch = 100

// Change is a version of the mirror and the products that changed since an earlier one.
type Change struct {
	Version  int64                  `json:"version"`
	Products models.ChangedProducts `json:"products"` // null: all
}

// Size estimates the change's memory in bytes.
func (c Change) Size() int { return 64 + 16*c.Products.Len() }

// Reader reads one state of the mirror. Errors: connection, timeout, schema.
type Reader interface {
	MirrorVersion(ctx context.Context) (int64, error)
	ChangesAfter(ctx context.Context, version int64, limit int) ([]models.MirrorChange, error)
}

// Current returns the mirror's version, with no changed products: a client that starts to follow now has seen nothing older. Errors:
// the reader's.
func Current(ctx context.Context, from Reader) (Change, error) {
	version, err := from.MirrorVersion(ctx)
	return Change{Version: version}, err
}

// Since returns what changed after a version. It has the same version if nothing did. It concerns all products if it is unknown what
// changed, because the version is too old or never existed. Errors: the reader's.
func Since(ctx context.Context, from Reader, version int64) (Change, error) {
	current, err := from.MirrorVersion(ctx)
	if err != nil || current == version {
		return Change{Version: version}, err
	}
	list, err := from.ChangesAfter(ctx, version, batch)
	if err != nil {
		return Change{}, err
	}
	c := Change{Version: version}
	for _, next := range list {
		if next.Version != c.Version+1 {
			break
		}
		c.Version = next.Version
		c.Products.AddFrom(next.Products)
	}
	if c.Version == version || c.Products.All() { // what follows adds nothing
		return Change{Version: current, Products: models.AllProducts()}, nil
	}
	return c, nil
}
