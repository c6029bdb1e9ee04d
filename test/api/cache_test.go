package api_test

import (
	"strings"
	"testing"
)

// TestAnotherProcessSynchronises has a process that keeps answers see what a second and a third one did
// to the same pmo_db.
func TestAnotherProcessSynchronises(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		other := &site{t: t, environ: s.environ}
		other.start()
		other.eventually("its first run has ended", func() bool { return strings.Contains(other.log.String(), "Serving http") })
		list := func(of *site) string { return string(of.get("/products?sort=id&limit=1").body) }
		for _, of := range []*site{s, other} {
			of.eventually("answers are kept", func() bool { return strings.Contains(of.log.String(), "answers are kept in memory") })
			if a, b := list(of), list(of); a != b || strings.Contains(a, "renamed") {
				t.Fatalf("got %s, then %s", a, b)
			}
		}
		exec(t, s.source, "UPDATE tbl_produk SET produk = 'renamed' WHERE id = (SELECT min(id) FROM tbl_produk)")
		s.command("sync")
		for _, of := range []*site{s, other} {
			of.eventually("the run of another process", func() bool { return strings.Contains(list(of), "renamed") })
		}
	})
}
