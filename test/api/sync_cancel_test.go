package api_test

import (
	"fmt"
	"net/http"
	"testing"

	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/testdb"
)

// TestSync_SecondRunIsBusy needs PostgreSQL, where a lock prolongs a run; services/runs does it on SQLite. At last the server ends,
// and with it a run.
func TestSync_SecondRunIsBusy(t *testing.T) {
	t.Parallel()
	s := newSite(t, testdb.Postgres)
	const block = "LOCK TABLE tbl_produk_lifecycle IN ROW EXCLUSIVE MODE" // runs wait for it
	release, _ := kit.Lock(t, s.target, block)
	responses := s.concurrently(2, func(int) (apiResponse, error) { return s.try(http.MethodPost, base+"/sync", nil) })
	first, second := responses[0], responses[1]
	if first.StatusCode != http.StatusAccepted {
		first, second = second, first
	}
	run, busy := decode[syncRun](t, first.want(t, http.StatusAccepted)), decode[syncRun](t, second.want(t, http.StatusConflict, "busy"))
	if busy.Run != run.Run || busy.State != "running" {
		t.Errorf("%s and %s", first.body, second.body)
	}
	if status := s.syncStatus(); status.State != "running" || status.Running.Run != run.Run || status.LastRun.Run == run.Run {
		t.Errorf("%+v", status)
	}
	if canceled := s.postAccepted(fmt.Sprintf("/sync/runs/%d/cancel", run.Run), ""); canceled.Run != run.Run || !canceled.Cancel {
		t.Errorf("%+v", canceled)
	}
	if ended := s.waitForRun(run.Run); ended.State != "canceled" || !ended.Cancel || ended.Error.Class != "canceled" {
		t.Errorf("%+v", ended)
	}
	if status := s.syncStatus(); status.State != "healthy" || status.LastRun.Run != run.Run {
		t.Errorf("%+v", status)
	}

	code := make(chan int, 1)
	go func() {
		exit, _, _ := s.Run("sync")
		code <- exit
	}()
	var running *syncRun
	s.Eventually("the command line's run is shown", func() bool { running = s.syncStatus().Running; return running != nil })
	response := s.send(http.MethodPost, "/sync", "").want(t, http.StatusConflict, "busy")
	if decode[syncRun](t, response).Run != running.Run {
		t.Errorf("%s", response.body)
	}
	s.postAccepted(fmt.Sprintf("/sync/runs/%d/cancel", running.Run), "")
	if ended := s.waitForRun(running.Run); ended.State != "canceled" || !ended.Cancel {
		t.Errorf("%+v", ended)
	}
	if got := <-code; got != 1 {
		t.Errorf("exit code %d", got)
	}
	release()
	if again := s.runSync(""); again.State != "succeeded" {
		t.Errorf("%+v", again)
	}

	_, _ = kit.Lock(t, s.target, block)
	last := s.postAccepted("/sync", "")
	events := s.events("")
	s.Cancel()
	events.until("finished")
	s.Stop()
	if state := queryOne[string](t, s.target, "SELECT state FROM lifecycle_sync_runs WHERE id = $1", last.Run); state != "canceled" {
		t.Errorf("the run is %s", state)
	}
}

func TestSync_HonoursIdempotencyKey(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		for path, body := range map[string]string{"/sync": "", "/sync?": `{"dryRun": true}`, "/sync/verify": ""} {
			key := []string{"Idempotency-Key", "key of " + path + body}
			first := s.send(http.MethodPost, path, body, key...)
			run := decode[struct{ Run int64 }](t, first).Run
			if first.StatusCode >= 300 || s.waitForRun(run).State != "succeeded" {
				t.Fatalf("%s: %d %s", path, first.StatusCode, first.body)
			}
			before := queryOne[int](t, s.target, "SELECT count(*) FROM lifecycle_sync_runs")
			again := s.send(http.MethodPost, path, body, key...)
			if again.StatusCode != first.StatusCode || string(again.json.Data) != string(first.json.Data) || again.Header.Get("Location") != first.Header.Get("Location") {
				t.Errorf("%s: %s, then %s", path, first.body, again.body)
			}
			if after := queryOne[int](t, s.target, "SELECT count(*) FROM lifecycle_sync_runs"); after != before {
				t.Errorf("%s: %d runs more", path, after-before)
			}
		}
		s.send(http.MethodPost, "/sync", `{"dryRun": true}`, "Idempotency-Key", "key of /sync").want(t, http.StatusConflict, "conflict")
	})
}
