package console_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"lifecycle-sync/services/access"
)

// withTokens are settings with which people must sign in.
func withTokens() []string { return []string{"AUTH_JWT_SECRET=" + secret} }

var secret = strings.Repeat("rahasia ", 6)

// unchanged leaves the source as it is.
func unchanged[T any](T) {}

// person is somebody with a browser: it keeps cookies and says where forms come from.
type person struct {
	*site

	cookies map[string]string
	secure  bool // speaks HTTPS with a proxy in front
}

func (s *site) person() *person { return &person{site: s, cookies: map[string]string{}} }

// signedIn is somebody who has signed in with a role.
func (s *site) signedIn(role string) *person {
	s.t.Helper()
	p := s.person()
	if a := p.signIn(s.token(role), "/"); a.StatusCode != http.StatusSeeOther {
		s.t.Fatalf("signing in as %s: %d %s", role, a.StatusCode, a.body)
	}
	return p
}

// token signs a token for a role.
func (s *site) token(role string) string {
	s.t.Helper()
	return s.sign(secret, access.Claims{Role: role, Subject: "test of " + role, IssuedAt: time.Now(), Expires: time.Hour})
}

// expired is a token that was good.
func (s *site) expired(role string) string {
	s.t.Helper()
	return s.sign(secret, access.Claims{Role: role, Subject: "test of " + role, IssuedAt: time.Now().Add(-2 * time.Hour), Expires: time.Hour})
}

func (s *site) sign(with string, claims access.Claims) string {
	s.t.Helper()
	token, err := access.Sign(with, claims)
	if err != nil {
		s.t.Fatal(err)
	}
	return token
}

func (p *person) signIn(token, next string) answer {
	p.t.Helper()
	return p.post("/sign-in", url.Values{"token": {token}, "next": {next}})
}

// get asks for a page.
func (p *person) get(target string, headers ...string) answer {
	p.t.Helper()
	return p.send(http.MethodGet, target, nil, headers...)
}

// post sends a form from a page of this site, unless headers say otherwise.
func (p *person) post(target string, form url.Values, headers ...string) answer {
	p.t.Helper()
	own := []string{"Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Site", "same-origin", "Origin", "http://" + p.Address}
	return p.send(http.MethodPost, target, strings.NewReader(form.Encode()), append(own, headers...)...)
}

// send sends a request as a browser does, follows no redirect, and keeps the cookies that come. A header with
// an empty value is left out.
func (p *person) send(method, target string, body io.Reader, headers ...string) answer {
	p.t.Helper()
	own := []string{"X-Forwarded-Proto", "", "Cookie", ""}
	if p.secure {
		own[1] = "https"
	}
	for name, value := range p.cookies {
		own[3] += name + "=" + value + "; "
	}
	a := p.request(method, target, body, append(own, headers...)...)
	for _, cookie := range a.Cookies() {
		p.cookies[cookie.Name] = cookie.Value
		if cookie.MaxAge < 0 || !cookie.Expires.IsZero() {
			delete(p.cookies, cookie.Name)
		}
	}
	return a
}

// sees wants a page with a status and texts.
func (a answer) sees(t *testing.T, status int, texts ...string) answer {
	t.Helper()
	if a.StatusCode != status {
		t.Fatalf("%s %s: %d, not %d\n%s", a.Request.Method, a.Request.URL, a.StatusCode, status, a.body)
	}
	for _, text := range texts {
		if !strings.Contains(a.body, text) {
			t.Errorf("%s %s: there is no %q in\n%s", a.Request.Method, a.Request.URL, text, a.body)
		}
	}
	return a
}

// leads wants a redirect to an address.
func (a answer) leads(t *testing.T, address string) answer {
	t.Helper()
	if got := a.Header.Get("Location"); a.StatusCode != http.StatusSeeOther || got != address {
		t.Errorf("%s %s: %d %q, want %q\n%.500s", a.Request.Method, a.Request.URL, a.StatusCode, got, address, a.body)
	}
	return a
}
