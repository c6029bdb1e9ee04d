package migrations

import (
	"context"

	"lifecycle-sync/repositories/database"
)

// After counts the migrations after a version.
func After(db *database.DB, version int64) (n int, err error) {
	provider, err := newProvider(db)
	if err != nil {
		return 0, err
	}
	for _, source := range provider.ListSources() {
		if source.Version > version {
			n++
		}
	}
	return n, nil
}

// UpTo brings the schema to an earlier binary's version.
func UpTo(ctx context.Context, db *database.DB, version int64) error {
	provider, err := newProvider(db)
	if err == nil {
		_, err = provider.UpTo(ctx, version)
	}
	return err
}
