package api_test

import (
	"strings"
	"testing"
)

func TestSearch_HasItsIndex(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		name := one[string](t, s.source, "SELECT produk FROM tbl_produk WHERE id = 1")
		search := func() {
			t.Helper()
			if a := s.get("/products?limit=1&sort=id&search=" + strings.ReplaceAll(strings.ToUpper(name), " ", "+")); into[[]struct{ ID int }](t, a)[0].ID != 1 {
				t.Errorf("%q: %s", name, a.body)
			}
		}
		search()
		if !s.onPostgres() {
			return
		}
		s.Eventually("the index", func() bool { return s.Logs.Contains("search index created") })
		if !one[bool](t, s.target, "SELECT indisvalid FROM pg_index WHERE indexrelid = 'tbl_produk_lifecycle_search_trgm'::regclass") {
			t.Error("the index is not valid")
		}
		s.change("UPDATE lifecycle_mirror_version SET version = version")
		search()
	})
}
