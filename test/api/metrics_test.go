package api_test

import (
	"net/http"
	"strings"
	"testing"
)

func TestMetrics_CountRequestsAndRuns(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		s.settled()
		s.get("/products?search=rahasia")
		s.get("/products/1?", "Authorization", "Bearer rahasia")
		s.do(http.MethodGet, base+"/rahasia/products", nil).want(t, http.StatusNotFound)
		s.do(http.MethodDelete, base+"/products", nil).want(t, http.StatusMethodNotAllowed)
		s.do(http.MethodGet, "/nowhere/rahasia", nil, "Host", "rahasia.example").want(t, http.StatusForbidden)
		s.do("RAHASIA", "/", nil)
		s.finished(s.accepted("/sync", "").Run)
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
			`lifecycle_sync_runs_total{mode="full",state="succeeded"} 2`,
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
			t.Error("the figures hold what was asked for")
		}
		if t.Failed() {
			t.Log(text)
		}
	})
}
