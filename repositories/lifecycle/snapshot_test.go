package lifecycle_test

import (
	"testing"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/lifecycle"
	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/testdb"
)

// TestSnapshot_IsConsistent also after later writes to the source.
func TestSnapshot_IsConsistent(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		db, source := seeded(t, url(t), 1)
		sees := func(want int, snap *lifecycle.Snapshot, err error) *lifecycle.Snapshot {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(snap.Close)
			got := 0
			for _, err := range snap.Rows(t.Context(), models.Tables()[1], database.AllIDs(), nil) {
				if got++; err != nil {
					t.Fatal(err)
				}
			}
			if got != want {
				t.Errorf("%d stages, want %d", got, want)
			}
			return snap
		}
		snap, err := source.Snapshot(t.Context(), models.Tables())
		sees(1, snap, err)
		kit.Exec(t, db.SQL, "INSERT INTO tbl_stage (stage) VALUES ('dua')")
		sees(1, snap, nil)
		if snap.Features().RowHashes {
			joined, err := snap.Join(t.Context())
			sees(1, joined, err)
		}
		later, err := source.Snapshot(t.Context(), models.Tables())
		sees(2, later, err)
	})
}
