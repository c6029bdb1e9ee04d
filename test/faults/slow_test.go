package faults_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"lifecycle-sync/test/kit/testdb"
)

// TestNetwork_SlowLink expects progress, and that the run can be canceled.
func TestNetwork_SlowLink(t *testing.T) {
	t.Parallel()
	both(t, func(s *site, l *testdb.Link, _ string) {
		v := s.serve()
		s.exec(s.source, "INSERT INTO tbl_produk (produk, deskripsi, id_segmen, id_stage) SELECT 'P' || i, repeat(md5(i::text), 8), 1, 1 FROM generate_series(1, 30000) AS i")
		before := s.mirror()
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
		s.untouched(before)
		l.RemoveFaults()
		v.end()
	})
}

// advanced is the progress of a run.
type advanced struct {
	Table string `json:"table"`
	Done  int64  `json:"done"`
}

// progress follows the stream of events.
func (v *server) progress() <-chan advanced {
	v.s.Helper()
	response, err := http.Get("http://" + v.address + api + "/sync/events")
	if err != nil {
		v.s.Fatal(err)
	}
	v.s.Cleanup(func() { _ = response.Body.Close() })
	events := make(chan advanced, 1000)
	go func() {
		lines := bufio.NewScanner(response.Body)
		for name := ""; lines.Scan(); {
			field, value, _ := strings.Cut(lines.Text(), ": ")
			var at advanced
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
