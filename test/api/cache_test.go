package api_test

import (
	"strings"
	"testing"

	"lifecycle-sync/test/kit/program"
)

// TestCache_SeesRunsOfOtherProcesses has a process that keeps answers see what a second and a third one did
// to the same pmo_db.
func TestCache_SeesRunsOfOtherProcesses(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		other := &site{t: t, Program: program.New(t, s.Environ...)}
		other.Start()
		other.Eventually("its first run has ended", func() bool { return other.Logs.Contains("Serving http") })
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
