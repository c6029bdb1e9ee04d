package demo_test

import (
	"context"
	"testing"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/database/databasetest"
	"lifecycle-sync/repositories/lifecycle"
	"lifecycle-sync/services/demo"
	"lifecycle-sync/test/kit/databases"
)

// What the sync reads of a filled source is what was generated, cell for cell, and all of it fit.
func TestFill(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, url func(testing.TB) string) {
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

func compare(t *testing.T, source *lifecycle.Source, d demo.Data) {
	t.Helper()
	snap, err := source.Snapshot(t.Context(), models.Tables())
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	for _, m := range snap.Tables {
		stored := storedRows(t.Context(), t, snap, m)
		for row := range d.Rows(m) {
			if len(stored) == 0 {
				t.Fatalf("%s: rows from id %d on are missing", m.Source, row.ID)
			}
			for i, c := range m.Columns {
				if !same(c, row.Cells[i], stored[0].Cells[i]) {
					t.Errorf("%s id %d: %s is %q, want %q", m.Source, row.ID, c.Name, stored[0].Cells[i], row.Cells[i])
				}
			}
			stored = stored[1:]
		}
		if len(stored) > 0 {
			t.Errorf("%s has %d rows too many", m.Source, len(stored))
		}
	}
}

func storedRows(ctx context.Context, t *testing.T, snap *lifecycle.Snapshot, m *models.Table) []models.Row {
	t.Helper()
	var stored []models.Row
	for row, err := range snap.Rows(ctx, m, database.Everything(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		if !row.Reason.IsZero() {
			t.Errorf("%s id %d cannot be mirrored: %s", m.Source, row.ID, row.Reason)
		}
		stored = append(stored, row.Clone())
	}
	return stored
}

// same compares bytes, and timestamps, which each database writes in its own way, as moments.
func same(c models.Column, a, b []byte) bool {
	if c.Kind != models.KindTimestamp || a == nil || b == nil {
		return models.SameCell(a, b)
	}
	moment, err := models.ParseTimestamp(string(a))
	other, otherErr := models.ParseTimestamp(string(b))
	return err == nil && otherErr == nil && moment.Equal(other)
}
