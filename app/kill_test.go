package app_test

import (
	"slices"
	"testing"

	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/testdb"
)

var failpoints = []string{"after-snapshot", "mid-diff", "mid-apply", "before-commit", "after-commit"}

func TestSync_AKilledRunChangesEverythingOrNothing(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		s := newSite(t, url)
		s.must(0, "seed")
		s.must(0, "sync")
		for i, point := range failpoints {
			s.exec(s.source, "UPDATE tbl_produk SET harga = coalesce(harga, 0) + 1 WHERE id % 3 = 0")
			s.exec(s.source, "DELETE FROM tbl_stage_histori WHERE id = (SELECT max(id) FROM tbl_stage_histori)")
			s.exec(s.source, "INSERT INTO tbl_segmen (segmen) VALUES ('baru')")
			s.exec(s.source, "UPDATE tbl_stage_histori SET id_produk = 0 WHERE id = (SELECT min(id) FROM tbl_stage_histori WHERE id_produk <> 0)")
			s.killedAt(point, int64(min(i+1, 4)))
		}
	})
}

func TestSync_AKilledFirstLoadChangesEverythingOrNothing(t *testing.T) {
	t.Parallel()
	kit.Long(t)
	s := newSite(t, testdb.Postgres)
	s.must(0, "seed", "--products", "60000", "--history", "20000")
	if n := s.number(s.source, "SELECT pg_relation_size('tbl_produk') + pg_relation_size('tbl_stage_histori')"); n < 8<<20 {
		t.Fatalf("the source has %d bytes: too few for the load by COPY", n)
	}
	for _, point := range []string{"after-snapshot", "mid-apply", "before-commit", "after-commit"} {
		s.targetURL = testdb.Postgres(t)
		s.target = testdb.Open(t, s.targetURL)
		s.must(0, "migrate")
		interrupted := int64(1)
		if point == "after-commit" {
			interrupted = 0
		}
		s.killedAt(point, interrupted)
	}
}

// killedAt kills a run at a failpoint, and checks the mirror and that the next run completes the work.
// interrupted is the number of interrupted runs so far.
func (s *site) killedAt(point string, interrupted int64) {
	s.Helper()
	before := s.mirror()
	if e := s.runWith([]string{"LIFECYCLE_FAILPOINT=" + point}, "sync"); !e.killed {
		s.Fatalf("%s was not reached: %s", point, e)
	}
	after := s.mirror()
	if committed := point == "after-commit"; slices.Equal(before, after) == committed {
		s.Fatalf("%s: the mirror was changed: %t", point, !committed)
	}
	s.syncWhenFree()
	if point == "after-commit" && !slices.Equal(after, s.mirror()) {
		s.Errorf("%s: the next run still changed something", point)
	}
	if n := s.number(s.target, "SELECT count(*) FROM lifecycle_sync_runs WHERE state = 'interrupted'"); n != interrupted {
		s.Errorf("%s: %d runs are marked interrupted, must be %d", point, n, interrupted)
	}
	if n := s.number(s.target, "SELECT count(*) FROM lifecycle_sync_runs WHERE state = 'running'"); n != 0 {
		s.Errorf("%s: %d runs are left running", point, n)
	}
	for _, c := range s.syncJSON(0).Tables {
		if c.Wrote() {
			s.Errorf("%s: the run after the next one still wrote: %+v", point, c)
		}
	}
	s.must(0, "verify")
}

// syncWhenFree makes a run once the server has noticed that the killed process is gone, which takes up to a second.
func (s *site) syncWhenFree() {
	s.Helper()
	kit.Eventually(s, "the mirror is free", func() bool {
		e := s.run("sync")
		if e.code != 0 && e.code != 4 {
			s.Fatalf("sync: %s", e)
		}
		return e.code == 0
	})
}
