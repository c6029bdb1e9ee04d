package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"lifecycle-sync/services/alerts"
	"lifecycle-sync/test/kit/testdb"
)

func TestAlerts_FollowTheStateOfSync(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		var last atomic.Value // the id of the last alert
		last.Store("")
		receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			var a struct{ ID string }
			if err := json.NewDecoder(r.Body).Decode(&a); err != nil {
				t.Error(err)
			}
			last.Store(a.ID)
		}))
		t.Cleanup(receiver.Close)
		s := newSite(t, url, "ALERT_WEBHOOK_URL="+receiver.URL+"/rahasia", "ALERT_WEBHOOK_SECRET=rahasia-sekali")
		wantAlert := func(event alerts.Event, state alerts.State, run int64) {
			t.Helper()
			s.Eventually(fmt.Sprintf("%s %s of run %d", event, state, run), func() bool {
				id := last.Load().(string)
				return strings.HasPrefix(id, fmt.Sprintf("%s-%d-", event, run)) && strings.HasSuffix(id, string(state))
			})
		}
		exec(t, s.source, "ALTER TABLE tbl_segmen RENAME TO tbl_segmen_lain")
		failedRun := s.runSync("").Run
		wantAlert(alerts.Failed, alerts.Firing, failedRun)
		exec(t, s.source, "ALTER TABLE tbl_segmen_lain RENAME TO tbl_segmen")
		s.runSync("")
		wantAlert(alerts.Failed, alerts.Resolved, failedRun)
		wantMetric := func(line string) {
			t.Helper()
			s.Eventually(line, func() bool {
				return strings.Contains(string(s.do(http.MethodGet, "/metrics", nil).body), "\n"+line+"\n")
			})
		}
		wantMetric(`lifecycle_alerts_total{event="failed",result="sent"} 2`)
		wantMetric(`lifecycle_sync_last_run_success{class="",mode="full"} 1`)
		if s.onPostgres() { // SQLite cannot tell drift from rows that are behind
			exec(t, s.target, "UPDATE tbl_produk_lifecycle SET harga = 1 WHERE id = 1")
			s.send(http.MethodPost, "/sync/verify", "").want(t, http.StatusOK)
			verification := queryOne[int64](t, s.target, "SELECT max(id) FROM lifecycle_sync_runs WHERE mode = 'verify'")
			wantAlert(alerts.Drift, alerts.Firing, verification)
			wantMetric("lifecycle_sync_drift_rows 1")
			s.runSync("")
			wantAlert(alerts.Drift, alerts.Resolved, verification)
			wantMetric("lifecycle_sync_drift_rows 0")
			wantMetric("lifecycle_sync_corrected_drift_rows_total 1")
		}
		s.Stop()
		if log := s.Logs.String(); strings.Contains(log, "rahasia") {
			t.Errorf("the log holds the address or the secret:\n%s", log)
		}
	})
}

func TestMetrics_CountRequestsAndRuns(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		s.get("/products?search=rahasia")
		s.get("/products/1?", "Authorization", "Bearer rahasia")
		s.do(http.MethodGet, base+"/rahasia/products", nil).want(t, http.StatusNotFound)
		s.do(http.MethodDelete, base+"/products", nil).want(t, http.StatusMethodNotAllowed)
		s.do(http.MethodGet, "/unknown/rahasia", nil, "Host", "rahasia.example").want(t, http.StatusForbidden)
		s.do("RAHASIA", "/", nil)
		s.runSync("")
		s.Eventually("the run is counted", func() bool { // moments after it is recorded
			return strings.Contains(string(s.do(http.MethodGet, "/metrics", nil).body), `lifecycle_sync_runs_total{mode="full",state="succeeded"} 2`)
		})
		a := s.do(http.MethodGet, "/metrics", nil).want(t, http.StatusOK)
		if kind := a.Header.Get("Content-Type"); !strings.HasPrefix(kind, "text/plain; version=") || a.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%v", a.Header)
		}
		text := string(a.body)
		for _, line := range []string{
			`lifecycle_http_requests_total{method="GET",route="` + base + `/products",status="200"} 1`,
			`lifecycle_http_requests_total{method="GET",route="` + base + `/products/:id",status="200"} 1`,
			`lifecycle_http_requests_total{method="GET",route="",status="404"} 1`,
			`lifecycle_http_requests_total{method="GET",route="",status="403"} 1`,
			`lifecycle_http_requests_total{method="POST",route="` + base + `/sync",status="202"} 1`,
			`lifecycle_sync_rows_total{action="inserted",table="products"} 20`,
			"lifecycle_quarantined_rows 0",
		} {
			if !strings.Contains(text, "\n"+line+"\n") {
				t.Errorf("no %s", line)
			}
		}
		if !strings.Contains(text, "lifecycle_sync_last_success_age_seconds ") || !strings.Contains(text, `lifecycle_http_request_duration_seconds_bucket{route="`+base+`/products"`) {
			t.Error("no age or no durations")
		}
		if strings.Contains(strings.ToLower(text), "rahasia") {
			t.Error("the metrics hold request data")
		}
		if t.Failed() {
			t.Log(text)
		}
	})
}
