package api_test

import (
	"strings"
	"testing"

	"lifecycle-sync/test/kit/program"
)

func TestCache_SeesRunsOfOtherProcesses(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		other := &site{t: t, Program: program.New(t, s.Environ...)}
		other.Start()
		list := func(of *site) string { return string(of.get("/products?sort=id&limit=1").body) }
		for _, of := range []*site{s, other} {
			of.Eventually("cache on", func() bool { return of.Logs.Contains("cache on") })
			if a, b := list(of), list(of); a != b || strings.Contains(a, "renamed") {
				t.Fatalf("got %s, then %s", a, b)
			}
		}
		exec(t, s.source, "UPDATE tbl_produk SET produk = 'renamed' WHERE id = (SELECT min(id) FROM tbl_produk)")
		s.Command("sync")
		for _, of := range []*site{s, other} {
			of.Eventually("the run of another process", func() bool { return strings.Contains(list(of), "renamed") })
		}
	})
}

func TestSearch_HasItsIndex(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		name := queryOne[string](t, s.source, "SELECT produk FROM tbl_produk WHERE id = 1")
		search := func() {
			t.Helper()
			if a := s.get("/products?limit=1&sort=id&search=" + strings.ReplaceAll(strings.ToUpper(name), " ", "+")); decode[[]struct{ ID int }](t, a)[0].ID != 1 {
				t.Errorf("%q: %s", name, a.body)
			}
		}
		search()
		if !s.onPostgres() {
			return
		}
		s.Eventually("the index", func() bool { return s.Logs.Contains("search index created") })
		if !queryOne[bool](t, s.target, "SELECT indisvalid FROM pg_index WHERE indexrelid = 'tbl_produk_lifecycle_search_trgm'::regclass") {
			t.Error("the index is not valid")
		}
		s.change("UPDATE lifecycle_mirror_version SET version = version")
		search()
	})
}
