package migrations

import (
	"context"

	"lifecycle-sync/repositories/database"
)

// UpTo brings the schema to an earlier binary's version.
func UpTo(ctx context.Context, db *database.DB, version int64) error {
	provider, err := newProvider(db)
	if err == nil {
		_, err = provider.UpTo(ctx, version)
	}
	return err
}
