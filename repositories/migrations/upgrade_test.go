package migrations_test

import (
	"context"
	"testing"

	"lifecycle-sync/repositories/migrations"
	"lifecycle-sync/test/kit/databases"
	"lifecycle-sync/test/kit/testdb"
)

// TestUpgradeFromEveryVersion opens a database that an earlier binary has left at each of its versions.
func TestUpgradeFromEveryVersion(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		_, latest, err := migrations.Version(t.Context(), databases.Open(t, url(t), "pmo_db"))
		if err != nil {
			t.Fatal(err)
		}
		for version := int64(1); version <= latest; version++ {
			address := url(t)
			if err := migrations.UpTo(t.Context(), databases.Open(t, address, "pmo_db"), version); err != nil {
				t.Fatalf("version %d: %v", version, err)
			}
			db := databases.Open(t, address, "pmo_db")
			applied, err := migrations.Up(t.Context(), db, func(context.Context) error { return nil })
			if err != nil || int64(applied) != latest-version {
				t.Errorf("from version %d: %d migrations, %v", version, applied, err)
			}
			if current, _, err := migrations.Version(t.Context(), db); err != nil || current != latest {
				t.Errorf("from version %d to %d: %v", version, current, err)
			}
		}
	})
}
