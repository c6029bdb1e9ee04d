package routes_test

import (
	"net/http"
	"testing"

	"lifecycle-sync/test/kit/testdb"
)

func TestLocalMode_RejectsForeignHostsAndCrossSiteRequests(t *testing.T) {
	t.Parallel()
	s := newSite(t, testdb.SQLite(t))
	for host, want := range map[string]int{
		"localhost": http.StatusOK, "localhost:8080": http.StatusOK, "LocalHost:1": http.StatusOK,
		"127.0.0.1": http.StatusOK, "127.0.0.1:8080": http.StatusOK, "[::1]": http.StatusOK, "[::1]:8080": http.StatusOK,
		"evil.example": http.StatusForbidden, "evil.example:8080": http.StatusForbidden, "localhost.evil.example": http.StatusForbidden,
		"192.168.0.1:8080": http.StatusForbidden, "0.0.0.0:8080": http.StatusForbidden, "127.0.0.1.nip.io": http.StatusForbidden,
		"[::ffff:10.0.0.1]:80": http.StatusForbidden, "2130706433": http.StatusForbidden, "x@localhost": http.StatusForbidden,
	} {
		for _, path := range []string{"/livez", base + "/dropdowns"} {
			if a := s.do(http.MethodGet, path, "Host", host); a.StatusCode != want {
				t.Errorf("Host %s: %d %s, want %d", host, a.StatusCode, a.body, want)
			}
		}
	}
	// Rejected before routing, so that unknown addresses are not revealed.
	if a := s.do(http.MethodGet, "/nothing", "Host", "evil.example"); a.StatusCode != http.StatusForbidden || a.json.Code != "forbidden" {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	if a := s.do(http.MethodGet, "/livez", "Host", "evil.example", "X-Forwarded-Host", "localhost"); a.StatusCode != http.StatusForbidden {
		t.Errorf("X-Forwarded-Host evades the host check: status %d", a.StatusCode)
	}

	for _, c := range []struct {
		origin, fetchSite string
		want              int
	}{
		{"", "", http.StatusOK},
		{"", "none", http.StatusOK},
		{"", "same-origin", http.StatusOK},
		{"", "cross-site", http.StatusForbidden},
		{"http://localhost:8080", "same-origin", http.StatusOK},
		{pageOrigin, "cross-site", http.StatusOK},
		{"https://evil.example", "cross-site", http.StatusForbidden},
		{"https://evil.example", "", http.StatusForbidden},
		{"https://evil.example", "same-origin", http.StatusForbidden},
		{"https://pmo.example.com.evil.example", "", http.StatusForbidden},
		{"http://pmo.example.com", "", http.StatusForbidden},
		{"http://localhost:3000", "same-site", http.StatusForbidden},
		{"null", "", http.StatusForbidden},
	} {
		a := s.do(http.MethodGet, base+"/dropdowns", "Origin", c.origin, "Sec-Fetch-Site", c.fetchSite)
		if a.StatusCode != c.want {
			t.Errorf("%+v: %d %s", c, a.StatusCode, a.body)
		}
		if allowed := a.Header.Get("Access-Control-Allow-Origin"); allowed != "" && c.origin != pageOrigin {
			t.Errorf("%+v: unexpected Access-Control-Allow-Origin %s", c, allowed)
		}
	}
}
