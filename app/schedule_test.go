package app_test

import (
	"fmt"
	"strings"
	"syscall"
	"testing"

	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/testdb"
)

// Scheduled runs are made once, and continue when the process that makes one is killed.
func TestServe_TwoServersShareTheSchedule(t *testing.T) {
	t.Parallel()
	s := newSite(t, testdb.Postgres)
	s.must(0, "seed", "--products", "20", "--history", "12")
	servers := []*server{s.serve("SYNC_SCHEDULE=* * * * * *"), s.serve("SYNC_SCHEDULE=* * * * * *")}
	kit.Eventually(s, "one does what is due, and the other has not to", func() bool {
		return s.runs("succeeded") > 4 && strings.Contains(servers[0].Out.String()+servers[1].Out.String(), "scheduled run already completed")
	})

	release, _ := kit.Lock(t, s.source, lockedTable)
	var making int
	kit.Eventually(s, "one waits for the run of the other", func() bool {
		run := s.number(s.target, "SELECT coalesce(max(id), 0) FROM lifecycle_sync_runs WHERE state = 'running'")
		for i, v := range servers {
			if strings.Contains(v.Out.String(), fmt.Sprintf("run=%d\n", run)) {
				making = 1 - i
				return true
			}
		}
		return false
	})
	servers[making].End(syscall.SIGKILL)
	release()
	before := s.runs("succeeded")
	kit.Eventually(s, "runs go on", func() bool { return s.runs("succeeded") > before+2 })
	servers[1-making].end()
	if interrupted, running := s.runs("interrupted"), s.runs("running"); interrupted != 1 || running != 0 {
		t.Errorf("%d runs are interrupted, %d left running", interrupted, running)
	}
	s.must(0, "verify")
}

// runs counts those in a state.
func (s *site) runs(state string) int64 {
	s.Helper()
	return s.number(s.target, "SELECT count(*) FROM lifecycle_sync_runs WHERE state = '"+state+"'")
}
