package demo_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/lifecycle"
	"lifecycle-sync/services/demo"
	"lifecycle-sync/test/kit/databases"
	"lifecycle-sync/test/kit/testdb"
)

// The sync reads exactly the rows that were generated, and every row can be mirrored.
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
		snap, err := source.Snapshot(t.Context(), models.Tables())
		if err != nil {
			t.Fatal(err)
		}
		defer snap.Close()
		for i, filling := range generate(t, demo.Products, demo.Histories) {
			var stored []models.Row
			for row, err := range snap.Rows(t.Context(), snap.Tables[i], database.AllIDs(), nil) {
				if err != nil || !row.Reason.IsZero() {
					t.Fatalf("%s id %d: %v, quarantine reason %q", filling.Table.Source, row.ID, err, row.Reason)
				}
				stored = append(stored, row.Clone())
			}
			if got, want := decoded(t, snap.Tables[i], stored), decoded(t, filling.Table, slices.Collect(filling.Rows)); !bytes.Equal(got, want) {
				t.Errorf("%s: stored\n%s\nwant\n%s", filling.Table.Source, got, want)
			}
		}
	})
}

// decoded is rows as JSON: the text of timestamps depends on the database.
func decoded(t *testing.T, table *models.Table, rows []models.Row) []byte {
	t.Helper()
	values, err := table.Decode(rows)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(values)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
