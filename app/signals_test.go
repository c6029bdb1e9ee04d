package app_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"lifecycle-sync/models"
	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/testdb"
)

// TestTwoProcesses starts two at once, a few times: both succeed one after the other, or one is told
// which run is under way.
func TestTwoProcesses(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		s := newSite(t, url)
		s.must(0, "seed")
		if strings.HasPrefix(s.targetURL, "file:") {
			s.must(0, "migrate") // only PostgreSQL's migrations may start at once
		}
		for range 3 {
			both := make(chan ended, 2)
			for range 2 {
				p := s.start(nil, "sync")
				go func() { both <- outcome(p) }()
			}
			first, second := <-both, <-both
			for _, e := range []ended{first, second} {
				if e.code != 0 && (e.code != 4 || !strings.Contains(e.stderr, "in progress")) {
					t.Errorf("a process ended with %s", e)
				}
			}
			if first.code != 0 && second.code != 0 {
				t.Errorf("neither succeeded: %s%s", first, second)
			}
			s.must(0, "verify")
			s.must(0, "sync")
			if n := s.number(s.target, "SELECT count(*) FROM lifecycle_sync_runs WHERE state = 'running'"); n != 0 {
				t.Errorf("%d runs are left running", n)
			}
			s.exec(s.source, "UPDATE tbl_produk SET harga = 1")
		}
	})
}

// TestBusy names the run under way.
func TestBusy(t *testing.T) {
	t.Parallel()
	s := newSite(t, testdb.Postgres)
	s.must(0, "seed")
	s.must(0, "migrate")
	run, release := s.blocked("sync")
	o := s.syncJSON(4)
	id := s.number(s.target, "SELECT id FROM lifecycle_sync_runs WHERE state = 'running'")
	if o.Error == nil || o.Error.Class != models.Busy || !strings.Contains(o.Error.Message, fmt.Sprintf("Run %d ", id)) || o.State != models.Failed {
		t.Errorf("%+v", o)
	}
	release()
	if e := outcome(run); e.code != 0 {
		t.Errorf("the run under way ended with %s", e)
	}
}

// TestInterrupt ends a run by Ctrl-C and by SIGTERM: canceled, and nothing changed.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	s := newSite(t, testdb.Postgres)
	s.must(0, "seed")
	s.must(0, "sync")
	s.exec(s.source, "UPDATE tbl_segmen SET segmen = 'lain'")
	for i, args := range [][]string{{"sync"}, {"sync", "--json"}} {
		before := s.mirror()
		run, release := s.blocked(args...)
		run.Signal([]os.Signal{os.Interrupt, syscall.SIGTERM}[i])
		e := outcome(run)
		release()
		if e.code != 1 || !strings.Contains(e.stderr, "(canceled)") || i == 1 && !strings.Contains(e.stdout, `"state":"canceled"`) {
			t.Errorf("a canceled run ended with %s", e)
		}
		if n := s.number(s.target, "SELECT count(*) FROM lifecycle_sync_runs WHERE state = 'canceled' AND finished_at IS NOT NULL"); n != int64(i+1) {
			t.Errorf("%d runs are canceled", n)
		}
		if !slices.Equal(before, s.mirror()) {
			t.Error("a canceled run changed something")
		}
	}
	s.must(0, "sync")
}

// TestSecondInterrupt ends the process at once, though the rollback of the first has nobody to answer it.
func TestSecondInterrupt(t *testing.T) {
	t.Parallel()
	s := newSite(t, testdb.Postgres)
	s.must(0, "seed")
	s.must(0, "migrate")
	direct, network := s.targetURL, testdb.NewLink(t, s.targetURL)
	s.targetURL = network.URL
	run, release := s.blocked("sync")
	network.Spoil(testdb.Swallowed, testdb.Unheard)
	kit.Eventually(t, "the process ends", func() bool {
		run.Signal(os.Interrupt)
		return run.Ended()
	}, run)
	if run.EndedBy() != os.Interrupt {
		t.Errorf("the process ended with %s", run)
	}
	network.Cut()
	release()
	s.targetURL = direct
	s.syncWhenFree()
	s.must(0, "verify")
}
