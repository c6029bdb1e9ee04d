// Package console_test holds scenarios of the console's pages. Each starts the real program on databases of its own and
// requests pages as a browser does.
package console_test

import (
	"database/sql"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"lifecycle-sync/services/access"
	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/program"
	"lifecycle-sync/test/kit/testdb"
)

func TestMain(m *testing.M) { program.Main(m) }

const api = "/api/product-lifecycle"

// site is the running program, synchronized once.
type site struct {
	*program.Program

	source, target *sql.DB
}

// boot seeds the source with products and stage history records, executes statements, and starts the program.
func boot(t *testing.T, url func(testing.TB) string, products, records int, statements []string, env ...string) *user {
	t.Helper()
	s := &site{Program: program.New(t, env...)}
	s.source, s.target = s.Databases(url)
	s.Seed(products, records)
	exec(t, s.source, statements...)
	s.Start()
	return s.newUser(t)
}

// newSite boots the program on SQLite with 60 products and 40 stage history records, and local access.
func newSite(t *testing.T, statements ...string) *user {
	t.Helper()
	return boot(t, testdb.SQLite, 60, 40, statements)
}

// newSiteWithTokens is newSite where users must sign in.
func newSiteWithTokens(t *testing.T, statements ...string) *user {
	t.Helper()
	return boot(t, testdb.SQLite, 60, 40, statements, "AUTH_JWT_SECRET="+secret)
}

// eachSite runs a scenario against the program on each kind of database, with 20 products and 12 stage history records.
func eachSite(t *testing.T, fn func(t *testing.T, u *user)) {
	t.Helper()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		fn(t, boot(t, url, 20, 12, nil))
	})
}

var secret = strings.Repeat("rahasia ", 6)

func exec(t testing.TB, db *sql.DB, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		kit.Exec(t, db, statement)
	}
}

// user is a browser user with cookies; requests have a browser's headers.
type user struct {
	testing.TB
	*site

	cookies map[string]string
	https   bool // through a proxy
}

func (s *site) newUser(t testing.TB) *user {
	t.Helper()
	return &user{TB: t, site: s, cookies: map[string]string{}}
}

// newVisitor returns a user without cookies.
func (u *user) newVisitor() *user { return u.newUser(u.TB) }

// signedIn returns a new user who has signed in with a role.
func (u *user) signedIn(role string) *user {
	u.Helper()
	visitor := u.newVisitor()
	visitor.signIn(u.Token(role), "/").shows(http.StatusSeeOther)
	return visitor
}

// expired returns an expired token.
func (u *user) expired(role string) string {
	u.Helper()
	return u.sign(secret, access.Claims{Role: role, Subject: "test of " + role, IssuedAt: time.Now().Add(-2 * time.Hour), Expires: time.Hour})
}

func (u *user) sign(key string, claims access.Claims) string {
	u.Helper()
	token, err := access.Sign(key, claims)
	if err != nil {
		u.Fatal(err)
	}
	return token
}

func (u *user) signIn(token, next string) response {
	u.Helper()
	return u.post("/sign-in", url.Values{"token": {token}, "next": {next}})
}

// get requests a page.
func (u *user) get(target string, headers ...string) response {
	u.Helper()
	return u.send(http.MethodGet, target, nil, headers...)
}

// open requests a page and requires status 200.
func (u *user) open(target string) response {
	u.Helper()
	return u.get(target).shows(http.StatusOK)
}

// post sends a form from a page of this site, unless headers say otherwise.
func (u *user) post(target string, form url.Values, headers ...string) response {
	u.Helper()
	return u.send(http.MethodPost, target, strings.NewReader(form.Encode()), append([]string{"Content-Type", "application/x-www-form-urlencoded"}, headers...)...)
}

// send sends a request as a browser does, follows no redirect, and stores cookies. headers are pairs of name
// and value; an empty value leaves a header out. Every page must be well-formed.
func (u *user) send(method, target string, body io.Reader, headers ...string) response {
	u.Helper()
	defaults := []string{"Accept", "text/html,application/xhtml+xml,*/*;q=0.8", "X-Forwarded-Proto", "", "Cookie", ""}
	if u.https {
		defaults[3] = "https"
	}
	for name, value := range u.cookies {
		defaults[5] += name + "=" + value + "; "
	}
	if method != http.MethodGet {
		defaults = append(defaults, "Sec-Fetch-Site", "same-origin", "Origin", "http://"+u.Address)
	}
	r, err := kit.NewRequest(method, "http://"+u.Address+target, body, append(defaults, headers...)...)
	if err != nil {
		u.Fatal(err)
	}
	for name, values := range r.Header {
		if values[0] == "" {
			r.Header.Del(name)
		}
	}
	reply, content, err := kit.Send(r) //nolint:bodyclose // Send has closed it
	if err != nil {
		u.Fatal(err)
	}
	for _, cookie := range reply.Cookies() {
		u.cookies[cookie.Name] = cookie.Value
		if cookie.MaxAge < 0 || !cookie.Expires.IsZero() {
			delete(u.cookies, cookie.Name)
		}
	}
	a := response{reply, u, string(content)}
	if strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") && a.body != "" {
		a.check()
	}
	return a
}

// submit sends a form as its browser would.
func (u *user) submit(f form, files ...upload) response {
	u.Helper()
	if f.multipart {
		body, kind := f.body(files...)
		return u.send(http.MethodPost, f.action, body, "Content-Type", kind)
	}
	fields := url.Values{}
	for name, value := range f.values {
		fields.Set(name, value)
	}
	return u.post(f.action, fields)
}

// follow fails the test unless the response redirects to an address, where a notice is then shown.
func (u *user) follow(a response, address, notice string) response {
	u.Helper()
	page, _, _ := strings.Cut(a.redirects(address).Header.Get("Location"), "#")
	return u.get(page).shows(http.StatusOK, notice)
}

// attach adds a file to a product by the API, and returns its id.
func (u *user) attach(product, name, content string) json.Number {
	u.Helper()
	body, kind := form{user: u}.body(upload{name, content})
	a := u.send(http.MethodPost, api+"/products/"+product+"/attachments", body, "Content-Type", kind, "Accept", "*/*")
	var attachments struct{ Data []struct{ ID json.Number } }
	if err := json.Unmarshal([]byte(a.body), &attachments); err != nil || len(attachments.Data) != 1 {
		u.Fatalf("%d %s", a.StatusCode, a.body)
	}
	return attachments.Data[0].ID
}

// response is a response with its body.
type response struct {
	*http.Response

	user *user
	body string
}

// shows fails the test unless the response has a status and contains some texts.
func (a response) shows(status int, texts ...string) response {
	a.user.Helper()
	if a.StatusCode != status {
		a.user.Fatalf("%s %s: %d, want %d\n%s", a.Request.Method, a.Request.URL, a.StatusCode, status, a.body)
	}
	for _, text := range texts {
		if !strings.Contains(a.body, text) {
			a.user.Errorf("%s %s: no %q in\n%s", a.Request.Method, a.Request.URL, text, a.body)
		}
	}
	return a
}

// lacks fails the test if the response contains one of some texts.
func (a response) lacks(texts ...string) response {
	a.user.Helper()
	for _, text := range texts {
		if strings.Contains(a.body, text) {
			a.user.Errorf("%s %s: %q is in\n%s", a.Request.Method, a.Request.URL, text, a.body)
		}
	}
	return a
}

// redirects fails the test unless the response redirects to an address.
func (a response) redirects(address string) response {
	a.user.Helper()
	if got := a.Header.Get("Location"); a.StatusCode != http.StatusSeeOther || got != address {
		a.user.Errorf("%s %s: %d to %q, want %q\n%.500s", a.Request.Method, a.Request.URL, a.StatusCode, got, address, a.body)
	}
	return a
}
