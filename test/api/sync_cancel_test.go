package api_test

import (
	"fmt"
	"net/http"
	"testing"
)

func TestSync_SecondRunIsBusy(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		s.settled()
		if !s.postgres() {
			return // a run cannot be made long from outside; services/syncing makes one
		}
		release := s.held()
		defer release()
		answers := make(chan answer, 2)
		for range cap(answers) {
			go func() {
				a, err := s.try(http.MethodPost, base+"/sync", nil)
				if err != nil {
					t.Error(err)
				}
				answers <- a
			}()
		}
		first, second := <-answers, <-answers
		if first.StatusCode != http.StatusAccepted {
			first, second = second, first
		}
		first.want(t, http.StatusAccepted)
		second.want(t, http.StatusConflict, "busy")
		run, busy := into[syncRun](t, first), into[syncRun](t, second)
		if busy.Run != run.Run || busy.State != "running" {
			t.Errorf("%s and %s", first.body, second.body)
		}
		if status := s.standing(); status.State != "running" || status.Running.Run != run.Run || status.LastRun.Run == run.Run {
			t.Errorf("%+v", status)
		}
		canceled := s.accepted(fmt.Sprintf("/sync/runs/%d/cancel", run.Run), "")
		if canceled.Run != run.Run || !canceled.Cancel {
			t.Errorf("%+v", canceled)
		}
		done := s.finished(run.Run)
		if done.State != "canceled" || !done.Cancel || done.Error.Class != "canceled" {
			t.Errorf("%+v", done)
		}
		if status := s.standing(); status.State != "healthy" || status.LastRun.Run != run.Run {
			t.Errorf("%+v", status)
		}
		release()
		if again := s.finished(s.accepted("/sync", "").Run); again.State != "succeeded" {
			t.Errorf("%+v", again)
		}
	})
}

func TestSync_CancelsRunsOfTheCommandLine(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		s.settled()
		if !s.postgres() {
			return
		}
		release := s.held()
		defer release()
		code := make(chan int, 1)
		go func() {
			exit, _, _ := s.Run("sync")
			code <- exit
		}()
		var running *syncRun
		s.Eventually("the run is seen", func() bool { running = s.standing().Running; return running != nil })
		busy := s.send(http.MethodPost, "/sync", "").want(t, http.StatusConflict, "busy")
		if into[syncRun](t, busy).Run != running.Run {
			t.Errorf("%s", busy.body)
		}
		s.accepted(fmt.Sprintf("/sync/runs/%d/cancel", running.Run), "")
		if done := s.finished(running.Run); done.State != "canceled" || !done.Cancel {
			t.Errorf("%+v", done)
		}
		if got := <-code; got != 1 {
			t.Errorf("exit code %d", got)
		}
	})
}

func TestSync_HonoursIdempotencyKey(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		s.settled()
		for path, body := range map[string]string{"/sync": "", "/sync?": `{"dryRun": true}`, "/sync/verify": ""} {
			key := []string{"Idempotency-Key", "key of " + path + body}
			first := s.send(http.MethodPost, path, body, key...)
			run := into[struct{ Run int64 }](t, first).Run
			if first.StatusCode >= 300 || s.finished(run).State != "succeeded" {
				t.Fatalf("%s: %d %s", path, first.StatusCode, first.body)
			}
			before := one[int](t, s.target, "SELECT count(*) FROM lifecycle_sync_runs")
			again := s.send(http.MethodPost, path, body, key...)
			if again.StatusCode != first.StatusCode || string(again.json.Data) != string(first.json.Data) || again.Header.Get("Location") != first.Header.Get("Location") {
				t.Errorf("%s: %s, then %s", path, first.body, again.body)
			}
			if after := one[int](t, s.target, "SELECT count(*) FROM lifecycle_sync_runs"); after != before {
				t.Errorf("%s: %d runs more", path, after-before)
			}
		}
		s.send(http.MethodPost, "/sync", `{"dryRun": true}`, "Idempotency-Key", "key of /sync").want(t, http.StatusConflict, "conflict")
	})
}

func TestSync_RunEndsWithTheServer(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		s.settled()
		if !s.postgres() {
			return
		}
		defer s.held()()
		run := s.accepted("/sync", "")
		events := s.follow("")
		s.Cancel()
		events.until("finished")
		s.Stop()
		if state := one[string](t, s.target, "SELECT state FROM lifecycle_sync_runs WHERE id = $1", run.Run); state != "canceled" {
			t.Errorf("the run is %s", state)
		}
	})
}
