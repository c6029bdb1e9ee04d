package app_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"lifecycle-sync/services/alerts"
	"lifecycle-sync/test/kit/testdb"
)

// receiver is a webhook that records alerts.
type receiver struct {
	*httptest.Server
	mu  sync.Mutex
	all []alerts.Payload
}

func newReceiver(t testing.TB) *receiver {
	t.Helper()
	v := &receiver{}
	v.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var a alerts.Payload
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = json.Unmarshal(body, &a)
		}
		if err != nil || !strings.HasPrefix(r.Header.Get("X-Lifecycle-Signature"), "sha256=") {
			t.Errorf("%v: %s %v", err, body, r.Header)
		}
		v.mu.Lock()
		v.all = append(v.all, a)
		v.mu.Unlock()
	}))
	t.Cleanup(v.Close)
	return v
}

// since returns the alerts after the first n.
func (v *receiver) since(n int) []alerts.Payload {
	v.mu.Lock()
	defer v.mu.Unlock()
	return append([]alerts.Payload(nil), v.all[n:]...)
}

// told runs the program and requires the alerts that it sends, as "event state".
func (s *site) told(v *receiver, code int, args []string, want ...string) []alerts.Payload {
	s.Helper()
	before := len(v.since(0))
	e := s.runWith([]string{"ALERT_WEBHOOK_URL=" + v.URL + "/" + password, "ALERT_WEBHOOK_SECRET=" + password, "ALERT_QUARANTINE_GROWTH=2", "LOG_LEVEL=DEBUG", "SYNC_RETRY_TIME=0s"}, args...)
	if e.code != code || strings.Contains(e.stdout+e.stderr, password) {
		s.Fatalf("%v: exit %d expected, and no secret: %s", args, code, e)
	}
	found := v.since(before)
	var got []string
	for _, a := range found {
		got = append(got, string(a.Event)+" "+string(a.State))
	}
	if strings.Join(got, ", ") != strings.Join(want, ", ") {
		s.Fatalf("%v: %q, want %q: %+v %s", args, got, want, found, e)
	}
	return found
}

func TestSync_SendsTheAlertsThatARunChanges(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		s, v := newSite(t, url), newReceiver(t)
		s.must(0, "seed")
		sync := []string{"sync"}
		s.told(v, 0, sync)
		s.exec(s.source, "ALTER TABLE tbl_segmen RENAME TO tbl_segmen_lain")
		begun := s.told(v, 1, sync, "failed firing")[0]
		if begun.Run == nil || begun.Details["class"] != "schema" || !strings.Contains(begun.Message, "tbl_segmen") {
			t.Errorf("%+v", begun)
		}
		s.told(v, 1, sync)
		s.exec(s.source, "ALTER TABLE tbl_segmen_lain RENAME TO tbl_segmen")
		ended := s.told(v, 0, sync, "failed resolved")[0]
		if about, _ := strings.CutSuffix(begun.ID, "-firing"); ended.ID != about+"-resolved" || ended.Run == nil {
			t.Errorf("%+v, then %+v", begun, ended)
		}
		s.told(v, 0, sync)
		s.told(v, 0, []string{"sync", "--dry-run"})

		s.exec(s.source, "DELETE FROM tbl_stage_histori WHERE id_produk > 100")
		s.exec(s.source, "DELETE FROM tbl_produk WHERE id > 100")
		s.told(v, 0, []string{"sync", "--dry-run"})
		stopped := s.told(v, 1, []string{"sync", "--json"}, "mass_delete firing")[0]
		_, allow, _ := strings.Cut(stopped.Remedy, "--allow-deletes ")
		s.told(v, 0, []string{"sync", "--allow-deletes", strings.TrimSuffix(allow, ".")}, "mass_delete resolved")

		s.exec(s.source, "UPDATE tbl_produk SET id_segmen = 999 WHERE id <= 5")
		grown := s.told(v, 0, sync, "quarantine firing")[0]
		if grown.Details["rows"].(float64)-grown.Details["before"].(float64) < 2 {
			t.Errorf("%+v", grown)
		}
	})
}

func TestSync_AlertsWhenTheSourceIsUnreachable(t *testing.T) {
	t.Parallel()
	s, v := newSite(t, testdb.Postgres), newReceiver(t)
	s.must(0, "seed")
	s.must(0, "sync")
	there := s.sourceURL
	s.sourceURL = "postgres://user:" + password + "@127.0.0.1:1/db"
	begun := s.told(v, 1, []string{"sync"}, "failed firing")[0]
	if begun.Run == nil || begun.Details["class"] != "connection" {
		t.Errorf("%+v", begun)
	}
	if o := s.syncJSON(1); o.Run == nil || o.State != "failed" || o.Error == nil || o.Error.Class != "connection" {
		t.Errorf("%+v", o)
	}
	s.told(v, 1, []string{"sync"})
	s.sourceURL = there
	s.told(v, 0, []string{"sync"}, "failed resolved")
}

func TestSync_AlertsEachTimeWhenPmoDbIsUnreachable(t *testing.T) {
	t.Parallel()
	s, v := newSite(t, testdb.Postgres), newReceiver(t)
	s.must(0, "seed")
	s.targetURL = "postgres://user:" + password + "@127.0.0.1:1/db"
	first, second := s.told(v, 1, []string{"sync"}, "failed firing")[0], s.told(v, 1, []string{"sync"}, "failed firing")[0]
	if first.Run != nil || first.ID == second.ID {
		t.Errorf("%+v, then %+v", first, second)
	}
}

func TestSync_AnUnreachableAlertReceiverOnlyLogs(t *testing.T) {
	t.Parallel()
	s := newSite(t, testdb.SQLite)
	s.must(0, "seed")
	refusing := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(refusing.Close)
	env := []string{"ALERT_WEBHOOK_URL=" + refusing.URL + "/" + password, "ALERT_WEBHOOK_SECRET=" + password}
	s.exec(s.source, "ALTER TABLE tbl_segmen RENAME TO tbl_segmen_lain")
	e := s.runWith(env, "sync")
	if e.code != 1 || !strings.Contains(e.stderr, "404") || !strings.Contains(e.stderr, "event=failed") || strings.Contains(e.stdout+e.stderr, password) {
		t.Errorf("%s", e)
	}
	s.exec(s.source, "ALTER TABLE tbl_segmen_lain RENAME TO tbl_segmen")
	if e := s.runWith(env, "sync"); e.code != 0 || strings.Contains(e.stdout+e.stderr, password) {
		t.Errorf("%s", e)
	}
}
