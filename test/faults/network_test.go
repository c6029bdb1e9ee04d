package faults_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/testdb"
)

func TestNetwork_FaultsAreRetried(t *testing.T) {
	t.Parallel()
	type fault struct {
		name, says    string
		attempt       int // during which the link is repaired; 1 is before the run notices
		spoil, repair func(l *testdb.Link)
	}
	for _, c := range kit.Daily(t, 1, []fault{
		{"cut", ": the connection was lost. Retrying in ", 1, (*testdb.Link).Cut, (*testdb.Link).Restore},
		{"reset", ": the connection", 3, func(l *testdb.Link) { l.AddFaults(testdb.Reset) }, (*testdb.Link).RemoveFaults},
		{"refused", ": the connection failed: connection refused. Retrying in ", 3, (*testdb.Link).Cut, (*testdb.Link).Restore},
	}...) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			eachLink(t, func(s *site, l *testdb.Link, name string) {
				run, release := s.startBlockedRun()
				c.spoil(l)
				if c.attempt == 1 {
					c.repair(l)
					release()
				} else {
					release()
					run.Says(fmt.Sprintf("(attempt %d)", c.attempt))
					c.repair(l)
				}
				run.Ends(0, "⏳ "+name+c.says, "Retrying in ", "(attempt 2)")
				s.wantRetry()
			})
		})
	}
}

func TestNetwork_RefusedForTooLong(t *testing.T) {
	t.Parallel()
	eachLink(t, func(s *site, l *testdb.Link, name string) {
		before := s.mirrorRows()
		s.Set("SYNC_RETRY_TIME=1s")
		run, release := s.startBlockedRun()
		l.Cut()
		release()
		run.Ends(1, "Retrying in ", "❌ "+name, "(connection)")
		s.wantUnchanged(before)
		if name == "lifecycle_db" {
			s.wantRun(outcome{"failed", "connection", s.lastRun().attempts})
		}
		l.Restore()
	})
}

func TestNetwork_RefusedAtStart(t *testing.T) {
	t.Parallel()
	eachLink(t, func(s *site, l *testdb.Link, name string) {
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
		if strings.Contains(run.String(), "Retrying in ") {
			t.Errorf("was retried:\n%s", run)
		}
	}
}

func TestNetwork_BlackHole(t *testing.T) {
	t.Parallel()
	eachLink(t, func(s *site, l *testdb.Link, name string) {
		before := s.mirrorRows()
		s.Set("NETWORK_TIMEOUT=1s", "SYNC_RETRY_TIME=0s")
		run, release := s.startBlockedRun()
		l.AddFaults(testdb.LoseResponses, testdb.LoseRequests)
		run.Ends(1, "❌ "+name+" has not responded for 1 s")
		s.wantUnchanged(before)
		l.RemoveFaults()
		release()
	})
}

func TestNetwork_BlackHoleForAWhile(t *testing.T) {
	t.Parallel()
	eachLink(t, func(s *site, l *testdb.Link, name string) {
		s.Set("NETWORK_TIMEOUT=1s")
		run, release := s.startBlockedRun()
		l.AddFaults(testdb.LoseResponses, testdb.LoseRequests)
		run.Says("⏳ " + name + " has not responded for 1 s")
		l.RemoveFaults()
		release()
		run.Ends(0)
		s.wantRetry()
	})
}

// TestNetwork_SlowLink expects progress, and that the run can be canceled.
func TestNetwork_SlowLink(t *testing.T) {
	t.Parallel()
	kit.Rare(t)
	eachLink(t, func(s *site, l *testdb.Link, _ string) {
		v := s.serve()
		s.exec(s.source, "INSERT INTO tbl_produk (produk, deskripsi, id_segmen, id_stage) SELECT 'P' || i, repeat(md5(i::text), 8), 1, 1 FROM generate_series(1, 30000) AS i")
		before := s.mirrorRows()
		progress := v.progress()
		l.AddFaults(testdb.SlowDown, testdb.SlowUp, testdb.Delayed)
		if status := v.send(http.MethodPost, "/sync", ""); status != http.StatusAccepted {
			s.Fatalf("POST /sync: %d", status)
		}
		for seen, done := 0, int64(0); seen < 3; {
			at := <-progress
			if at.Table == "tbl_produk" && at.Done > done {
				seen, done = seen+1, at.Done
			}
		}
		run := s.number(s.target, "SELECT max(id) FROM lifecycle_sync_runs WHERE state = 'running'")
		if status := v.send(http.MethodPost, fmt.Sprintf("/sync/runs/%d/cancel", run), ""); status != http.StatusAccepted {
			s.Fatalf("cancel: %d", status)
		}
		s.Eventually("the run ends", func() bool { return s.lastRun().state != "running" })
		s.wantRun(outcome{"canceled", "canceled", 1})
		s.wantUnchanged(before)
		l.RemoveFaults()
		v.end()
	})
}

// progressEvent is an event of a run.
type progressEvent struct {
	Table string `json:"table"`
	Done  int64  `json:"done"`
}

// progress follows the stream of events.
func (v *server) progress() <-chan progressEvent {
	v.s.Helper()
	response, err := http.Get("http://" + v.Address() + api + "/sync/events")
	if err != nil {
		v.s.Fatal(err)
	}
	v.s.Cleanup(func() { _ = response.Body.Close() })
	events := make(chan progressEvent, 1000)
	go func() {
		lines := bufio.NewScanner(response.Body)
		for name := ""; lines.Scan(); {
			field, value, _ := strings.Cut(lines.Text(), ": ")
			var at progressEvent
			switch {
			case field == "event":
				name = value
			case field == "data" && name == "progress" && json.Unmarshal([]byte(value), &at) == nil:
				events <- at
			}
		}
	}()
	return events
}
