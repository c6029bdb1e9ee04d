// Package api_test holds scenarios of the HTTP API. Each starts the real program on databases of its own and sends
// requests through a real socket.
package api_test

import (
	"database/sql"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/program"
	"lifecycle-sync/test/kit/testdb"
)

const base = "/api/product-lifecycle"

// eachSite runs a scenario against the program on each database system.
func eachSite(t *testing.T, fn func(t *testing.T, s *site), env ...string) {
	t.Helper()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		fn(t, newSite(t, url, env...))
	})
}

// site is the running program with its two databases.
type site struct {
	*program.Program

	t              testing.TB
	source, target *sql.DB
	token          string // sent with every request, unless ""
}

// newSite seeds a source with 20 products and 12 stage history records, starts the program on it without a schedule, and
// waits for the first sync. env are further settings as "NAME=value". url creates an empty database.
func newSite(t testing.TB, url func(testing.TB) string, env ...string) *site {
	t.Helper()
	s := &site{t: t, Program: program.New(t, env...)}
	s.source, s.target = s.Databases(url)
	s.Seed(20, 12)
	s.Start()
	return s
}

// onPostgres reports whether the databases are PostgreSQL's.
func (s *site) onPostgres() bool { return strings.HasPrefix(s.SourceURL, "postgres:") }

// location returns the path in the Location header, without the API's prefix.
func (a apiResponse) location() string { return strings.TrimPrefix(a.Header.Get("Location"), base) }

// newSiteOfRole returns a site on PostgreSQL whose program uses an ordinary role, and the owner's connection to pmo_db.
func newSiteOfRole(t *testing.T) (s *site, owner *sql.DB, role string) {
	t.Helper()
	s = newSite(t, func(t testing.TB) (as string) {
		t.Helper()
		database := testdb.Postgres(t)
		owner = testdb.Open(t, database)
		role, as = testdb.Role(t, database)
		exec(t, owner, "GRANT ALL ON SCHEMA public TO "+role)
		return as
	})
	return s, owner, role
}

// queryOne returns a query's single value.
func queryOne[T any](t testing.TB, db *sql.DB, query string, args ...any) T {
	t.Helper()
	return kit.One[T](t, db, query, args...)
}

var exec = kit.Exec

// apiResponse is a response with its body and, for JSON, its envelope.
type apiResponse struct {
	*http.Response
	body []byte
	json envelope
}

type envelope struct {
	Success *bool           `json:"success"`
	Message string          `json:"message"`
	Code    string          `json:"code"`
	Data    json.RawMessage `json:"data"`
	Errors  []struct {
		Field, Code, Message string
	} `json:"errors"`
	RequestID  string `json:"requestId"`
	Pagination *struct {
		CurrentPage, TotalPages, TotalItems, Limit int64
	} `json:"pagination"`
}

// decode decodes the response's data.
func decode[T any](t testing.TB, a apiResponse) (data T) {
	t.Helper()
	if err := json.Unmarshal(a.json.Data, &data); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
	return data
}

// want fails the test unless the response has a status and, if given, a code.
func (a apiResponse) want(t testing.TB, status int, code ...string) apiResponse {
	t.Helper()
	if a.StatusCode != status || len(code) > 0 && a.json.Code != code[0] {
		t.Fatalf("%s %s: %d %s, want %d %s", a.Request.Method, a.Request.URL, a.StatusCode, a.body, status, strings.Join(code, ""))
	}
	return a
}

// do sends a request; headers are pairs of name and value.
func (s *site) do(method, target string, body io.Reader, headers ...string) apiResponse {
	s.t.Helper()
	a, err := s.try(method, target, body, headers...)
	if err != nil {
		s.t.Fatal(err)
	}
	return a
}

// try is do for requests that may fail, and for goroutines other than the test's.
func (s *site) try(method, target string, body io.Reader, headers ...string) (apiResponse, error) {
	if s.token != "" {
		headers = append([]string{"Authorization", "Bearer " + s.token}, headers...)
	}
	r, err := kit.NewRequest(method, "http://"+s.Address+target, body, headers...)
	if err != nil {
		return apiResponse{}, err
	}
	response, content, err := kit.Send(r) //nolint:bodyclose // Send has closed it
	if err != nil {
		return apiResponse{Response: response}, err
	}
	a := apiResponse{Response: response, body: content}
	if c, err := theContract(); err != nil {
		return a, err
	} else if err := c.check(r, response, content); err != nil {
		s.t.Errorf("contradicts openapi.yaml: %v", err)
	}
	if strings.HasPrefix(response.Header.Get("Content-Type"), "application/json") && len(a.body) > 0 {
		err = json.Unmarshal(a.body, &a.json)
	}
	return a, err
}

// get sends a GET to the API and requires status 200.
func (s *site) get(path string, headers ...string) apiResponse {
	s.t.Helper()
	return s.do(http.MethodGet, base+path, nil, headers...).want(s.t, http.StatusOK)
}

// send sends JSON to the API.
func (s *site) send(method, path, body string, headers ...string) apiResponse {
	s.t.Helper()
	return s.do(method, base+path, strings.NewReader(body), append(headers, "Content-Type", "application/json")...)
}

// concurrently sends n requests at once and returns the responses.
func (s *site) concurrently(n int, send func(i int) (apiResponse, error)) []apiResponse {
	s.t.Helper()
	responses := make([]apiResponse, n)
	var clients sync.WaitGroup
	for i := range n {
		clients.Go(func() {
			var err error
			if responses[i], err = send(i); err != nil {
				s.t.Error(err)
			}
		})
	}
	clients.Wait()
	return responses
}

// TestMain makes the program's binary available.
func TestMain(m *testing.M) { program.Main(m) }
