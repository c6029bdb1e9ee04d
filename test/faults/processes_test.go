package faults_test

import (
	"database/sql"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/program"
	"lifecycle-sync/test/kit/testdb"
)

// TestSync_TwoProcesses starts two at once: both succeed one after the other, or one reports the run in progress. On
// PostgreSQL the first two also migrate at once.
func TestSync_TwoProcesses(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		if strings.HasPrefix(s.TargetURL, "postgres") {
			s.UseDatabases(s.SourceURL, testdb.Postgres(t))
			s.target = testdb.Open(t, s.TargetURL)
		}
		for range 2 {
			s.exec(s.source, "UPDATE tbl_produk SET harga = coalesce(harga, 0) + 1")
			processes := []*program.Process{s.Fork(nil, "sync"), s.Fork(nil, "sync")}
			succeeded := 0
			for _, p := range processes {
				switch code := p.Wait(); {
				case code == 0:
					succeeded++
				case code != 4 || !p.Out.Contains("in progress"):
					t.Errorf("a process ended with %d: %s", code, p)
				}
			}
			if succeeded == 0 {
				t.Errorf("neither succeeded: %s%s", processes[0], processes[1])
			}
			s.Command("verify")
			s.wantRecovery()
		}
	})
}

// TestSync_BusyAndInterrupted reports the run in progress to a second process, and cancels by Ctrl-C and SIGTERM.
func TestSync_BusyAndInterrupted(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for i, args := range [][]string{{"sync"}, {"sync", "--json"}} {
		before := s.mirrorRows()
		run, release := s.forkBlockedRun(args...)
		id := s.number(s.target, "SELECT id FROM lifecycle_sync_runs WHERE state = 'running'")
		s.Begin("sync", "--json").Ends(4, fmt.Sprintf("Run %d ", id), `"class":"busy"`, `"state":"failed"`)
		code := run.End([]os.Signal{os.Interrupt, syscall.SIGTERM}[i])
		release()
		if code != 1 || !run.Out.Contains("(canceled)") || i == 1 && !run.Out.Contains(`"state":"canceled"`) {
			t.Errorf("a canceled run ended with %d: %s", code, run)
		}
		if n := s.number(s.target, "SELECT count(*) FROM lifecycle_sync_runs WHERE state = 'canceled' AND finished_at IS NOT NULL"); n != int64(i+1) {
			t.Errorf("%d runs are canceled", n)
		}
		s.wantUnchanged(before)
	}
	s.wantRecovery()
}

// TestSync_SecondInterrupt ends the process at once, although the rollback after the first one gets no answer.
func TestSync_SecondInterrupt(t *testing.T) {
	t.Parallel()
	kit.Rare(t)
	s := newSite(t)
	direct := s.Environ
	_, network := s.throughLinks()
	run, release := s.forkBlockedRun("sync")
	network.AddFaults(testdb.LoseResponses, testdb.LoseRequests)
	s.Eventually("the process ends", func() bool {
		run.Signal(os.Interrupt)
		return run.Ended()
	})
	if run.EndedBy() != os.Interrupt {
		t.Errorf("the process ended by %s: %s", run.EndedBy(), run)
	}
	network.Cut()
	release()
	s.Environ = direct
	s.wantRecovery()
}

// forkBlockedRun is startBlockedRun with a process.
func (s *site) forkBlockedRun(args ...string) (run *program.Process, release func()) {
	s.Helper()
	s.change()
	s.Fork(nil, "version").Wait() // builds the binary, during which a lock would delay the slots of other tests
	release, awaited := kit.Lock(s, s.source, "LOCK TABLE tbl_stage_histori IN ACCESS EXCLUSIVE MODE")
	run = s.Fork(nil, args...)
	run.Waits("the run waits", awaited)
	return run, release
}

// TestServe_TwoServersShareTheSchedule expects each due run once, also after the process that makes one was killed.
func TestServe_TwoServersShareTheSchedule(t *testing.T) {
	t.Parallel()
	kit.Rare(t)
	s := newSite(t)
	var servers []*program.Process
	for range 2 {
		servers = append(servers, s.Fork([]string{"PORT=0", "SYNC_SCHEDULE=* * * * * *"}, "serve"))
	}
	s.Eventually("each is skipped once the other has made the run", func() bool {
		return s.runs("succeeded") > 4 && strings.Contains(servers[0].String()+servers[1].String(), "scheduled run already completed")
	})
	release, _ := kit.Lock(t, s.source, "LOCK TABLE tbl_stage_histori IN ACCESS EXCLUSIVE MODE")
	making := -1
	s.Eventually("one waits for the run of the other", func() bool {
		run := s.number(s.target, "SELECT coalesce(max(id), 0) FROM lifecycle_sync_runs WHERE state = 'running'")
		making = 1 - slices.IndexFunc(servers, func(v *program.Process) bool { return v.Out.Contains(fmt.Sprintf("run=%d\n", run)) })
		return making < 2
	})
	servers[making].End(syscall.SIGKILL)
	release()
	before := s.runs("succeeded")
	s.Eventually("runs go on", func() bool { return s.runs("succeeded") > before+2 })
	if code := servers[1-making].End(os.Interrupt); code != 0 || s.runs("interrupted") != 1 {
		t.Errorf("exit %d, %d runs are interrupted: %s", code, s.runs("interrupted"), servers[1-making])
	}
	s.wantRecovery()
}

// TestFollow_KilledDuringAStep expects the log to continue without a run: only mirrored changes were acknowledged.
func TestFollow_KilledDuringAStep(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.Fork(nil, "sync", "--follow")
	p.Says(followed)
	s.wantMirrored(1)
	if code := p.End(syscall.SIGTERM); code != 0 {
		t.Errorf("exit %d after SIGTERM: %s", code, p)
	}
	const made = "SELECT count(*) FROM lifecycle_sync_runs WHERE mode IN ('full', 'incremental')"
	before := s.number(s.target, made)
	for i, point := range []string{"before-step-commit", "after-step-commit"} {
		p := s.Fork([]string{"LIFECYCLE_FAILPOINT=" + point}, "sync", "--follow") // it may first repeat what was not acknowledged
		s.exec(s.source, "UPDATE tbl_produk SET harga = $1", 100+i)
		if p.EndedBy() == 0 {
			t.Fatalf("%s was not reached: %s", point, p)
		}
		follower := s.startFollower()
		s.wantMirrored(200 + int64(i))
		s.stopFollower(follower)
		s.Command("verify")
	}
	if n := s.number(s.target, made); n != before {
		t.Errorf("%d runs, then %d: a change was acknowledged that is not mirrored", before, n)
	}
}

// TestFollow_SurvivesServerRestarts stops and crashes both database servers.
func TestFollow_SurvivesServerRestarts(t *testing.T) {
	t.Parallel()
	kit.Rare(t)
	servers := []*testdb.Cluster{testdb.NewCluster(t), testdb.NewCluster(t)}
	s := siteOn(t, servers[0].Database(t), servers[1].Database(t))
	p := s.startFollower()
	s.wantMirrored(1)
	for i, server := range servers {
		db := []*sql.DB{s.source, s.target}[i]
		for j, mode := range []string{"fast", "immediate"} {
			before := len(p.String())
			server.Stop(mode)
			s.Eventually("the failure is reported", func() bool { return strings.Contains(p.String()[before:], "❌") })
			server.Start()
			s.Eventually("the server answers", func() bool { return db.PingContext(s.Context()) == nil }) // through a new connection
			s.wantMirrored(int64(2 + 2*i + j))
			s.Command("verify")
		}
	}
	s.stopFollower(p)
}

// TestServe_TwoServersFollow kills the server that follows, then one on standby: the schedule and real-time sync continue.
func TestServe_TwoServersFollow(t *testing.T) {
	t.Parallel()
	kit.Rare(t)
	s := newSite(t)
	s.Set("SYNC_REALTIME=true", "SYNC_SCHEDULE=* * * * * *", "PORT=0")
	first := s.Fork([]string{"DATA_DIR=" + t.TempDir()}, "serve")
	first.Says("state=following")
	second := s.serve()
	second.Says("state=standby")
	s.wantMirrored(11)
	for path, wants := range map[string][]string{
		"/metrics":    {`lifecycle_sync_realtime_state{state="standby"} 1`, "lifecycle_sync_realtime_lag_seconds ", "lifecycle_sync_slot_retained_bytes "},
		api + "/sync": {`"realtime":{"state":"standby"`, `"realtimeLagSeconds":`},
	} {
		_, got, err := do(second.Address(), http.MethodGet, path, "")
		for _, want := range wants {
			if err != nil || !strings.Contains(got, want) || strings.Contains(got, `"realtimeLagSeconds":null`) {
				t.Errorf("%s: no %s in %s, %v", path, want, got, err)
			}
		}
	}
	first.End(syscall.SIGKILL)
	second.Says("state=following")
	continues := func(price int64) {
		t.Helper()
		s.wantMirrored(price)
		last := func() int64 {
			return s.number(s.target, "SELECT max(id) FROM lifecycle_sync_runs WHERE mode = 'incremental' AND state = 'succeeded'")
		}
		before := last()
		s.Eventually("another scheduled run", func() bool { return last() > before })
	}
	continues(12)
	third := s.Fork([]string{"DATA_DIR=" + t.TempDir()}, "serve")
	third.Says("state=standby")
	third.End(syscall.SIGKILL)
	continues(13)
	second.end()
	s.wantRecovery()
}
