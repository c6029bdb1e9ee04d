package app_test

import (
	"database/sql"
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/program"
	"lifecycle-sync/test/kit/testdb"
)

// brings changes a price in lifecycle_db and waits until the mirror has it.
func (s *site) brings(price int) {
	s.Helper()
	s.exec(s.source, fmt.Sprintf("UPDATE tbl_produk SET harga = %d WHERE id = 1", price))
	s.until("the change in the mirror", func() bool {
		return s.number(s.target, "SELECT coalesce(harga, 0) FROM tbl_produk_lifecycle WHERE id = 1") == int64(price)
	})
}

const followed = "every change is mirrored"

// TestFollowerKilled kills the follower hard in the midst of a step: nothing is lost, and nothing had been
// acknowledged that is not in the mirror, so the log goes on without a run.
func TestFollowerKilled(t *testing.T) {
	t.Parallel()
	s := newSite(t, testdb.Postgres)
	s.must(0, "seed")
	p := s.start(nil, "sync", "--follow")
	p.Says(followed)
	s.brings(1)
	if code := p.End(syscall.SIGTERM); code != 0 {
		t.Errorf("a follower that was told to end ends with %d: %s", code, p)
	}
	for i, point := range []string{"before-step-commit", "after-step-commit"} {
		p := s.start([]string{"LIFECYCLE_FAILPOINT=" + point}, "sync", "--follow") // it may come to what it was told of before
		s.exec(s.source, fmt.Sprintf("UPDATE tbl_produk SET harga = %d WHERE id <= 50", 100+i))
		p.Wait()
		if p.EndedBy() == 0 {
			t.Fatalf("%s was not reached: %s", point, p)
		}
		p = s.start(nil, "sync", "--follow")
		p.Says(followed)
		s.brings(200 + i)
		p.End(syscall.SIGTERM)
		s.must(0, "verify")
	}
	if n := s.number(s.target, "SELECT count(*) FROM lifecycle_sync_runs WHERE mode IN ('full', 'incremental')"); n != 1 {
		t.Errorf("%d runs were made: something was acknowledged that the mirror does not have", n)
	}
}

// TestFollowerOutlivesRestarts restarts either database's server under the follower, which says goodbye or
// crashes: it goes on by itself.
func TestFollowerOutlivesRestarts(t *testing.T) {
	t.Parallel()
	var servers []*testdb.Cluster
	s := newSite(t, func(t testing.TB) string {
		t.Helper()
		server := testdb.NewCluster(t)
		servers = append(servers, server)
		return server.Database(t)
	})
	s.must(0, "seed", "--products", "20", "--history", "12")
	p := s.start(nil, "sync", "--follow")
	p.Says(followed)
	s.brings(1)
	price := 1
	for i, server := range servers {
		db := []*sql.DB{s.source, s.target}[i]
		for _, mode := range []string{"fast", "immediate"} {
			before := len(p.Out.String())
			server.Stop(mode)
			s.until("it says so", func() bool { return strings.Contains(p.Out.String()[before:], "❌") })
			server.Start()
			s.until("the server answers", func() bool { return db.PingContext(s.Context()) == nil }) // through a new connection
			price++
			s.brings(price)
			s.must(0, "verify")
		}
	}
	if code := p.End(syscall.SIGTERM); code != 0 {
		t.Errorf("exit %d: %s", code, p)
	}
}

// TestTwoServersFollow has two servers on one pmo_db: killing that which follows, or one that stands by, leaves
// schedule and real time running.
func TestTwoServersFollow(t *testing.T) {
	t.Parallel()
	s := newSite(t, testdb.Postgres)
	s.must(0, "seed")
	serve := func(data string) *program.Process {
		p := s.start([]string{"SYNC_REALTIME=true", "SYNC_SCHEDULE=* * * * * *", "SYNC_FULL_SCHEDULE=off", "PORT=0", "DATA_DIR=" + data}, "serve")
		p.Says("Serving http://")
		return p
	}
	first := serve("one")
	first.Says("state=following")
	second := serve("two")
	second.Says("state=standby")
	s.brings(11)
	if got := s.get(second, "/metrics"); !strings.Contains(got, "lifecycle_sync_realtime_lag_seconds ") || !strings.Contains(got, "lifecycle_sync_slot_retained_bytes ") {
		t.Error("no figures of real time")
	}
	if got := s.get(second, "/api/product-lifecycle/sync"); !strings.Contains(got, `"realtime":{"state":"standby"`) || strings.Contains(got, `"realtimeLagSeconds":null`) {
		t.Errorf("%s", got)
	}
	first.End(syscall.SIGKILL)
	second.Says("state=following")
	goesOn := func(price int) {
		t.Helper()
		s.brings(price)
		runs := s.number(s.target, "SELECT max(id) FROM lifecycle_sync_runs WHERE mode = 'incremental' AND state = 'succeeded'")
		s.until("another scheduled run", func() bool {
			return s.number(s.target, "SELECT max(id) FROM lifecycle_sync_runs WHERE mode = 'incremental' AND state = 'succeeded'") > runs
		})
	}
	goesOn(12)
	third := serve("three")
	third.Says("state=standby")
	third.End(syscall.SIGKILL)
	goesOn(13)
	if code := second.End(syscall.SIGTERM); code != 0 {
		t.Errorf("exit %d: %s", code, second)
	}
	s.must(0, "verify")
}

// get is what a server answers.
func (s *site) get(p *program.Process, path string) string {
	s.Helper()
	request, err := kit.NewRequest(http.MethodGet, "http://"+p.Address()+path, nil)
	if err != nil {
		s.Fatal(err)
	}
	_, body, err := kit.Send(request) //nolint:bodyclose // Send has closed it
	if err != nil {
		s.Fatal(err)
	}
	return string(body)
}

// TestFollowRefuses says at once what sync --follow cannot do.
func TestFollowRefuses(t *testing.T) {
	t.Parallel()
	s := newSite(t, testdb.SQLite)
	if e := s.must(2, "sync", "--follow"); !strings.Contains(e.stderr, "needs PostgreSQL") {
		t.Errorf("%s", e)
	}
	s.must(2, "sync", "--follow", "--dry-run")
	s.must(2, "sync", "--follow", "--digest", strings.Repeat("a", 32))
	postgres := newSite(t, testdb.Postgres)
	postgres.must(0, "seed")
	postgres.exec(postgres.source, "ALTER TABLE tbl_produk REPLICA IDENTITY NOTHING")
	if e := postgres.must(1, "sync", "--follow"); !strings.Contains(e.stdout+e.stderr, "REPLICA IDENTITY DEFAULT") {
		t.Errorf("%s", e)
	}
}
