package api_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"lifecycle-sync/services/alerts"
	"lifecycle-sync/test/kit/testdb"
)

// receiver is a webhook that keeps the ids of the alerts it gets.
type receiver struct {
	*httptest.Server
	mu  sync.Mutex
	ids []string
}

func newReceiver(t testing.TB) *receiver {
	t.Helper()
	v := &receiver{}
	v.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var a struct{ ID string }
		body, _ := io.ReadAll(r.Body)
		if err := json.Unmarshal(body, &a); err != nil {
			t.Errorf("%s: %v", body, err)
		}
		v.mu.Lock()
		defer v.mu.Unlock()
		v.ids = append(v.ids, a.ID)
	}))
	t.Cleanup(v.Close)
	return v
}

// told reports whether the newest alert has an event and a state and is about a run.
func (v *receiver) told(event alerts.Event, state alerts.State, run int64) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.ids) == 0 {
		return false
	}
	last := v.ids[len(v.ids)-1]
	return strings.HasPrefix(last, fmt.Sprintf("%s-%d-", event, run)) && strings.HasSuffix(last, string(state))
}

func TestAlerts_FollowTheStateOfSync(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		v := newReceiver(t)
		s := newSite(t, url, "ALERT_WEBHOOK_URL="+v.URL+"/rahasia", "ALERT_WEBHOOK_SECRET=rahasia-sekali")
		s.settled()
		told := func(event alerts.Event, state alerts.State, run int64) {
			t.Helper()
			s.Eventually(fmt.Sprintf("%s %s of run %d", event, state, run), func() bool { return v.told(event, state, run) })
		}
		exec(t, s.source, "ALTER TABLE tbl_segmen RENAME TO tbl_segmen_lain")
		broken := s.finished(s.accepted("/sync", "").Run).Run
		told(alerts.Failed, alerts.Firing, broken)
		exec(t, s.source, "ALTER TABLE tbl_segmen_lain RENAME TO tbl_segmen")
		s.finished(s.accepted("/sync", "").Run)
		told(alerts.Failed, alerts.Resolved, broken)
		figure := func(line string) {
			t.Helper()
			s.Eventually(line, func() bool {
				return strings.Contains(string(s.do(http.MethodGet, "/metrics", nil).body), "\n"+line+"\n")
			})
		}
		figure(`lifecycle_alerts_total{event="failed",result="sent"} 2`)
		figure(`lifecycle_sync_last_run_success{class="",mode="full"} 1`)
		if s.postgres() { // on SQLite nothing tells drift from what is behind
			exec(t, s.target, "UPDATE tbl_produk_lifecycle SET harga = 1 WHERE id = 1")
			s.send(http.MethodPost, "/sync/verify", "").want(t, http.StatusOK)
			verified := one[int64](t, s.target, "SELECT max(id) FROM lifecycle_sync_runs WHERE mode = 'verify'")
			told(alerts.Drift, alerts.Firing, verified)
			figure("lifecycle_sync_drift_rows 1")
			s.finished(s.accepted("/sync", "").Run)
			s.send(http.MethodPost, "/sync/verify", "").want(t, http.StatusOK)
			told(alerts.Drift, alerts.Resolved, verified)
		}
		s.Stop()
		if log := s.Logs.String(); strings.Contains(log, "rahasia") {
			t.Errorf("the log shows the address or the secret:\n%s", log)
		}
	})
}
