package api_test

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"lifecycle-sync/models"
	"lifecycle-sync/routes"
	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/testdb"
)

// withTokens are settings with which callers need tokens.
var withTokens = []string{"AUTH_JWT_SECRET=" + strings.Repeat("rahasia ", 6), "AUTH_ISSUER=pmo", "AUTH_AUDIENCE=lifecycle", "CORS_ORIGINS=https://pmo.example.com"}

var parameter = regexp.MustCompile(`:\w+`)

func TestAuthorization_EveryRouteRequiresItsRole(t *testing.T) {
	t.Parallel()
	s := newSite(t, testdb.SQLite, withTokens...)
	tokens := map[models.Role]string{models.Anonymous: "", models.Reader: s.Token("Staff"), models.Manager: s.Token("Project Manager"), models.Admin: s.Token("Admin")}
	forged := tokens[models.Admin][:len(tokens[models.Admin])-4] + "AAAA"
	for _, route := range routes.Table() {
		path := parameter.ReplaceAllString(route.Path, "2147483647")
		for role, token := range tokens {
			got := s.do(route.Method, path, nil, "Authorization", "Bearer "+token).StatusCode
			refusal := 0
			if role < route.Role {
				refusal = map[bool]int{true: http.StatusUnauthorized, false: http.StatusForbidden}[role == models.Anonymous]
			}
			if refused := got == http.StatusUnauthorized || got == http.StatusForbidden; refused != (refusal != 0) || refused && got != refusal {
				t.Errorf("%s %s as %s: %d", route.Method, path, role, got)
			}
		}
		if got := s.do(route.Method, path, nil, "Authorization", "Bearer "+forged).StatusCode; (got == http.StatusUnauthorized) != (route.Role > models.Anonymous) {
			t.Errorf("%s %s with a forged token: %d", route.Method, path, got)
		}
		if strings.HasPrefix(route.Path, base) && route.Role < models.Reader {
			t.Errorf("%s %s is public", route.Method, path)
		}
	}
}

// TestAuthorization_NoRouteRedirects calls every API route as scripts and browsers do. The console redirects browsers without a
// session to its sign-in page.
func TestAuthorization_NoRouteRedirects(t *testing.T) {
	t.Parallel()
	s := newSite(t, testdb.SQLite, withTokens...)
	browser := []string{"Accept", "text/html,application/xhtml+xml,*/*;q=0.8"}
	call := func(method, path string, headers ...string) {
		t.Helper()
		a := s.do(method, path, nil, headers...)
		if isJSON := a.Header.Get("Content-Type") == "application/json"; a.StatusCode/100 == 3 || a.StatusCode >= 400 && !isJSON || a.Header.Get("Location")+a.Header.Get("Refresh") != "" {
			t.Errorf("%s %s %v: %d %v", method, path, headers, a.StatusCode, a.Header)
		}
	}
	admin := slices.Concat(browser, []string{"Authorization", "Bearer " + s.Token("Admin")})
	paths := []string{"/api/", "/api/docs", "/api/openapi.yaml", base, base + "/nothing"}
	for _, route := range routes.Table() {
		if strings.HasPrefix(route.Path, base) {
			path := parameter.ReplaceAllString(route.Path, "1")
			paths = append(paths, path, path+"/")
			if route.Method == http.MethodGet && !strings.HasSuffix(path, "/events") { // which has no end
				call(http.MethodGet, path, admin...)
			}
		}
	}
	for _, path := range slices.Compact(paths) {
		call(http.MethodGet, path)
		call(http.MethodGet, path, browser...)
		call(http.MethodGet, path, append(browser, "Cookie", "lifecycle_session=expired")...)
		call(http.MethodPost, path, browser...)
	}
	if got, err := kit.Status(http.MethodGet, "http://"+s.Address+"/products", nil, browser...); err != nil || got != http.StatusSeeOther {
		t.Errorf("the console answers a browser without a session with %d, %v", got, err)
	}
}

func TestAuthorization_AcceptsTokensInTheHeaderOnly(t *testing.T) {
	t.Parallel()
	s := newSite(t, testdb.SQLite, withTokens...)
	token := s.Token("Admin")
	for _, headers := range [][]string{
		{"Authorization", "Bearer " + token}, {"Authorization", "bearer " + token}, {"authorization", "BEARER  " + token + " "},
		{"Authorization", "Bearer " + token, "Host", "pmo.example.com", "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"}, // tokens are not sent by browsers on their own
	} {
		s.do(http.MethodGet, base+"/dropdowns", nil, headers...).want(t, http.StatusOK)
	}
	for _, headers := range [][]string{
		{}, {"Authorization", token}, {"Authorization", "Basic " + token}, {"Authorization", "Bearer"}, {"Authorization", "Bearer "}, {"Authorization", ""}, {"Authorization", "Bearer" + token},
		{"Cookie", "token=" + token + "; access_token=" + token + "; Authorization=Bearer " + token}, {"X-Authorization", "Bearer " + token}, {"Proxy-Authorization", "Bearer " + token}, {"X-Access-Token", token},
	} {
		for _, path := range []string{"/dropdowns", "/dropdowns?token=" + token, "/products?access_token=" + token, "/nothing", ""} {
			a := s.do(http.MethodGet, base+path, nil, headers...).want(t, http.StatusUnauthorized, "unauthenticated")
			if a.Header.Get("WWW-Authenticate") != "Bearer" || a.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%v %s: %v", headers, path, a.Header)
			}
		}
	}
	for _, bad := range []string{"x", "a b", token + " " + token, token + "," + token, strings.Repeat("a", 10<<10)} {
		a := s.do(http.MethodGet, base+"/dropdowns", nil, "Authorization", "Bearer "+bad).want(t, http.StatusUnauthorized, "unauthenticated")
		if a.Header.Get("WWW-Authenticate") != `Bearer error="invalid_token"` {
			t.Errorf("%.40s: %v", bad, a.Header)
		}
	}
	if log := s.Logs.String(); strings.Contains(log, token) || strings.Contains(log, "rahasia") {
		t.Error("a secret is in the log")
	}
}

func TestCORS_AllowsListedOriginsWithTokens(t *testing.T) {
	t.Parallel()
	s := newSite(t, testdb.SQLite, withTokens...)
	const origin = "https://pmo.example.com"
	for _, method := range []string{"PUT", "DELETE", "POST", "GET"} {
		a := s.do(http.MethodOptions, base+"/products/1", nil, "Origin", origin, "Access-Control-Request-Method", method, "Access-Control-Request-Headers", "authorization,if-match,idempotency-key,content-type").want(t, http.StatusNoContent)
		allowed := strings.ToLower(a.Header.Get("Access-Control-Allow-Headers"))
		if a.Header.Get("Access-Control-Allow-Origin") != origin || !strings.Contains(a.Header.Get("Access-Control-Allow-Methods"), method) || a.Header.Get("Access-Control-Allow-Credentials") != "" ||
			!strings.Contains(allowed, "authorization") || !strings.Contains(allowed, "if-match") || !strings.Contains(allowed, "idempotency-key") || !strings.Contains(allowed, "last-event-id") {
			t.Errorf("%s: %v", method, a.Header)
		}
	}
	a := s.do(http.MethodOptions, base+"/products/1", nil, "Origin", "https://evil.example", "Access-Control-Request-Method", "PUT")
	if a.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("a foreign preflight: %v", a.Header)
	}
	s.token = s.Token("Staff")
	for from, allowed := range map[string]string{origin: origin, "https://evil.example": "", "null": "", "": ""} {
		a := s.get("/dropdowns", "Origin", from)
		if a.Header.Get("Access-Control-Allow-Origin") != allowed || !strings.Contains(a.Header.Get("Vary"), "Origin") ||
			from == origin && a.Header.Get("Access-Control-Expose-Headers") != "ETag,Link,Location,Retry-After,RateLimit,RateLimit-Policy,Content-Disposition,X-Request-ID" {
			t.Errorf("%q: %v", from, a.Header)
		}
	}
	s.token = ""
	a = s.do(http.MethodGet, base+"/dropdowns", nil, "Origin", origin).want(t, http.StatusUnauthorized)
	if a.Header.Get("Access-Control-Allow-Origin") != origin { // else the page cannot read the error
		t.Errorf("%v", a.Header)
	}
}

func TestLocalMode_EveryCallerIsAdmin(t *testing.T) {
	t.Parallel()
	s := newSite(t, testdb.SQLite)
	for _, route := range routes.Table() {
		if route.Method != http.MethodGet {
			continue
		}
		path := parameter.ReplaceAllString(route.Path, "2147483647")
		if got := s.do(route.Method, path, nil, "Authorization", "Bearer nonsense").StatusCode; got == http.StatusUnauthorized || got == http.StatusForbidden {
			t.Errorf("%s: %d", path, got)
		}
		s.do(route.Method, path, nil, "Host", "evil.example").want(t, http.StatusForbidden, "forbidden")
		s.do(route.Method, path, nil, "Origin", "https://evil.example").want(t, http.StatusForbidden, "forbidden")
	}
}
