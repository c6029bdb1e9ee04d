package faults_test

import (
	"net/url"
	"strings"
	"testing"

	"lifecycle-sync/test/kit/testdb"
)

func TestNetwork_CutIsRetried(t *testing.T) {
	t.Parallel()
	both(t, func(s *site, l *testdb.Link, _ string) {
		run, release := s.held()
		l.Cut()
		l.Restore()
		release()
		run.Ends(0, "the connection was lost. Retrying in ", "(attempt 2)")
		s.triedAgain()
	})
}

func TestNetwork_ResetIsRetried(t *testing.T) {
	t.Parallel()
	both(t, func(s *site, l *testdb.Link, name string) {
		run, release := s.held()
		l.AddFaults(testdb.Reset)
		release()
		run.Says("(attempt 3)")
		l.RemoveFaults()
		run.Ends(0, "⏳ "+name+": the connection", "Retrying in ")
		s.triedAgain()
	})
}

func TestNetwork_RefusedForAWhile(t *testing.T) {
	t.Parallel()
	both(t, func(s *site, l *testdb.Link, name string) {
		run, release := s.held()
		l.Cut()
		release()
		run.Says("⏳ " + name + ": the connection failed: connection refused. Retrying in ")
		run.Says("(attempt 3)")
		l.Restore()
		run.Ends(0)
		s.triedAgain()
	})
}

func TestNetwork_RefusedForTooLong(t *testing.T) {
	t.Parallel()
	both(t, func(s *site, l *testdb.Link, name string) {
		before := s.mirror()
		s.Set("SYNC_RETRY_TIME=1s")
		run, release := s.held()
		l.Cut()
		release()
		run.Ends(1, "Retrying in ", "❌ "+name, "(connection)")
		s.untouched(before)
		if name == "lifecycle_db" {
			s.wantRun(outcome{"failed", "connection", s.lastRun().attempts})
		}
		l.Restore()
	})
}

func TestNetwork_RefusedAtStart(t *testing.T) {
	t.Parallel()
	both(t, func(s *site, l *testdb.Link, name string) {
		s.change()
		l.Cut()
		run := s.Begin("sync")
		run.Says("⏳ " + name + ": the connection failed: connection refused. Retrying in ")
		l.Restore()
		run.Ends(0)
		s.wantRun(outcome{"succeeded", "", 1})
	})
}

func TestNetwork_WrongURLIsNotRetried(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	right, err := url.Parse(s.SourceURL)
	if err != nil {
		t.Fatal("the test server's URL is invalid")
	}
	for _, mistake := range []func(u *url.URL){
		func(u *url.URL) { u.Path += "_not" },
		func(u *url.URL) { u.User = url.UserPassword("nobody", "x") },
	} {
		wrong := *right
		mistake(&wrong)
		s.Set("LIFECYCLE_DATABASE_URL=" + wrong.String())
		run := s.Begin("sync")
		run.Ends(1)
		if strings.Contains(run.Out.String(), "Retrying in ") {
			t.Errorf("was tried again:\n%s", &run.Out)
		}
	}
}

func TestNetwork_BlackHole(t *testing.T) {
	t.Parallel()
	both(t, func(s *site, l *testdb.Link, name string) {
		before := s.mirror()
		s.Set("NETWORK_TIMEOUT=1s")
		s.Set("SYNC_RETRY_TIME=0s")
		run, release := s.held()
		l.AddFaults(testdb.LoseResponses, testdb.LoseRequests)
		run.Ends(1, "❌ "+name+" has not answered for 1 s")
		s.untouched(before)
		l.RemoveFaults()
		release()
	})
}

func TestNetwork_BlackHoleForAWhile(t *testing.T) {
	t.Parallel()
	both(t, func(s *site, l *testdb.Link, name string) {
		s.Set("NETWORK_TIMEOUT=1s")
		run, release := s.held()
		l.AddFaults(testdb.LoseResponses, testdb.LoseRequests)
		run.Says("⏳ " + name + " has not answered for 1 s")
		l.RemoveFaults()
		release()
		run.Ends(0)
		s.triedAgain()
	})
}
