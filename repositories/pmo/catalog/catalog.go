// Package catalog reads what the API and the console show of the mirror: products, stage history, dropdowns
// and aggregates.
package catalog

import (
	"context"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo"
)

// Catalog reads the mirrored rows.
type Catalog struct{ s *pmo.Session }

// New returns the catalog on a session.
func New(s *pmo.Session) *Catalog { return &Catalog{s: s} }

// ProductRow is a product's mirrored row, nil when there is none. Only in a transaction.
func (c *Catalog) ProductRow(ctx context.Context, id int64) (*models.Row, error) {
	t := c.s.Table("tbl_produk")
	return c.s.Row(ctx, t, id)
}

// TransitionRow is the mirrored row of a stage history record, nil when there is none. Only in a transaction.
func (c *Catalog) TransitionRow(ctx context.Context, id int64) (*models.Row, error) {
	t := c.s.Table("tbl_stage_histori")
	return c.s.Row(ctx, t, id)
}
