package mirror_test

import (
	"testing"

	"lifecycle-sync/repositories/database/databasetest"
	"lifecycle-sync/services/mirror"
)

// TestPreview_BeforeMigrationShowsInserts and creates no tables.
func TestPreview_BeforeMigrationShowsInserts(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		l := bareLab(t, url(t), url(t))
		l.createSource()
		l.small()
		inserts := 0
		preview, err := l.engine.Preview(t.Context(), mirror.Request{}, mirror.Silent{}, func(c mirror.Change) error {
			if c.Action == mirror.Insert {
				inserts++
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		total := int64(0)
		for _, c := range preview.Tables {
			total += c.Inserted
		}
		if int64(inserts) != total || total < 100 {
			t.Errorf("%d inserts shown, %d counted", inserts, total)
		}
		var there bool
		if err := l.target.QueryRowContext(t.Context(), on(l, "SELECT to_regclass('tbl_produk_lifecycle') IS NOT NULL",
			"SELECT count(*) > 0 FROM sqlite_schema WHERE name = 'tbl_produk_lifecycle'")).Scan(&there); err != nil || there {
			t.Errorf("the mirror's tables are there: %v, %v", there, err)
		}
	})
}
