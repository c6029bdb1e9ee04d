package app_test

import (
	"strings"
	"testing"

	"lifecycle-sync/models"
	"lifecycle-sync/test/kit/testdb"
)

func TestSync_DigestAppliesExactlyTheDryRun(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		s := newSite(t, url)
		s.must(0, "seed", "--products", "20", "--history", "12")
		shown := s.syncJSON(0, "--dry-run") // pmo_db has no tables yet
		if shown.Digest == nil {
			t.Fatalf("%+v", shown)
		}
		if e := s.must(0, "sync", "--dry-run"); !strings.Contains(e.stdout, "sync --digest "+*shown.Digest) {
			t.Errorf("%s", e)
		}
		s.exec(s.source, "UPDATE tbl_produk SET harga = 7 WHERE id = 3")
		refused := s.syncJSON(1, "--digest", *shown.Digest)
		if refused.Error == nil || refused.Error.Class != models.Conflict || refused.Digest == nil || *refused.Digest == *shown.Digest || len(refused.Tables) != 5 ||
			!strings.Contains(refused.Error.Message, *refused.Digest) {
			t.Fatalf("%+v", refused)
		}
		e := s.must(1, "sync", "--digest", *shown.Digest)
		if strings.Contains(e.stdout, "Synced") || !strings.Contains(e.stderr, *refused.Digest) {
			t.Errorf("%s", e)
		}
		if n := s.number(s.target, "SELECT count(*) FROM tbl_produk_lifecycle"); n != 0 {
			t.Errorf("%d products were applied", n)
		}
		if e := s.must(0, "sync", "--digest", *refused.Digest); !strings.Contains(e.stdout, "Synced 20 products") {
			t.Errorf("%s", e)
		}
		s.must(0, "verify")
		if o := s.syncJSON(0); o.Digest != nil {
			t.Errorf("%+v", o)
		}
		for _, wrong := range [][]string{{"--digest", "7"}, {"--digest", strings.ToUpper(*shown.Digest) + "A"}, {"--digest", *shown.Digest, "--dry-run"}, {"--digest", *shown.Digest, "--mode", "incremental"}} {
			s.must(2, append([]string{"sync"}, wrong...)...)
		}
	})
}
