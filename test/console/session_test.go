package console_test

import (
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
	"lifecycle-sync/test/kit/testdb"
)

// TestSession_CookieIsProtectedAndRemoved: scripts and other sites cannot get at the token, and signing out removes it.
func TestSession_CookieIsProtectedAndRemoved(t *testing.T) {
	t.Parallel()
	u := newSiteWithTokens(t)
	for _, secure := range []bool{false, true} {
		p := u.newVisitor()
		p.https = secure
		p.get("/stage-history?search=a+b&page=2").redirects("/sign-in?next=" + url.QueryEscape("/stage-history?search=a+b&page=2"))
		p.get("/sign-in?next="+url.QueryEscape("/stage-history?search=a+b")).shows(http.StatusOK, `name="next" value="/stage-history?search=a&#43;b"`).
			lacks("In sync", `href="/products"`, "Sign out")
		token := u.Token("Admin")
		a := p.signIn("  "+token+"\r\n", "/stage-history?search=a+b").redirects("/stage-history?search=a+b")
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
		p.get("/stage-history?search=a+b").shows(http.StatusOK, "test of Admin, admin", "Sign out", `href="/sync"`)
		for _, path := range []string{"/", "/products/1", "/stage-history", "/sync", "/nothing"} { // else going back after signing out would show it
			if a := p.get(path); a.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s may be stored: %s", path, a.Header.Get("Cache-Control"))
			}
		}
		oldCookies := maps.Clone(p.cookies)
		out := p.post("/sign-out", nil).redirects("/sign-in")
		if out.Header.Get("Clear-Site-Data") == "" || len(p.cookies) != 1 { // the notice
			t.Errorf("%v %v", out.Header, p.cookies)
		}
		p.get("/sign-in").shows(http.StatusOK, "You are signed out.")
		p.get("/").redirects("/sign-in?next=%2F")
		if p.get("/sign-in"); len(p.cookies) != 0 {
			t.Errorf("remaining cookies: %v", p.cookies)
		}
		// Over HTTPS a cookie without the prefix, which another host could have set, does not count.
		if secure {
			for _, value := range oldCookies {
				p.cookies = map[string]string{"lifecycle_session": value}
			}
			p.get("/").redirects("/sign-in?next=%2F")
		}
	}
}

// TestSession_RejectsInvalidTokens checks the reason. The page keeps the next address and never shows the token.
func TestSession_RejectsInvalidTokens(t *testing.T) {
	t.Parallel()
	u := boot(t, testdb.SQLite, 20, 12, nil, "AUTH_JWT_SECRET="+secret, "AUTH_READER_ROLES=Staff")
	admin := u.Token("Admin")
	for name, c := range map[string]struct{ token, says string }{
		"nothing":        {"", "The token is invalid."},
		"no token":       {"<script>alert(1)</script>", "The token is invalid."},
		"forged":         {admin[:len(admin)-6] + "AAAAAA", "The token is invalid."},
		"another secret": {u.sign(strings.Repeat("another ", 6), access.Claims{Role: "Admin", IssuedAt: time.Now(), Expires: time.Hour}), "The token is invalid."},
		"expired":        {u.expired("Admin"), "The token has expired."},
		"no role":        {u.Token("Visitor"), "The token&#39;s role has no access here."},
		"very long":      {strings.Repeat("a", 100<<10), "The token is too long."},
		"no cookie":      {u.sign(secret, access.Claims{Role: "Admin", Subject: strings.Repeat("s", 5000), IssuedAt: time.Now(), Expires: time.Hour}), "browsers keep at most 4,000."},
	} {
		p := u.newVisitor()
		a := p.signIn(c.token, "/sync?x=1").shows(http.StatusUnprocessableEntity, c.says, `role="alert"`, `aria-describedby="token-error"`, `name="next" value="/sync?x=1"`)
		if len(p.cookies) != 0 || len(c.token) > 10 && strings.Contains(a.body, c.token) || strings.Contains(a.body, "alert(1)") {
			t.Errorf("%s: %v\n%s", name, p.cookies, a.body)
		}
	}
	u.newVisitor().signIn(strings.Repeat("a", 2<<20), "/").shows(http.StatusRequestEntityTooLarge)
	u.newVisitor().post("/sign-in", url.Values{"token": {admin}, "role": {"Admin"}}).shows(http.StatusBadRequest)
	u.newVisitor().post("/sign-in", url.Values{"token": {admin, admin}}).shows(http.StatusBadRequest)
	u.newVisitor().post("/sign-in", nil, "Content-Type", "text/plain").shows(http.StatusUnsupportedMediaType)
}

func TestSession_ReturnsOnlyToThisSite(t *testing.T) {
	t.Parallel()
	u := newSiteWithTokens(t)
	token := u.Token("Admin")
	for _, next := range []string{
		"", "//evil.example", "///evil.example", "https://evil.example/", "http:evil.example", "HTTPS://evil.example", "javascript:alert(1)", "data:text/html,x",
		`/\evil.example`, `\\evil.example`, "/\t/evil.example", "/\r\nSet-Cookie: a=b", " //evil.example", "evil.example", "@evil.example", "./x", "?x=1", "#x",
		"/%", "/\x7f", "/\u0000", "/sign-in", "/sign-in?next=/sign-in", "/sign-out",
	} {
		if a := u.newVisitor().signIn(token, next); a.StatusCode != http.StatusBadRequest { // NUL
			a.redirects("/")
		}
		if page := u.newVisitor().get("/sign-in?next=" + url.QueryEscape(next)); page.StatusCode != http.StatusOK || !strings.Contains(page.body, `name="next" value="/"`) {
			t.Errorf("%q: %d %s", next, page.StatusCode, page.body)
		}
	}
	for _, next := range []string{"/", "/sync?x=//evil.example", "/products/1#files", "/stage-history?search=%2F%2F", "/.//evil.example", "/a?next=https://evil.example"} {
		u.newVisitor().signIn(token, next).redirects(next)
	}
}

// TestSession_ExpiryKeepsPageAndForm: after signing in again, people are where they were, and a form is not lost silently.
func TestSession_ExpiryKeepsPageAndForm(t *testing.T) {
	t.Parallel()
	u := newSiteWithTokens(t)
	p := u.signedIn("Admin")
	for name := range p.cookies {
		p.cookies[name] = u.expired("Admin") // the session has expired
	}
	p.get("/stage-history?page=2").redirects("/sign-in?next=%2Fstage-history%3Fpage%3D2")
	p.get("/sign-in?next=%2Fstage-history%3Fpage%3D2").shows(http.StatusOK, "The token has expired. Get a new token in the PMO application", `value="/stage-history?page=2"`)
	p.post("/stage-history/1/delete", nil).shows(http.StatusUnauthorized, "Your session has ended", "your entries are not lost", `href="/sign-in" target="_blank" rel="noopener"`)
	p.signIn(u.Token("Admin"), "/stage-history?page=2").redirects("/stage-history?page=2")
	p.get("/stage-history?page=2").shows(http.StatusOK, "Stage history")
}

// TestSession_UsersAreSeparate from each other, and from other cookies.
func TestSession_UsersAreSeparate(t *testing.T) {
	t.Parallel()
	u := newSiteWithTokens(t)
	admin, reader := u.signedIn("Admin"), u.signedIn("Staff")
	reader.cookies["session"], reader.cookies["token"], reader.cookies["xlifecycle_session"] = "of another app", u.Token("Admin"), u.Token("Admin")
	reader.get("/").shows(http.StatusOK, "test of Staff, reader")
	admin.get("/").shows(http.StatusOK, "test of Admin, admin")
	reader.get("/sync/doctor").shows(http.StatusForbidden, "Access denied", "Only Admin or System Admin can do this. You are signed in as Reader.", "Go to the overview", "Sign out")
	reader.post("/sign-out", nil)
	reader.get("/").redirects("/sign-in?next=%2F")
	admin.get("/").shows(http.StatusOK)
	// An unknown address also knows the user.
	admin.get("/nothing").shows(http.StatusNotFound, `href="/sync"`, "test of Admin, admin")
	admin.post("/stage-history", nil).shows(http.StatusMethodNotAllowed, `href="/sync"`)
	reader.get("/nothing").shows(http.StatusNotFound).lacks("Sign out")
	// A page that was cached for one role is not shown to another.
	u.signedIn("Project Manager").open("/stage-history").shows(http.StatusOK, "Edit<").lacks("Delete<")
	admin.open("/stage-history").shows(http.StatusOK, "Edit<", "Delete<")
	u.signedIn("Staff").open("/stage-history").lacks("Edit<", `href="/sync"`)
}

var parameter = regexp.MustCompile(`:\w+`)

// TestPages_RequireTheirRoles requests every route of the table with each role.
func TestPages_RequireTheirRoles(t *testing.T) {
	t.Parallel()
	u := newSiteWithTokens(t)
	people := map[models.Role]*user{models.Anonymous: u.newVisitor(), models.Reader: u.signedIn("Staff"), models.Manager: u.signedIn("Project Manager"), models.Admin: u.signedIn("Admin")}
	for _, route := range routes.PageTable() {
		path := parameter.ReplaceAllString(route.Path, "2147483647")
		for role, p := range people {
			if path == "/sign-out" {
				continue
			}
			a := p.send(route.Method, path, nil, "Content-Type", "application/x-www-form-urlencoded")
			toSignIn := a.StatusCode == http.StatusSeeOther && strings.HasPrefix(a.Header.Get("Location"), "/sign-in?next=") || a.StatusCode == http.StatusUnauthorized
			if toSignIn != (role == models.Anonymous && route.Role > models.Anonymous) || (a.StatusCode == http.StatusForbidden) != (role > models.Anonymous && role < route.Role) ||
				a.StatusCode >= http.StatusInternalServerError {
				t.Errorf("%s %s as %s: %d\n%.300s", route.Method, path, role, a.StatusCode, a.body)
			}
		}
	}
}

// TestForms_OfOtherSitesAreRejected checks every route that accepts forms, even if the user has the role.
func TestForms_OfOtherSitesAreRejected(t *testing.T) {
	t.Parallel()
	for name, signsIn := range map[string]bool{"signed in": true, "local": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newSite(t)
			if signsIn {
				p = newSiteWithTokens(t).signedIn("Admin")
			}
			posts := 0
			for _, route := range routes.PageTable() {
				if route.Method == http.MethodGet {
					continue
				}
				posts++
				path := parameter.ReplaceAllString(route.Path, "2147483647")
				for _, headers := range [][]string{
					{"Sec-Fetch-Site", "", "Origin", ""},
					{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"},
					{"Sec-Fetch-Site", "same-site", "Origin", "http://app.localhost"},
					{"Sec-Fetch-Site", "none", "Origin", ""},
					{"Sec-Fetch-Site", "cross-site"}, // contradicts our own Origin
					{"Sec-Fetch-Site", "", "Origin", "https://evil.example"},
					{"Sec-Fetch-Site", "", "Origin", "null"},
					{"Sec-Fetch-Site", "", "Origin", "http://evil.example", "X-Forwarded-Host", "evil.example"},
					{"Sec-Fetch-Site", "", "Origin", "http://" + p.Address + ".evil.example"},
				} {
					delete(p.cookies, "lifecycle_notice") // of the page before
					before := maps.Clone(p.cookies)
					if a := p.post(path, nil, headers...); a.StatusCode != http.StatusForbidden || !maps.Equal(before, p.cookies) {
						t.Errorf("POST %s with %v: %d %s", path, headers, a.StatusCode, a.body)
					}
				}
				for _, headers := range [][]string{{"Origin", ""}, {"Sec-Fetch-Site", ""}} {
					if a := p.post(path, nil, headers...); a.StatusCode == http.StatusForbidden {
						t.Errorf("POST %s with only one of %v: %d %s", path, headers, a.StatusCode, a.body)
					}
					if signsIn && path == "/sign-out" {
						p = p.signedIn("Admin")
					}
				}
			}
			if posts < 2 {
				t.Errorf("only %d forms", posts)
			}
		})
	}
}

// TestSession_CookieOnlyReadsAtTheAPI: writes need a token in the header.
func TestSession_CookieOnlyReadsAtTheAPI(t *testing.T) {
	t.Parallel()
	u := newSiteWithTokens(t)
	p := u.signedIn("Admin")
	for _, path := range []string{"/products", "/products/export.csv", "/dashboard", "/sync", "/sync/runs", "/sync/events"} {
		p.get(api+path, "Accept", "*/*").shows(http.StatusOK)
		p.send(http.MethodHead, api+path, nil, "Accept", "*/*").shows(http.StatusOK)
	}
	reader := u.signedIn("Staff")
	reader.get(api+"/sync", "Accept", "*/*").shows(http.StatusForbidden)
	for _, route := range routes.Table() {
		if route.Method == http.MethodGet {
			continue
		}
		path := parameter.ReplaceAllString(route.Path, "1")
		for _, body := range []string{"", "{}"} {
			p.send(route.Method, path, strings.NewReader(body), "Accept", "*/*", "Content-Type", "application/json").shows(http.StatusUnauthorized)
		}
	}
	// A token in the header, even an invalid one, takes precedence over the cookie.
	p.get(api+"/sync", "Accept", "*/*", "Authorization", "Bearer "+u.Token("Staff")).shows(http.StatusForbidden)
	p.get("/", "Authorization", "Bearer x").redirects("/sign-in?next=%2F")
}

// TestSession_LimitsAttempts without keeping out users with a valid token.
func TestSession_LimitsAttempts(t *testing.T) {
	t.Parallel()
	u := newSiteWithTokens(t)
	limitedCount := 0
	for range 60 {
		a := u.newVisitor().signIn("guess", "/")
		if a.StatusCode == http.StatusTooManyRequests {
			limitedCount++
			if a.Header.Get("Retry-After") == "" || !strings.Contains(a.body, "Too many requests") {
				t.Errorf("%v %s", a.Header, a.body)
			}
		}
	}
	if limitedCount == 0 {
		t.Error("60 attempts and no limit")
	}
	u.signedIn("Admin").get("/").shows(http.StatusOK)
}

func TestSession_LocalModeHasNoSignIn(t *testing.T) {
	t.Parallel()
	u := newSite(t)
	p := u.newVisitor()
	p.get("/sign-in?next=/stage-history").redirects("/stage-history")
	p.get("/sign-in?next=//evil.example").redirects("/")
	p.signIn("anything", "/stage-history").redirects("/stage-history")
	if p.open("/").shows(http.StatusOK, `href="/sync"`).lacks("Sign out"); len(p.cookies) != 0 {
		t.Errorf("cookies: %v", p.cookies)
	}
}
