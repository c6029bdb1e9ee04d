package lifecycle_test

import (
	"context"
	"testing"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/lifecycle"
	"lifecycle-sync/test/kit/databases"
	"lifecycle-sync/test/kit/testdb"
)

const stagesOnly = "CREATE TABLE tbl_stage (id integer PRIMARY KEY, stage varchar, created_at timestamptz, updated_at timestamptz, icon_light varchar, icon_dark varchar)"

// stages opens a source that has no table but tbl_stage, with one row.
func stages(t *testing.T, url string) (*database.DB, *lifecycle.Source, []*models.Table) {
	t.Helper()
	db := databases.Open(t, url, "lifecycle_db")
	for _, statement := range []string{stagesOnly, "INSERT INTO tbl_stage (id, stage) VALUES (1, 'satu')"} {
		if _, err := db.SQL.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	return db, lifecycle.New(db), models.Tables()[1:2]
}

func ids(ctx context.Context, t *testing.T, snap *lifecycle.Snapshot) (out []int64) {
	t.Helper()
	for row, err := range snap.Rows(ctx, snap.Tables[0], database.AllIDs(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, row.ID)
	}
	return out
}

// TestSnapshot_IsConsistent also after later writes to the source.
func TestSnapshot_IsConsistent(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		db, source, tables := stages(t, url(t))
		snap, err := source.Snapshot(t.Context(), tables)
		if err != nil {
			t.Fatal(err)
		}
		defer snap.Close()
		if _, err := db.SQL.ExecContext(t.Context(), "INSERT INTO tbl_stage (id, stage) VALUES (2, 'dua')"); err != nil {
			t.Fatal(err)
		}
		readers := []*lifecycle.Snapshot{snap}
		if snap.Features().RowHashes {
			joined, err := snap.Join(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer joined.Close()
			readers = append(readers, joined)
		}
		for i, reader := range readers {
			if got := ids(t.Context(), t, reader); len(got) != 1 {
				t.Errorf("connection %d sees %v", i, got)
			}
		}
		later, err := source.Snapshot(t.Context(), tables)
		if err != nil {
			t.Fatal(err)
		}
		defer later.Close()
		if got := ids(t.Context(), t, later); len(got) != 2 {
			t.Errorf("a later snapshot sees %v", got)
		}
	})
}

// TestSnapshot_IsReadOnly refuses writes.
func TestSnapshot_IsReadOnly(t *testing.T) {
	t.Parallel()
	db, _, _ := stages(t, testdb.Postgres(t))
	conn, err := db.BeginConn(t.Context(), database.ReadOnly)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Exec(t.Context(), "DELETE FROM tbl_stage"); err == nil {
		t.Error("a row of the source was deleted")
	}
}
