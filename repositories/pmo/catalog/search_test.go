package catalog_test

import (
	"testing"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo"
	"lifecycle-sync/repositories/pmo/catalog"
	"lifecycle-sync/test/kit/databases"
	"lifecycle-sync/test/kit/testdb"
)

// TestSearchThatFindsMany counts more hits than are ordered at once, and reads pages at both ends and
// past them.
func TestSearchThatFindsMany(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		db, store := databases.PMO(t, url(t))
		exec := func(statement string) {
			if err := db.Exec(statement).Error; err != nil {
				t.Fatal(err)
			}
		}
		exec("INSERT INTO tbl_produk_lifecycle (id, produk) VALUES (1, 'Gardu INDUK')")
		const many = 50_001
		exec(`INSERT INTO tbl_produk_lifecycle (id, produk) WITH RECURSIVE n (id) AS (SELECT 101 UNION ALL SELECT id + 1 FROM n WHERE id < 50101)
			SELECT id, 'Banyak' FROM n`)
		find := func(search string, offset int) (products []models.ListedProduct, total int64, err error) {
			_, err = store.View(t.Context(), func(v *pmo.Session) error {
				products, total, err = catalog.New(v).Products(t.Context(), catalog.ProductFilter{Search: search}.On(time.Now()), catalog.ProductOrder{Column: "id"}, offset, 2)
				return err
			})
			return products, total, err
		}
		for offset, want := range map[int][]int64{0: {101, 102}, 49_999: {50_100, 50_101}, 50_000: {50_101}, many: nil, 99_999: nil} {
			products, total, err := find("BANYAK", offset)
			if err != nil || total != many || len(products) != len(want) {
				t.Errorf("from %d: %d of %d products, %v; want %d of %d", offset, len(products), total, err, len(want), many)
				continue
			}
			for i, p := range products {
				if p.ID != want[i] {
					t.Errorf("from %d: product %d in place %d; want %d", offset, p.ID, i, want[i])
				}
			}
		}
		if _, total, err := find("gardu", 5); err != nil || total != 1 {
			t.Errorf("past the end of one hit: %d, %v", total, err)
		}
	})
}
