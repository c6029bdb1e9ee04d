package routes_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo"
	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/databases"
	"lifecycle-sync/test/kit/testdb"
)

func TestHealth_ReadyAfterASuccessfulRun(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		wantLive := func() {
			t.Helper()
			if a := s.do(http.MethodGet, "/livez"); a.StatusCode != http.StatusOK || string(a.body) != `{"status":"ok"}` {
				t.Errorf("/livez: %d %s", a.StatusCode, a.body)
			}
		}
		wantReady := func(want int) {
			t.Helper()
			a := s.do(http.MethodGet, "/readyz")
			if a.StatusCode != want || (want != http.StatusOK) != (a.json.Message != "" && a.Header.Get("Retry-After") != "") {
				t.Errorf("/readyz: %d %s, want %d", a.StatusCode, a.body, want)
			}
		}
		wantLive()
		wantReady(http.StatusServiceUnavailable)
		for _, state := range []models.RunState{models.Running, models.Failed, models.Succeeded} {
			if err := s.db.Create(&models.Run{Mode: "full", State: state, StartedAt: time.Now()}).Error; err != nil {
				t.Fatal(err)
			}
			wantReady(map[bool]int{false: http.StatusServiceUnavailable, true: http.StatusOK}[state == models.Succeeded])
		}
		if err := s.db.Close(); err != nil {
			t.Fatal(err)
		}
		wantLive()
		wantReady(http.StatusServiceUnavailable)
	})
}

func TestErrors_OfAMissingDatabase(t *testing.T) {
	t.Parallel()
	const secret = "hunter2"
	s := newSite(t, testdb.SQLite(t))
	s.exec("DROP TABLE tbl_produk_lifecycle")
	a := s.get(http.StatusInternalServerError, "/products")
	if strings.Contains(string(a.body), "tbl_") || a.json.Code != "schema" || a.json.RequestID == "" {
		t.Errorf("got %s", a.body)
	}
	if !strings.Contains(s.log.String(), "no such table") {
		t.Errorf("the log lacks the cause: %s", s.log)
	}
	db := databases.Open(t, "postgres://pmo:"+secret+"@"+kit.FreeAddress(t)+"/pmo_db", "pmo_db")
	unreachable := siteOn(t, db, pmo.New(db, models.Tables()))
	a = unreachable.get(http.StatusServiceUnavailable, "/products")
	if a.Header.Get("Retry-After") == "" || a.json.Code != "connection" {
		t.Errorf("got %v %s", a.Header, a.body)
	}
	if all := string(a.body) + unreachable.log.String(); strings.Contains(all, secret) {
		t.Errorf("the password is in %s", all)
	}
	if a := unreachable.do(http.MethodGet, "/readyz"); a.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("/readyz: %d", a.StatusCode)
	}
}

func TestErrors_OfRequestsWithoutARoute(t *testing.T) {
	t.Parallel()
	s := newSite(t, testdb.SQLite(t))
	for _, c := range []struct {
		method, target string
		status         int
		code           string
	}{
		{http.MethodGet, "/", http.StatusNotFound, "not_found"},
		{http.MethodGet, base + "/nothing", http.StatusNotFound, "not_found"},
		{http.MethodGet, base + "/Products", http.StatusNotFound, "not_found"},
		{http.MethodGet, "/..%2f..%2fetc/passwd", http.StatusNotFound, "not_found"},
		{"FOO", base + "/products", http.StatusBadRequest, "bad_request"},
		{http.MethodPost, base + "/dropdowns", http.StatusMethodNotAllowed, "method_not_allowed"},
		{http.MethodDelete, base + "/dropdowns", http.StatusMethodNotAllowed, "method_not_allowed"},
	} {
		a := s.do(c.method, c.target)
		if a.StatusCode != c.status || a.json.Code != c.code || a.json.Success == nil || *a.json.Success || a.json.Message == "" || a.json.RequestID == "" {
			t.Errorf("%s %.60s: %d %s", c.method, c.target, a.StatusCode, a.body)
		}
		if c.status == http.StatusMethodNotAllowed && a.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("Allow: %q", a.Header.Get("Allow"))
		}
		wantHeaders(t, a, "no-store")
	}
}

func wantHeaders(t *testing.T, a apiResponse, cache string) {
	t.Helper()
	for name, want := range map[string]string{
		"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": cache,
		"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
	} {
		if got := a.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if len(a.Header.Get(fiber.HeaderXRequestID)) < 16 {
		t.Errorf("X-Request-Id: %q", a.Header.Get(fiber.HeaderXRequestID))
	}
}

func TestHeaders_AndHEAD(t *testing.T) {
	t.Parallel()
	s := newSite(t, testdb.SQLite(t))
	get := s.get(http.StatusOK, "/products")
	wantHeaders(t, get, "private, no-cache")
	head := s.do(http.MethodHead, base+"/products")
	if head.StatusCode != http.StatusOK || len(head.body) > 0 || head.Header.Get("ETag") != get.Header.Get("ETag") || head.ContentLength != int64(len(get.body)) {
		t.Errorf("HEAD: %d %v %q", head.StatusCode, head.Header, head.body)
	}
	if a := s.do(http.MethodHead, "/livez"); a.StatusCode != http.StatusOK {
		t.Errorf("HEAD /livez: %d", a.StatusCode)
	}
}

func TestAccessLog_OmitsTheQuery(t *testing.T) {
	t.Parallel()
	s := newSite(t, testdb.SQLite(t))
	a := s.get(http.StatusBadRequest, "/products?search=confidential&page=0")
	line := s.log.String()
	for _, part := range []string{`"method":"GET"`, `"path":"` + base + `/products"`, `"status":400`, `"request_id":"` + a.json.RequestID + `"`} {
		if !strings.Contains(line, part) {
			t.Errorf("%s is not in %s", part, line)
		}
	}
	if strings.Contains(line, "confidential") {
		t.Errorf("the search is in %s", line)
	}
}
