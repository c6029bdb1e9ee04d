// Package console_test holds scenarios of the console's pages. Each boots the real program, on databases of
// its own, and asks for pages as a browser does.
package console_test

import (
	"database/sql"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/program"
	"lifecycle-sync/test/kit/testdb"
)

const api = "/api/product-lifecycle"

// site is the program at work, synchronised once.
type site struct {
	*program.Program

	t              *testing.T
	source, target *sql.DB
}

// bootSite seeds the source with products and transitions, unless there are none, lets prepare change it, and boots the
// program. env are further settings, as "NAME=value".
func bootSite(t *testing.T, url func(testing.TB) string, products, histories int, prepare func(source *sql.DB), env ...string) *site {
	t.Helper()
	s := &site{Program: program.New(t, env...), t: t}
	s.source, s.target = s.Databases(url)
	if products > 0 {
		s.Seed(products, histories)
	}
	prepare(s.source)
	s.Start()
	return s
}

// newSite boots the program on SQLite with 60 products and 40 transitions.
func newSite(t *testing.T, prepare func(source *sql.DB), env ...string) *site {
	t.Helper()
	return bootSite(t, testdb.SQLite, 60, 40, prepare, env...)
}

func exec(t *testing.T, db *sql.DB, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		if _, err := db.Exec(statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

// answer is what came back, with its body.
type answer struct {
	*http.Response
	body string
}

// request sends a request as a browser does. headers are pairs of name and value; an empty value removes the header.
func (s *site) request(method, target string, body io.Reader, headers ...string) answer {
	s.t.Helper()
	r, err := kit.NewRequest(method, "http://"+s.Address+target, body, append([]string{"Accept", "text/html,application/xhtml+xml,*/*;q=0.8"}, headers...)...)
	if err != nil {
		s.t.Fatal(err)
	}
	for name, values := range r.Header {
		if values[0] == "" {
			r.Header.Del(name)
		}
	}
	response, content, err := kit.Send(r) //nolint:bodyclose // Send has closed it
	if err != nil {
		s.t.Fatal(err)
	}
	return answer{response, string(content)}
}

// get asks for a page.
func (s *site) get(target string) answer {
	s.t.Helper()
	return s.request(http.MethodGet, target, nil)
}

// page asks for a page, which must have a status and contain some texts.
func (s *site) page(target string, status int, texts ...string) answer {
	s.t.Helper()
	a := s.get(target)
	if a.StatusCode != status || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") {
		s.t.Fatalf("GET %s: %d %s\n%s", target, a.StatusCode, a.Header.Get("Content-Type"), a.body)
	}
	for _, text := range texts {
		if !strings.Contains(a.body, text) {
			s.t.Errorf("GET %s: there is no %q in\n%s", target, text, a.body)
		}
	}
	return a
}

// total is how many products the API lists for a query.
func (s *site) total(query string) int64 {
	s.t.Helper()
	var list struct{ Pagination struct{ TotalItems int64 } }
	a := s.get(api + "/products?" + query)
	if err := json.Unmarshal([]byte(a.body), &list); err != nil || a.StatusCode != http.StatusOK {
		s.t.Fatalf("%s: %d %s", query, a.StatusCode, a.body)
	}
	return list.Pagination.TotalItems
}
