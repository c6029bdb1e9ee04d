package demo_test

import (
	"slices"
	"testing"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/lifecycle"
	"lifecycle-sync/services/demo"
	"lifecycle-sync/test/kit/databases"
	"lifecycle-sync/test/kit/testdb"
)

// The sync reads exactly the cells that were generated, and every row can be mirrored.
func TestFill_StoresGeneratedRows(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		source := lifecycle.New(databases.Open(t, url(t), "lifecycle_db"))
		var done, total int64
		err := demo.Fill(t.Context(), source, demo.Products, demo.Histories, func(d, of int64) { done, total = d, of })
		if err != nil {
			t.Fatal(err)
		}
		if want := int64(5 + 4 + 5 + demo.Products + demo.Histories); done != want || total != want {
			t.Errorf("progress ended at %d of %d, want %d", done, total, want)
		}
		compare(t, source, generate(t, demo.Products, demo.Histories))
	})
}

func compare(t *testing.T, source *lifecycle.Source, fillings []lifecycle.SeedTable) {
	t.Helper()
	snap, err := source.Snapshot(t.Context(), models.Tables())
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	for i, m := range snap.Tables {
		want := slices.Collect(fillings[i].Rows)
		for row, err := range snap.Rows(t.Context(), m, database.AllIDs(), nil) {
			if err != nil || len(want) == 0 || !row.Reason.IsZero() {
				t.Fatalf("%s id %d: %v, quarantine reason %q, %d more rows generated", m.Source, row.ID, err, row.Reason, len(want))
			}
			for j, c := range m.Columns {
				if !same(c, want[0].Cells[j], row.Cells[j]) {
					t.Errorf("%s id %d: %s is %q, want %q", m.Source, row.ID, c.Name, row.Cells[j], want[0].Cells[j])
				}
			}
			want = want[1:]
		}
		if len(want) > 0 {
			t.Errorf("%s: rows from id %d on are missing", m.Source, want[0].ID)
		}
	}
}

// same compares bytes, but timestamps, whose text depends on the database, as times.
func same(c models.Column, a, b []byte) bool {
	if c.Kind != models.KindTimestamp || a == nil || b == nil {
		return models.SameCell(a, b)
	}
	moment, err := models.ParseTimestamp(string(a))
	other, otherErr := models.ParseTimestamp(string(b))
	return err == nil && otherErr == nil && moment.Equal(other)
}
