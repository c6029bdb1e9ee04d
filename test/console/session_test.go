package console_test

import (
	"bytes"
	"database/sql"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/routes"
	"lifecycle-sync/services/access"
)

// TestSigningIn keeps the token where scripts and other sites cannot get at it, and sign-out forgets it.
func TestSigningIn(t *testing.T) {
	t.Parallel()
	s := newSite(t, unchanged[*sql.DB], withTokens()...)
	for _, secure := range []bool{false, true} {
		p := s.person()
		p.secure = secure
		p.get("/stage-history?search=a+b&page=2").leads(t, "/sign-in?next="+url.QueryEscape("/stage-history?search=a+b&page=2"))
		page := p.get("/sign-in?next="+url.QueryEscape("/stage-history?search=a+b")).sees(t, http.StatusOK, `name="next" value="/stage-history?search=a&#43;b"`)
		if strings.Contains(page.body, "Equal to") || strings.Contains(page.body, `href="/products"`) || strings.Contains(page.body, "Sign out") {
			t.Errorf("who has not signed in sees\n%s", page.body)
		}
		token := s.token("Admin")
		a := p.signIn("  "+token+"\r\n", "/stage-history?search=a+b").leads(t, "/stage-history?search=a+b")
		set := a.Header.Values("Set-Cookie")
		if len(set) != 1 {
			t.Fatal(set)
		}
		lower := strings.ToLower(set[0])
		if !strings.Contains(lower, "httponly") || !strings.Contains(lower, "samesite=lax") || !strings.Contains(lower, "path=/") || strings.Contains(lower, "domain=") ||
			strings.Contains(lower, "expires") || strings.Contains(lower, "max-age") {
			t.Errorf("cookie %s", set[0])
		}
		if strings.Contains(lower, "secure") != secure || strings.HasPrefix(set[0], "__Host-") != secure {
			t.Errorf("HTTPS %t: cookie %s", secure, set[0])
		}
		p.get("/stage-history?search=a+b").sees(t, http.StatusOK, "test of Admin, admin", "Sign out", `href="/sync"`)
		for _, path := range []string{"/", "/products/1", "/stage-history", "/sync", "/nothing"} { // else going back shows it after signing out
			if a := p.get(path); a.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s may be kept: %s", path, a.Header.Get("Cache-Control"))
			}
		}
		kept := maps.Clone(p.cookies)
		out := p.post("/sign-out", nil).leads(t, "/sign-in")
		if out.Header.Get("Clear-Site-Data") == "" || len(p.cookies) != 1 { // the notice
			t.Errorf("%v %v", out.Header, p.cookies)
		}
		p.get("/sign-in").sees(t, http.StatusOK, "You are signed out.")
		p.get("/").leads(t, "/sign-in?next=%2F")
		if p.get("/sign-in"); len(p.cookies) != 0 {
			t.Errorf("left are %v", p.cookies)
		}
		// Over HTTPS a cookie without the prefix, which another host could have set, is nobody's.
		if secure {
			for _, value := range kept {
				p.cookies = map[string]string{"lifecycle_session": value}
			}
			p.get("/").leads(t, "/sign-in?next=%2F")
		}
	}
}

// TestTokensThatAreNotTaken says why, keeps the way back, and never shows the token.
func TestTokensThatAreNotTaken(t *testing.T) {
	t.Parallel()
	s := newSite(t, unchanged[*sql.DB], append(withTokens(), "AUTH_READER_ROLES=Staff")...)
	admin := s.token("Admin")
	for name, c := range map[string]struct{ token, says string }{
		"nothing":        {"", "The token is invalid."},
		"no token":       {"<script>alert(1)</script>", "The token is invalid."},
		"forged":         {admin[:len(admin)-6] + "AAAAAA", "The token is invalid."},
		"another secret": {s.sign(strings.Repeat("another ", 6), access.Claims{Role: "Admin", IssuedAt: time.Now(), Expires: time.Hour}), "The token is invalid."},
		"expired":        {s.expired("Admin"), "The token has expired."},
		"no role":        {s.token("Visitor"), "The token&#39;s role has no access here."},
		"very long":      {strings.Repeat("a", 100<<10), "The token is too long."},
		"no cookie":      {s.sign(secret, access.Claims{Role: "Admin", Subject: strings.Repeat("s", 5000), IssuedAt: time.Now(), Expires: time.Hour}), "browsers keep at most 4.000."},
	} {
		p := s.person()
		a := p.signIn(c.token, "/sync?x=1").sees(t, http.StatusUnprocessableEntity, c.says, `role="alert"`, `aria-describedby="token-error"`, `name="next" value="/sync?x=1"`)
		if len(p.cookies) != 0 || len(c.token) > 10 && strings.Contains(a.body, c.token) || strings.Contains(a.body, "alert(1)") {
			t.Errorf("%s: %v\n%s", name, p.cookies, a.body)
		}
	}
	s.person().signIn(strings.Repeat("a", 2<<20), "/").sees(t, http.StatusRequestEntityTooLarge)
	s.person().post("/sign-in", url.Values{"token": {admin}, "role": {"Admin"}}).sees(t, http.StatusBadRequest)
	s.person().post("/sign-in", url.Values{"token": {admin, admin}}).sees(t, http.StatusBadRequest)
	s.person().post("/sign-in", nil, "Content-Type", "text/plain").sees(t, http.StatusUnsupportedMediaType)
}

// TestWaysBack lead to this site only.
func TestWaysBack(t *testing.T) {
	t.Parallel()
	s := newSite(t, unchanged[*sql.DB], withTokens()...)
	token := s.token("Admin")
	for _, next := range []string{
		"", "//evil.example", "///evil.example", "https://evil.example/", "http:evil.example", "HTTPS://evil.example", "javascript:alert(1)", "data:text/html,x",
		`/\evil.example`, `\\evil.example`, "/\t/evil.example", "/\r\nSet-Cookie: a=b", " //evil.example", "evil.example", "@evil.example", "./x", "?x=1", "#x",
		"/%", "/\x7f", "/\u0000", "/sign-in", "/sign-in?next=/sign-in", "/sign-out",
	} {
		if a := s.person().signIn(token, next); a.StatusCode != http.StatusBadRequest { // NUL
			a.leads(t, "/")
		}
		if page := s.person().get("/sign-in?next=" + url.QueryEscape(next)); page.StatusCode != http.StatusOK || !strings.Contains(page.body, `name="next" value="/"`) {
			t.Errorf("%q: %d %s", next, page.StatusCode, page.body)
		}
	}
	for _, next := range []string{"/", "/sync?x=//evil.example", "/products/1#files", "/stage-history?search=%2F%2F", "/.//evil.example", "/a?next=https://evil.example"} {
		s.person().signIn(token, next).leads(t, next)
	}
}

// TestExpiry leads whoever was signed in back to where they were, and loses no form without a word.
func TestExpiry(t *testing.T) {
	t.Parallel()
	s := newSite(t, unchanged[*sql.DB], withTokens()...)
	p := s.signedIn("Admin")
	for name := range p.cookies {
		p.cookies[name] = s.expired("Admin") // as time goes by
	}
	p.get("/stage-history?page=2").leads(t, "/sign-in?next=%2Fstage-history%3Fpage%3D2")
	p.get("/sign-in?next=%2Fstage-history%3Fpage%3D2").sees(t, http.StatusOK, "The token has expired. Get a new token in the PMO application", `value="/stage-history?page=2"`)
	p.post("/stage-history/1/delete", nil).sees(t, http.StatusUnauthorized, "Your session has ended", "your entries are not lost", `href="/sign-in" target="_blank" rel="noopener"`)
	p.signIn(s.token("Admin"), "/stage-history?page=2").leads(t, "/stage-history?page=2")
	p.get("/stage-history?page=2").sees(t, http.StatusOK, "Stage history")
}

// TestTwoSessions do not disturb each other, nor do other cookies.
func TestTwoSessions(t *testing.T) {
	t.Parallel()
	s := newSite(t, unchanged[*sql.DB], withTokens()...)
	admin, reader := s.signedIn("Admin"), s.signedIn("Staff")
	reader.cookies["session"], reader.cookies["token"], reader.cookies["xlifecycle_session"] = "of another app", s.token("Admin"), s.token("Admin")
	reader.get("/").sees(t, http.StatusOK, "test of Staff, reader")
	admin.get("/").sees(t, http.StatusOK, "test of Admin, admin")
	reader.get("/sync/doctor").sees(t, http.StatusForbidden, "Access denied", "Admin access is required", "Go to the overview", "Sign out")
	reader.post("/sign-out", nil)
	reader.get("/").leads(t, "/sign-in?next=%2F")
	admin.get("/").sees(t, http.StatusOK)
	// Where there is no page, they are known all the same.
	admin.get("/nothing").sees(t, http.StatusNotFound, `href="/sync"`, "test of Admin, admin")
	admin.post("/stage-history", nil).sees(t, http.StatusMethodNotAllowed, `href="/sync"`)
	if a := reader.get("/nothing").sees(t, http.StatusNotFound); strings.Contains(a.body, "Sign out") {
		t.Error("who has signed out is known")
	}
	// A page that was kept for one role is not shown to another.
	manager := s.signedIn("Project Manager")
	if a := manager.get("/stage-history").sees(t, http.StatusOK, "Edit<"); strings.Contains(a.body, "Delete<") {
		t.Error("a manager may delete")
	}
	admin.get("/stage-history").sees(t, http.StatusOK, "Edit<", "Delete<")
	if a := s.signedIn("Staff").get("/stage-history").sees(t, http.StatusOK); strings.Contains(a.body, "Edit<") || strings.Contains(a.body, `href="/sync"`) {
		t.Error("a reader may correct, or sees the synchronisation")
	}
}

var parameter = regexp.MustCompile(`:\w+`)

// TestRolesOfEveryPage goes through the table of the console with everybody's cookie.
func TestRolesOfEveryPage(t *testing.T) {
	t.Parallel()
	s := newSite(t, unchanged[*sql.DB], withTokens()...)
	people := map[models.Role]*person{models.Anonymous: s.person(), models.Reader: s.signedIn("Staff"), models.Manager: s.signedIn("Project Manager"), models.Admin: s.signedIn("Admin")}
	for _, route := range routes.PageTable() {
		path := parameter.ReplaceAllString(route.Path, "2147483647")
		for role, p := range people {
			if path == "/sign-out" {
				continue
			}
			var a answer
			if route.Method == http.MethodGet {
				a = p.get(path)
			} else {
				a = p.post(path, nil)
			}
			toSignIn := a.StatusCode == http.StatusSeeOther && strings.HasPrefix(a.Header.Get("Location"), "/sign-in?next=") || a.StatusCode == http.StatusUnauthorized
			if toSignIn != (role == models.Anonymous && route.Role > models.Anonymous) || (a.StatusCode == http.StatusForbidden) != (role > models.Anonymous && role < route.Role) ||
				a.StatusCode >= http.StatusInternalServerError {
				t.Errorf("%s %s as %s: %d\n%.300s", route.Method, path, role, a.StatusCode, a.body)
			}
		}
	}
}

// TestFormsOfOtherSites are refused on every route that takes one, also when whoever is signed in may do it.
func TestFormsOfOtherSites(t *testing.T) {
	t.Parallel()
	for name, env := range map[string][]string{"signed in": withTokens(), "local": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, unchanged[*sql.DB], env...)
			p := s.person()
			if env != nil {
				p = s.signedIn("Admin")
			}
			posts := 0
			for _, route := range routes.PageTable() {
				if route.Method == http.MethodGet {
					continue
				}
				posts++
				path := parameter.ReplaceAllString(route.Path, "2147483647")
				for _, from := range [][]string{
					{"Sec-Fetch-Site", "", "Origin", ""},
					{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"},
					{"Sec-Fetch-Site", "same-site", "Origin", "http://app.localhost"},
					{"Sec-Fetch-Site", "none", "Origin", ""},
					{"Sec-Fetch-Site", "cross-site"}, // with our own Origin: one of the two is a lie
					{"Sec-Fetch-Site", "", "Origin", "https://evil.example"},
					{"Sec-Fetch-Site", "", "Origin", "null"},
					{"Sec-Fetch-Site", "", "Origin", "http://evil.example", "X-Forwarded-Host", "evil.example"},
					{"Sec-Fetch-Site", "", "Origin", "http://" + p.Address + ".evil.example"},
				} {
					delete(p.cookies, "lifecycle_notice") // is said on the page that follows
					before := maps.Clone(p.cookies)
					if a := p.post(path, nil, from...); a.StatusCode != http.StatusForbidden || !maps.Equal(before, p.cookies) {
						t.Errorf("POST %s with %v: %d %s", path, from, a.StatusCode, a.body)
					}
				}
				for _, from := range [][]string{{"Origin", ""}, {"Sec-Fetch-Site", ""}} {
					if a := p.post(path, nil, from...); a.StatusCode == http.StatusForbidden {
						t.Errorf("POST %s with only one of %v: %d %s", path, from, a.StatusCode, a.body)
					}
					if env != nil && path == "/sign-out" {
						p = s.signedIn("Admin")
					}
				}
			}
			if posts < 2 {
				t.Errorf("only %d forms", posts)
			}
		})
	}
}

// TestTheCookieAtTheAPI counts where the API only reads.
func TestTheCookieAtTheAPI(t *testing.T) {
	t.Parallel()
	s := newSite(t, unchanged[*sql.DB], withTokens()...)
	p := s.signedIn("Admin")
	for _, path := range []string{"/products", "/products/export.csv", "/dashboard", "/sync", "/sync/runs", "/sync/events"} {
		p.get(api+path, "Accept", "*/*").sees(t, http.StatusOK)
		p.send(http.MethodHead, api+path, nil, "Accept", "*/*").sees(t, http.StatusOK)
	}
	reader := s.signedIn("Staff")
	reader.get(api+"/sync", "Accept", "*/*").sees(t, http.StatusForbidden)
	for _, route := range routes.Table() {
		if route.Method == http.MethodGet {
			continue
		}
		path := parameter.ReplaceAllString(route.Path, "1")
		for _, body := range []string{"", "{}"} {
			a := p.send(route.Method, path, bytes.NewReader([]byte(body)), "Accept", "*/*", "Content-Type", "application/json", "Sec-Fetch-Site", "same-origin", "Origin", "http://"+p.Address)
			if a.StatusCode != http.StatusUnauthorized {
				t.Errorf("%s %s with the cookie: %d %s", route.Method, path, a.StatusCode, a.body)
			}
		}
	}
	// A token in the header counts before the cookie, also a wrong one.
	p.get(api+"/sync", "Accept", "*/*", "Authorization", "Bearer "+s.token("Staff")).sees(t, http.StatusForbidden)
	p.get("/", "Authorization", "Bearer x").leads(t, "/sign-in?next=%2F")
}

// TestTriesOfSigningIn are bounded, and those who know a token are never kept out by others who do not.
func TestTriesOfSigningIn(t *testing.T) {
	t.Parallel()
	s := newSite(t, unchanged[*sql.DB], withTokens()...)
	limited := 0
	for range 60 {
		a := s.person().signIn("guess", "/")
		if a.StatusCode == http.StatusTooManyRequests {
			limited++
			if a.Header.Get("Retry-After") == "" || !strings.Contains(a.body, "Too many requests") {
				t.Errorf("%v %s", a.Header, a.body)
			}
		}
	}
	if limited == 0 {
		t.Error("60 tries and no limit")
	}
	s.signedIn("Admin").get("/").sees(t, http.StatusOK)
}

// TestLocalMode has no sign-in.
func TestLocalMode(t *testing.T) {
	t.Parallel()
	s := newSite(t, unchanged[*sql.DB])
	p := s.person()
	p.get("/sign-in?next=/stage-history").leads(t, "/stage-history")
	p.get("/sign-in?next=//evil.example").leads(t, "/")
	p.signIn("anything", "/stage-history").leads(t, "/stage-history")
	if a := p.get("/").sees(t, http.StatusOK, `href="/sync"`); strings.Contains(a.body, "Sign out") || len(p.cookies) != 0 {
		t.Errorf("%v %s", p.cookies, a.body)
	}
}
