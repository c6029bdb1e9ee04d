package routes_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
	"lifecycle-sync/routes"
)

// fakeAccess accepts role names as tokens: "manager" or "manager-2" is a manager.
type fakeAccess struct{ calls atomic.Int64 }

func (k *fakeAccess) Caller(_ context.Context, token string) (models.Caller, error) {
	k.calls.Add(1)
	name, _, _ := strings.Cut(token, "-")
	for _, role := range []models.Role{models.Reader, models.Manager, models.Admin} {
		if name == role.String() {
			return models.Caller{Subject: token, Role: role}, nil
		}
	}
	switch token {
	case "nobody":
		return models.Caller{}, models.NewError(models.Forbidden, "access.no_role", nil)
	case "unavailable":
		return models.Caller{}, models.NewError(models.Unavailable, "access.no_keys", nil)
	case "broken":
		return models.Caller{}, errors.New("hunter2")
	}
	return models.Caller{}, models.NewError(models.Unauthenticated, "access.invalid_token", nil)
}

// whoami responds with the caller.
func whoami(c *fiber.Ctx) error {
	caller := request.Caller(c)
	return c.JSON(map[string]string{"message": caller.Subject, "code": caller.Role.String()})
}

func TestAuth_RequiresTheRoleOfTheRoute(t *testing.T) {
	t.Parallel()
	access := &fakeAccess{}
	l := newCustomSite(t, routes.Options{Access: access},
		routes.Route{Method: "GET", Path: "/open", Handle: whoami},
		routes.Route{Method: "GET", Path: "/closed", Role: models.Admin, Handle: whoami},
		routes.Route{Method: "GET", Path: base + "/read", Role: models.Reader, Handle: whoami},
		routes.Route{Method: "POST", Path: base + "/write", Role: models.Manager, Handle: whoami},
		routes.Route{Method: "DELETE", Path: base + "/things/:id", Role: models.Admin, Handle: whoami},
	)
	for _, c := range []struct {
		method, path, token string
		status              int
	}{
		{"GET", "/open", "", 200}, {"GET", "/open", "nonsense", 200}, {"GET", "/open", "admin", 200}, {"HEAD", "/open", "", 200},
		{"GET", "/closed", "", 401}, {"GET", "/closed", "manager", 403}, {"GET", "/closed", "admin", 200}, {"HEAD", "/closed", "", 401},
		{"GET", base + "/read", "", 401}, {"GET", base + "/read", "reader", 200}, {"HEAD", base + "/read", "", 401}, {"HEAD", base + "/read", "reader", 200},
		{"GET", base + "/read", "nobody", 403}, {"GET", base + "/read", "unavailable", 503}, {"GET", base + "/read", "broken", 500}, {"GET", base + "/read", "nonsense", 401},
		{"POST", base + "/write", "reader", 403}, {"POST", base + "/write", "manager", 200}, {"POST", base + "/write", "admin", 200}, {"POST", base + "/write", "", 401},
		{"DELETE", base + "/things/1", "manager", 403}, {"DELETE", base + "/things/1", "admin", 200},
		// Only readers learn which addresses and methods exist.
		{"GET", base + "/nothing", "", 401}, {"GET", base + "/nothing", "reader", 404}, {"PUT", base + "/write", "", 401}, {"PUT", base + "/write", "reader", 405}, {"GET", base, "", 401}, {"GET", base + "/", "", 401},
		{"PATCH", base + "/things/1", "admin", 405}, {"OPTIONS", base + "/read", "", 401}, {"TRACE", base + "/read", "reader", 405}, {"GET", "/nothing", "", 404},
		// Other spellings of a path match no route.
		{"GET", "//api/product-lifecycle/read", "", 404}, {"GET", "/API/product-lifecycle/read", "", 404}, {"GET", base + "x/read", "reader", 404},
		{"GET", "/x/.." + base + "/read", "", 404}, {"GET", "/api/./product-lifecycle/read", "", 404}, {"GET", "/api%2fproduct-lifecycle/read", "", 404}, {"GET", "/api/product%2Dlifecycle/read", "", 404},
	} {
		a := l.doAs(c.token, c.method, c.path)
		if a.StatusCode != c.status {
			t.Errorf("%s %s as %q: %d %s, want %d", c.method, c.path, c.token, a.StatusCode, a.body, c.status)
		}
		if (a.StatusCode == http.StatusUnauthorized) != (a.Header.Get("WWW-Authenticate") != "") || (a.StatusCode == http.StatusMethodNotAllowed) != (a.Header.Get("Allow") != "") {
			t.Errorf("%s %s as %q: %v", c.method, c.path, c.token, a.Header)
		}
		if a.StatusCode == http.StatusOK && c.path != "/open" && c.method != "HEAD" && a.json.Message != c.token {
			t.Errorf("%s %s as %q: the handler gets %s", c.method, c.path, c.token, a.body)
		}
	}
	if strings.Contains(l.doAs("admin", "GET", "/open").json.Message, "admin") {
		t.Error("a public route authenticates its caller")
	}
	before := access.calls.Load()
	l.doAs("reader", "GET", base+"/read")
	if n := access.calls.Load() - before; n != 1 {
		t.Errorf("a token was verified %d times", n)
	}
	// With two tokens it is ambiguous which one counts.
	if a := l.doAs("reader", "GET", base+"/read", "Authorization", "Bearer admin"); a.StatusCode != http.StatusUnauthorized {
		t.Errorf("two tokens: %d", a.StatusCode)
	}
	if a := l.doAs("unavailable", "GET", base+"/read"); a.Header.Get("Retry-After") == "" {
		t.Errorf("without signing keys: %v", a.Header)
	}
}

func TestRateLimit_IsPerCallerAndRefills(t *testing.T) {
	t.Parallel()
	l := newCustomSite(t, routes.Options{Access: &fakeAccess{}, WriteRate: 60, SyncRate: 2},
		routes.Route{Method: "POST", Path: base + "/write", Role: models.Manager, Limit: routes.Writes, Handle: whoami},
		routes.Route{Method: "PUT", Path: base + "/write", Role: models.Manager, Limit: routes.Writes, Handle: whoami},
		routes.Route{Method: "POST", Path: base + "/sync", Role: models.Admin, Limit: routes.Syncs, Handle: whoami},
		routes.Route{Method: "GET", Path: base + "/read", Role: models.Reader, Handle: whoami},
	)
	wantLimited := func(a apiResponse, wait int) {
		t.Helper()
		if a.StatusCode != http.StatusTooManyRequests || a.json.Code != "rate_limited" || a.json.RequestID == "" || a.Header.Get("Retry-After") != strconv.Itoa(wait) {
			t.Errorf("%d %v %s", a.StatusCode, a.Header, a.body)
		}
	}
	wantOK := func(a apiResponse) {
		t.Helper()
		if a.StatusCode != http.StatusOK || a.Header.Get("Retry-After") != "" {
			t.Errorf("%d %v %s", a.StatusCode, a.Header, a.body)
		}
	}
	for range 60 {
		wantOK(l.doAs("manager-1", "POST", base+"/write"))
		l.doAs("reader-1", "POST", base+"/write") // 403 does not count
	}
	for range 100 {
		wantLimited(l.doAs("manager-1", "PUT", base+"/write"), 1)
	}
	wantOK(l.doAs("manager-2", "POST", base+"/write"))
	wantOK(l.doAs("manager-1", "GET", base+"/read"))
	l.now = l.now.Add(time.Second)
	wantOK(l.doAs("manager-1", "POST", base+"/write"))
	wantLimited(l.doAs("manager-1", "POST", base+"/write"), 1)

	wantOK(l.doAs("admin", "POST", base+"/sync"))
	wantOK(l.doAs("admin", "POST", base+"/sync"))
	wantLimited(l.doAs("admin", "POST", base+"/sync"), 30)
	wantOK(l.doAs("admin", "POST", base+"/write"))
	l.now = l.now.Add(29 * time.Second)
	wantLimited(l.doAs("admin", "POST", base+"/sync"), 1)
	l.now = l.now.Add(time.Hour)
	wantOK(l.doAs("admin", "POST", base+"/sync"))
	wantOK(l.doAs("admin", "POST", base+"/sync"))
	wantLimited(l.doAs("admin", "POST", base+"/sync"), 30)
}

func TestRateLimit_MetersReadsAndReportsTheRest(t *testing.T) {
	t.Parallel()
	l := newCustomSite(t, routes.Options{Access: &fakeAccess{}, ReadRate: 60},
		routes.Route{Method: "GET", Path: base + "/read", Role: models.Reader, Limit: routes.Reads, Handle: whoami},
		routes.Route{Method: "GET", Path: "/page", Limit: routes.Reads, Handle: whoami},
	)
	wantLeft := func(a apiResponse, status, left int) {
		t.Helper()
		if a.StatusCode != status || a.Header.Get("Ratelimit-Policy") != `"reads";q=60;w=60` || a.Header.Get("Ratelimit") != `"reads";r=`+strconv.Itoa(left) {
			t.Errorf("%d %v", a.StatusCode, a.Header)
		}
	}
	for i := range 60 {
		wantLeft(l.doAs("reader-1", "GET", base+"/read"), http.StatusOK, 59-i)
	}
	a := l.doAs("reader-1", "GET", base+"/read")
	wantLeft(a, http.StatusTooManyRequests, 0)
	if a.Header.Get("Retry-After") != "1" || a.json.Code != "rate_limited" {
		t.Errorf("%v %s", a.Header, a.body)
	}
	wantLeft(l.doAs("reader-2", "GET", base+"/read"), http.StatusOK, 59)
	wantLeft(l.do("GET", "/page"), http.StatusOK, 59) // by address
	l.now = l.now.Add(2 * time.Second)
	wantLeft(l.doAs("reader-1", "GET", base+"/read"), http.StatusOK, 1)
}

func TestRateLimit_ForgetsOldCallers(t *testing.T) {
	t.Parallel()
	l := newCustomSite(t, routes.Options{Access: &fakeAccess{}, WriteRate: 1},
		routes.Route{Method: "POST", Path: base + "/write", Role: models.Manager, Limit: routes.Writes, Handle: whoami})
	status := func(caller string) int { return l.doAs(caller, "POST", base+"/write").StatusCode }
	if status("manager-x") != 200 || status("manager-x") != 429 {
		t.Error("the second request was not limited")
	}
	for i := range 8192 {
		if status("manager-"+strconv.Itoa(i)) != 200 {
			t.Fatal(i)
		}
		if i%1000 == 0 && status("manager-x") != 429 {
			t.Fatalf("an active caller was forgotten after %d others", i)
		}
	}
	if status("manager-0") != 200 { // least recently used
		t.Error("no caller was forgotten")
	}
}

// TestRateLimit_CountsRejectedTokens, but not expired sessions on pages.
func TestRateLimit_CountsRejectedTokens(t *testing.T) {
	t.Parallel()
	const expired = "lifecycle_session=ended"
	l := newCustomSite(t, routes.Options{Access: &fakeAccess{}}, routes.Route{Method: "GET", Path: base + "/read", Role: models.Reader, Handle: whoami},
		routes.Route{Method: "GET", Path: "/page", Role: models.Reader, Handle: whoami})
	for range 130 {
		l.do("GET", "/page", "Cookie", expired)
	}
	for i := range 120 {
		if a := l.doAs("nonsense"+strconv.Itoa(i), "GET", base+"/read"); a.StatusCode != http.StatusUnauthorized {
			t.Fatalf("%d: %d", i, a.StatusCode)
		}
	}
	a := l.doAs("nonsense", "GET", base+"/read")
	if a.StatusCode != http.StatusTooManyRequests || a.Header.Get("Retry-After") != "1" || a.Header.Get("WWW-Authenticate") != "" {
		t.Errorf("%d %v", a.StatusCode, a.Header)
	}
	for token, want := range map[string]int{"reader": 200, "": 401, "nobody": 403, "unavailable": 503} {
		if a := l.doAs(token, "GET", base+"/read"); a.StatusCode != want {
			t.Errorf("%q: %d", token, a.StatusCode)
		}
	}
	if a := l.do("GET", base+"/read", "Cookie", expired); a.StatusCode != http.StatusTooManyRequests {
		t.Errorf("an expired session at the API: %d", a.StatusCode)
	}
	for range 2 { // others behind the same proxy do not prevent signing in again
		if a := l.do("GET", "/page", "Cookie", expired); a.StatusCode != http.StatusUnauthorized {
			t.Errorf("an expired session on a page: %d", a.StatusCode)
		}
	}
}

func TestTimeout_IsThatOfTheRoute(t *testing.T) {
	t.Parallel()
	deadline := func(c *fiber.Ctx) error {
		at, bounded := c.UserContext().Deadline()
		return c.JSON(map[string]any{"success": bounded, "message": time.Until(at).Round(time.Minute).String()})
	}
	l := newCustomSite(t, routes.Options{},
		routes.Route{Method: "GET", Path: "/brief", Timeout: routes.Brief, Handle: deadline},
		routes.Route{Method: "GET", Path: "/long", Timeout: routes.Long, Handle: deadline},
		routes.Route{Method: "GET", Path: "/endless", Timeout: routes.Endless, Handle: deadline},
	)
	for path, want := range map[string]string{"/brief": "0s", "/long": "5m0s", "/endless": ""} {
		a := l.do("GET", path)
		if a.json.Success == nil || *a.json.Success != (want != "") || want != "" && a.json.Message != want {
			t.Errorf("%s: %s", path, a.body)
		}
	}
}

func TestRecover_PanicIsAnInternalError(t *testing.T) {
	t.Parallel()
	l := newCustomSite(t, routes.Options{}, routes.Route{Method: "GET", Path: base + "/panic", Role: models.Reader, Handle: func(*fiber.Ctx) error { panic("hunter2") }})
	for range 3 {
		a := l.do("GET", base+"/panic")
		if a.StatusCode != http.StatusInternalServerError || a.json.Code != "internal" || bytes.Contains(a.body, []byte("hunter2")) {
			t.Errorf("%d %s", a.StatusCode, a.body)
		}
		wantHeaders(t, a, "no-store")
	}
	if !strings.Contains(l.log.String(), "hunter2") || !strings.Contains(l.log.String(), "auth_test.go") {
		t.Errorf("the log lacks the panic or its place: %s", l.log)
	}
}

func TestAccessLog_DoesNotReadStreams(t *testing.T) {
	t.Parallel()
	reader, writer := io.Pipe()
	l := newCustomSite(t, routes.Options{}, routes.Route{Method: "GET", Path: "/stream", Handle: func(c *fiber.Ctx) error {
		go func() { // starts with the response, after the log line
			_, _ = writer.Write([]byte(`{"message":"streamed"}`))
			_ = writer.Close()
		}()
		c.Context().SetBodyStream(reader, -1)
		return nil
	}})
	if a := l.do("GET", "/stream"); string(a.body) != `{"message":"streamed"}` || !strings.Contains(l.log.String(), `"bytes":-1`) {
		t.Errorf("%s, logged %s", a.body, l.log)
	}
}

func TestTable_EveryRouteHasARoleAndALimit(t *testing.T) {
	t.Parallel()
	listed := map[string]bool{}
	for _, e := range routes.Table() {
		if line := e.Method + " " + e.Path; listed[line] {
			t.Errorf("%s is listed twice", line)
		} else {
			listed[line] = true
		}
		inAPI := strings.HasPrefix(e.Path, base+"/")
		changes := e.Method != http.MethodGet && !strings.HasPrefix(e.Path, base+"/views") // which readers have of their own
		switch {
		case inAPI && e.Role < models.Reader, changes && e.Role < models.Manager, changes && e.Method == http.MethodDelete && e.Role < models.Admin && !strings.Contains(e.Path, "/attachments/"), strings.HasPrefix(e.Path, base+"/sync") && e.Role < models.Admin:
			t.Errorf("%s %s is accessible to %s", e.Method, e.Path, e.Role)
		case (changes || e.Role > models.Anonymous) && e.Limit == routes.Unlimited:
			t.Errorf("%s %s has no limit", e.Method, e.Path)
		}
	}
}

// FuzzAuthorization: only a Bearer header with a valid token authenticates.
func FuzzAuthorization(f *testing.F) {
	l := newCustomSite(f, routes.Options{Access: &fakeAccess{}}, routes.Route{Method: "GET", Path: base + "/read", Role: models.Reader, Handle: whoami})
	for _, header := range []string{"Bearer reader", "bearer  admin-7 ", "Basic cmVhZGVyOg==", "Bearer", "Bearer\treader", "Bearer reader,Bearer admin", "reader", "", "Bearer \x80"} {
		f.Add(header)
	}
	f.Fuzz(func(t *testing.T, header string) {
		if strings.ContainsAny(header, "\r\n\x00") || len(header) > 8<<10 {
			t.Skip("not an HTTP header")
		}
		r := httptest.NewRequest(http.MethodGet, base+"/read", nil)
		r.Header["Authorization"] = []string{header}
		response, err := l.web.Test(r, -1) //nolint:bodyclose // read closes it
		if err != nil {
			t.Skip("not an HTTP request")
		}
		a := readResponse(t, response)
		l.log.Reset()
		scheme, token, _ := strings.Cut(strings.Trim(header, " \t"), " ")
		_, wantErr := (&fakeAccess{}).Caller(t.Context(), strings.TrimSpace(token))
		if authenticated := a.StatusCode == http.StatusOK; authenticated != (strings.EqualFold(scheme, "bearer") && wantErr == nil) {
			t.Errorf("%q: %d", header, a.StatusCode)
		}
		if a.StatusCode == http.StatusInternalServerError && strings.TrimSpace(token) != "broken" {
			t.Errorf("%q: %s", header, a.body)
		}
	})
}
