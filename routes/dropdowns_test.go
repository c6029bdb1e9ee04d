package routes_test

import (
	"net/http"
	"strings"
	"testing"

	"lifecycle-sync/models"
)

func TestDropdowns_ListsChoicesAndCategoriesOfProducts(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		if got, want := string(s.get(http.StatusOK, "/dropdowns").body), `{"success":true,"data":{"segments":[],"stages":[],"categories":[]}}`; got != want {
			t.Errorf("empty: %s", got)
		}
		s.insert("tbl_segmen_lifecycle", []models.Segment{{ID: 1, Name: new("transmisi")}, {ID: 2, Name: new("Distribusi"), Details: models.Details{IconLight: new("d.svg")}}, {ID: 3, Name: new("Korporat")}})
		s.insert("tbl_stage_lifecycle", []models.Stage{{ID: 2, Name: new("Growth")}, {ID: 1, Name: new("Introduction")}, {ID: 3}})
		s.insert("tbl_kategori_lifecycle", []models.Category{{ID: 5, Name: new("Zeta")}, {ID: 6, Name: new("alpha"), Details: models.Details{IconDark: new("a.svg")}}})
		a := s.get(http.StatusOK, "/dropdowns")
		const want = `{"success":true,"data":{"segments":[{"id":2,"segmen":"Distribusi","icon_light":"d.svg","icon_dark":null},` +
			`{"id":3,"segmen":"Korporat","icon_light":null,"icon_dark":null},{"id":1,"segmen":"transmisi","icon_light":null,"icon_dark":null}],` +
			`"stages":[{"id":1,"stage":"Introduction","icon_light":null,"icon_dark":null},{"id":2,"stage":"Growth","icon_light":null,"icon_dark":null},` +
			`{"id":3,"stage":null,"icon_light":null,"icon_dark":null}],` +
			`"categories":[{"id":6,"kategori":"alpha","icon_light":null,"icon_dark":"a.svg"},{"id":5,"kategori":"Zeta","icon_light":null,"icon_dark":null}]}}`
		if string(a.body) != want {
			t.Errorf("got  %s\nwant %s", a.body, want)
		}
		s.get(http.StatusNotModified, "/dropdowns", "If-None-Match", a.Header.Get("ETag"))
		s.get(http.StatusBadRequest, "/dropdowns?page=1")

		// Without tbl_kategori the categories are those of the products.
		s.exec("DELETE FROM tbl_kategori_lifecycle")
		if s.db.Kind() == "postgres" { // as the first run does there
			s.exec("ALTER TABLE tbl_produk_lifecycle DROP CONSTRAINT tbl_produk_lifecycle_id_kategori_fkey")
		}
		s.insert("tbl_produk_lifecycle", []models.Product{{ID: 1, CategoryID: new(int64(10))}, {ID: 2, CategoryID: new(int64(9))}, {ID: 3, CategoryID: new(int64(10))}, {ID: 4}})
		const numbered = `"categories":[{"id":9,"kategori":"9","icon_light":null,"icon_dark":null},{"id":10,"kategori":"10","icon_light":null,"icon_dark":null}]}}`
		if got := string(s.get(http.StatusOK, "/dropdowns").body); !strings.HasSuffix(got, numbered) {
			t.Errorf("got  %s\nwant %s", got, numbered)
		}
	})
}
