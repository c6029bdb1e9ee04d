package app_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"lifecycle-sync/services/alerts"
	"lifecycle-sync/test/kit/testdb"
)

// receiver is a webhook that records alerts.
type receiver struct {
	mu  sync.Mutex
	all []alerts.Payload
}

// useReceiver sends the site's alerts to a new receiver.
func (s *site) useReceiver() *receiver {
	v := &receiver{}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var a alerts.Payload
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = json.Unmarshal(body, &a)
		}
		if err != nil || !strings.HasPrefix(r.Header.Get("X-Lifecycle-Signature"), "sha256=") {
			s.Errorf("%v: %s %v", err, body, r.Header)
		}
		v.mu.Lock()
		defer v.mu.Unlock()
		v.all = append(v.all, a)
	}))
	s.Cleanup(server.Close)
	s.Set("ALERT_WEBHOOK_URL="+server.URL+"/"+password, "ALERT_WEBHOOK_SECRET="+password, "ALERT_QUARANTINE_GROWTH=2", "LOG_LEVEL=DEBUG", "SYNC_RETRY_TIME=0s")
	return v
}

// alerts runs a command and returns the alerts that it sends, which must be as wanted: "event state".
func (s *site) alerts(v *receiver, code int, command string, want ...string) []alerts.Payload {
	s.Helper()
	v.all = nil // no command is running
	e := s.runAs(nil, strings.Fields(command)...)
	if e.code != code || strings.Contains(e.stdout+e.stderr, password) {
		s.Fatalf("%s: exit %d expected, and no secret: %s", command, code, e)
	}
	var got []string
	for _, a := range v.all {
		got = append(got, string(a.Event)+" "+string(a.State))
	}
	if !slices.Equal(got, want) {
		s.Fatalf("%s: %q, want %q: %+v %s", command, got, want, v.all, e)
	}
	return v.all
}

func TestSync_SendsTheAlertsThatARunChanges(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		s := newSite(t, url)
		s.must(0, "seed")
		v := s.useReceiver()
		s.alerts(v, 0, "sync")
		s.exec(s.source, "ALTER TABLE tbl_segmen RENAME TO tbl_segmen_lain")
		firing := s.alerts(v, 1, "sync", "failed firing")[0]
		if firing.Run == nil || firing.Details["class"] != "schema" || !strings.Contains(firing.Message, "tbl_segmen") {
			t.Errorf("%+v", firing)
		}
		s.alerts(v, 1, "sync")
		s.exec(s.source, "ALTER TABLE tbl_segmen_lain RENAME TO tbl_segmen")
		resolved := s.alerts(v, 0, "sync", "failed resolved")[0]
		if about, _ := strings.CutSuffix(firing.ID, "-firing"); resolved.ID != about+"-resolved" || resolved.Run == nil {
			t.Errorf("%+v, then %+v", firing, resolved)
		}
		s.alerts(v, 0, "sync")
		s.alerts(v, 0, "sync --dry-run")

		s.exec(s.source, "DELETE FROM tbl_stage_histori WHERE id_produk > 100")
		s.exec(s.source, "DELETE FROM tbl_produk WHERE id > 100")
		s.alerts(v, 0, "sync --dry-run")
		stopped := s.alerts(v, 1, "sync --json", "mass_delete firing")[0]
		_, allow, _ := strings.Cut(stopped.Remedy, "--allow-deletes ")
		s.alerts(v, 0, "sync --allow-deletes "+strings.TrimSuffix(allow, "."), "mass_delete resolved")

		s.exec(s.source, "UPDATE tbl_produk SET id_segmen = 999 WHERE id <= 5")
		grown := s.alerts(v, 0, "sync", "quarantine firing")[0]
		if grown.Details["rows"].(float64)-grown.Details["before"].(float64) < 2 {
			t.Errorf("%+v", grown)
		}
	})
}

func TestSync_AlertsWhenADatabaseIsUnreachable(t *testing.T) {
	t.Parallel()
	s := seeded(t, testdb.Postgres)
	s.must(0, "sync")
	v, source, target := s.useReceiver(), s.SourceURL, s.TargetURL
	const unreachable = "postgres://user:" + password + "@127.0.0.1:1/db"
	s.UseDatabases(unreachable, target)
	if firing := s.alerts(v, 1, "sync", "failed firing")[0]; firing.Run == nil || firing.Details["class"] != "connection" {
		t.Errorf("%+v", firing)
	}
	if o := s.syncJSON(1); o.Run == nil || o.State != "failed" || o.Error == nil || o.Error.Class != "connection" {
		t.Errorf("%+v", o)
	}
	s.alerts(v, 1, "sync")
	s.UseDatabases(source, unreachable) // nothing can be recorded: each run alerts
	first, second := s.alerts(v, 1, "sync", "failed firing")[0], s.alerts(v, 1, "sync", "failed firing")[0]
	if first.Run != nil || first.ID == second.ID {
		t.Errorf("%+v, then %+v", first, second)
	}
	s.UseDatabases(source, target)
	s.alerts(v, 0, "sync", "failed resolved")
}

func TestSync_AnUnreachableAlertReceiverOnlyLogs(t *testing.T) {
	t.Parallel()
	s := seeded(t, testdb.SQLite)
	refusing := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(refusing.Close)
	s.Set("ALERT_WEBHOOK_URL="+refusing.URL+"/"+password, "ALERT_WEBHOOK_SECRET="+password)
	s.exec(s.source, "ALTER TABLE tbl_segmen RENAME TO tbl_segmen_lain")
	if e := s.must(1, "sync"); !strings.Contains(e.stderr, "404") || !strings.Contains(e.stderr, "event=failed") || strings.Contains(e.stdout+e.stderr, password) {
		t.Errorf("%s", e)
	}
	s.exec(s.source, "ALTER TABLE tbl_segmen_lain RENAME TO tbl_segmen")
	if e := s.must(0, "sync"); strings.Contains(e.stdout+e.stderr, password) {
		t.Errorf("%s", e)
	}
}
