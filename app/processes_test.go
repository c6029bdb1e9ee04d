package app_test

import (
	"database/sql"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"lifecycle-sync/models"
	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/program"
	"lifecycle-sync/test/kit/testdb"
)

// TestSync_TwoProcesses starts two at once: both succeed one after the other, or one reports the run in progress.
func TestSync_TwoProcesses(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		s := newSite(t, url)
		s.must(0, "seed")
		if strings.HasPrefix(s.TargetURL, "file:") {
			s.must(0, "migrate") // only PostgreSQL's migrations may start at once
		}
		for range 3 {
			processes := []*program.Process{s.start(nil, "sync"), s.start(nil, "sync")}
			succeeded := 0
			for _, p := range processes {
				switch e := outcome(p); {
				case e.code == 0:
					succeeded++
				case e.code != 4 || !strings.Contains(e.stderr, "in progress"):
					t.Errorf("a process ended with %s", e)
				}
			}
			if succeeded == 0 {
				t.Errorf("neither succeeded: %s%s", processes[0], processes[1])
			}
			s.must(0, "verify")
			s.must(0, "sync")
			if n := s.runs("running"); n != 0 {
				t.Errorf("%d runs are left running", n)
			}
			s.exec(s.source, "UPDATE tbl_produk SET harga = 1")
		}
	})
}

// TestSync_BusyAndInterrupted reports the run in progress to a second process, and cancels by Ctrl-C and SIGTERM.
func TestSync_BusyAndInterrupted(t *testing.T) {
	t.Parallel()
	s := newSite(t, testdb.Postgres)
	s.must(0, "seed")
	s.must(0, "sync")
	s.exec(s.source, "UPDATE tbl_segmen SET segmen = 'lain'")
	for i, args := range [][]string{{"sync"}, {"sync", "--json"}} {
		before := s.mirror()
		run, release := s.blocked(args...)
		id := s.number(s.target, "SELECT id FROM lifecycle_sync_runs WHERE state = 'running'")
		if o := s.syncJSON(4); o.Error == nil || o.Error.Class != models.Busy || !strings.Contains(o.Error.Message, fmt.Sprintf("Run %d ", id)) || o.State != models.Failed {
			t.Errorf("during a run: %+v", o)
		}
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

// TestSync_SecondInterrupt ends the process at once, although the rollback after the first one gets no answer.
func TestSync_SecondInterrupt(t *testing.T) {
	t.Parallel()
	s := newSite(t, testdb.Postgres)
	s.must(0, "seed")
	s.must(0, "migrate")
	direct, network := s.TargetURL, testdb.NewLink(t, s.TargetURL)
	s.UseDatabases(s.SourceURL, network.URL)
	run, release := s.blocked("sync")
	network.AddFaults(testdb.LoseResponses, testdb.LoseRequests)
	s.until("the process ends", func() bool {
		run.Signal(os.Interrupt)
		return run.Ended()
	}, run)
	if run.EndedBy() != os.Interrupt {
		t.Errorf("the process ended with %s", run)
	}
	network.Cut()
	release()
	s.UseDatabases(s.SourceURL, direct)
	s.syncWhenFree()
	s.must(0, "verify")
}

// TestServe_TwoServersShareTheSchedule expects each due run once, also after the process that makes one was killed.
func TestServe_TwoServersShareTheSchedule(t *testing.T) {
	t.Parallel()
	s := seeded(t, testdb.Postgres)
	servers := []*server{s.serve("SYNC_SCHEDULE=* * * * * *"), s.serve("SYNC_SCHEDULE=* * * * * *")}
	s.until("each is skipped once the other has made the run", func() bool {
		return s.runs("succeeded") > 4 && strings.Contains(servers[0].Out.String()+servers[1].Out.String(), "scheduled run already completed")
	})
	release, _ := kit.Lock(t, s.source, lockedTable)
	making := -1
	s.until("one waits for the run of the other", func() bool {
		run := s.number(s.target, "SELECT coalesce(max(id), 0) FROM lifecycle_sync_runs WHERE state = 'running'")
		making = 1 - slices.IndexFunc(servers, func(v *server) bool { return v.Out.Contains(fmt.Sprintf("run=%d\n", run)) })
		return making < 2
	})
	servers[making].End(syscall.SIGKILL)
	release()
	before := s.runs("succeeded")
	s.until("runs go on", func() bool { return s.runs("succeeded") > before+2 })
	servers[1-making].end()
	if interrupted, running := s.runs("interrupted"), s.runs("running"); interrupted != 1 || running != 0 {
		t.Errorf("%d runs are interrupted, %d left running", interrupted, running)
	}
	s.must(0, "verify")
}

// setPrice changes a price in lifecycle_db and waits until it is mirrored.
func (s *site) setPrice(price int) {
	s.Helper()
	s.exec(s.source, fmt.Sprintf("UPDATE tbl_produk SET harga = %d WHERE id = 1", price))
	s.until("the price is mirrored", func() bool {
		return s.number(s.target, "SELECT coalesce(harga, 0) FROM tbl_produk_lifecycle WHERE id = 1") == int64(price)
	})
}

const followed = "every change is mirrored"

// TestFollow_KilledDuringAStep expects the log to continue without a run: only mirrored changes were acknowledged.
func TestFollow_KilledDuringAStep(t *testing.T) {
	t.Parallel()
	s := newSite(t, testdb.Postgres)
	s.must(0, "seed")
	p := s.start(nil, "sync", "--follow")
	p.Says(followed)
	s.setPrice(1)
	if code := p.End(syscall.SIGTERM); code != 0 {
		t.Errorf("exit %d after SIGTERM: %s", code, p)
	}
	for i, point := range []string{"before-step-commit", "after-step-commit"} {
		p := s.start([]string{"LIFECYCLE_FAILPOINT=" + point}, "sync", "--follow") // it may first repeat what was not acknowledged
		s.exec(s.source, fmt.Sprintf("UPDATE tbl_produk SET harga = %d WHERE id <= 50", 100+i))
		if p.EndedBy() == 0 {
			t.Fatalf("%s was not reached: %s", point, p)
		}
		p = s.start(nil, "sync", "--follow")
		p.Says(followed)
		s.setPrice(200 + i)
		p.End(syscall.SIGTERM)
		s.must(0, "verify")
	}
	if n := s.number(s.target, "SELECT count(*) FROM lifecycle_sync_runs WHERE mode IN ('full', 'incremental')"); n != 1 {
		t.Errorf("%d runs: a change was acknowledged that is not mirrored", n)
	}
}

// TestFollow_SurvivesServerRestarts stops and crashes both database servers.
func TestFollow_SurvivesServerRestarts(t *testing.T) {
	t.Parallel()
	var servers []*testdb.Cluster
	s := seeded(t, func(t testing.TB) string {
		t.Helper()
		server := testdb.NewCluster(t)
		servers = append(servers, server)
		return server.Database(t)
	})
	p := s.Begin("sync", "--follow")
	p.Says(followed)
	s.setPrice(1)
	price := 1
	for i, server := range servers {
		db := []*sql.DB{s.source, s.target}[i]
		for _, mode := range []string{"fast", "immediate"} {
			before := len(p.Out.String())
			server.Stop(mode)
			s.until("the failure is reported", func() bool { return strings.Contains(p.Out.String()[before:], "❌") })
			server.Start()
			s.until("the server answers", func() bool { return db.PingContext(s.Context()) == nil }) // through a new connection
			price++
			s.setPrice(price)
			s.must(0, "verify")
		}
	}
	p.Cancel()
	p.Ends(0)
}

// TestServe_TwoServersFollow kills the server that follows, then one on standby: the schedule and real-time sync continue.
func TestServe_TwoServersFollow(t *testing.T) {
	t.Parallel()
	s := seeded(t, testdb.Postgres)
	serve := func(name string) *server {
		return s.serve("SYNC_REALTIME=true", "SYNC_SCHEDULE=* * * * * *", "DATA_DIR="+name)
	}
	first := serve("one")
	first.Says("state=following")
	second := serve("two")
	second.Says("state=standby")
	s.setPrice(11)
	if got := second.get("/metrics"); !strings.Contains(got, "lifecycle_sync_realtime_lag_seconds ") || !strings.Contains(got, "lifecycle_sync_slot_retained_bytes ") {
		t.Error("no metrics of real-time sync")
	}
	if got := second.get("/api/product-lifecycle/sync"); !strings.Contains(got, `"realtime":{"state":"standby"`) || strings.Contains(got, `"realtimeLagSeconds":null`) {
		t.Errorf("%s", got)
	}
	first.End(syscall.SIGKILL)
	second.Says("state=following")
	continues := func(price int) {
		t.Helper()
		s.setPrice(price)
		last := func() int64 {
			return s.number(s.target, "SELECT max(id) FROM lifecycle_sync_runs WHERE mode = 'incremental' AND state = 'succeeded'")
		}
		before := last()
		s.until("another scheduled run", func() bool { return last() > before })
	}
	continues(12)
	third := serve("three")
	third.Says("state=standby")
	third.End(syscall.SIGKILL)
	continues(13)
	second.end()
	s.must(0, "verify")
}

func TestFollow_RefusesWhatItCannotDo(t *testing.T) {
	t.Parallel()
	s := newSite(t, testdb.SQLite)
	if e := s.must(2, "sync", "--follow"); !strings.Contains(e.stderr, "needs PostgreSQL") {
		t.Errorf("%s", e)
	}
	s.must(2, "sync", "--follow", "--dry-run")
	s.must(2, "sync", "--follow", "--digest", strings.Repeat("a", 32))
	postgres := seeded(t, testdb.Postgres)
	postgres.exec(postgres.source, "ALTER TABLE tbl_produk REPLICA IDENTITY NOTHING")
	if e := postgres.must(1, "sync", "--follow"); !strings.Contains(e.stdout+e.stderr, "REPLICA IDENTITY DEFAULT") {
		t.Errorf("%s", e)
	}
}
