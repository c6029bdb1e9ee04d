package demo

import (
	"context"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/lifecycle"
)

// Seeder is lifecycle_db as far as Fill needs it.
type Seeder interface {
	// Seed fills the empty database in one transaction, or changes nothing. Errors: constraint when
	// it is not empty, schema, permission, connection, canceled.
	Seed(ctx context.Context, fillings []lifecycle.Filling, progress func(done, total int64)) error
}

// Fill puts so many products and histories, and what they refer to, into an empty lifecycle_db.
// progress may be nil. Errors: validation_failed, and those of Seed.
func Fill(ctx context.Context, source Seeder, products, histories int, progress func(done, total int64)) error {
	data, err := Generate(products, histories)
	if err != nil {
		return err
	}
	var fillings []lifecycle.Filling
	for _, t := range models.Tables() {
		fillings = append(fillings, lifecycle.Filling{Table: t, Rows: data.Rows(t), Count: data.Count(t)})
	}
	return source.Seed(ctx, fillings, progress)
}
