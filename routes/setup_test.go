package routes_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers"
	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/pmo"
	"lifecycle-sync/repositories/pmo/journal"
	"lifecycle-sync/routes"
	"lifecycle-sync/services/cache"
	"lifecycle-sync/test/kit/databases"
	"lifecycle-sync/test/kit/testdb"
	"lifecycle-sync/web/messages"
)

const (
	base       = "/api/product-lifecycle"
	pageOrigin = "https://pmo.example.com" // listed in CORS_ORIGINS
)

// site is the server, on a database of its own or with routes of the test.
type site struct {
	t   testing.TB
	db  *database.DB
	web *fiber.App
	log *bytes.Buffer
	now time.Time // with routes of the test
}

// eachSite runs a test against the server on each database system.
func eachSite(t *testing.T, fn func(t *testing.T, s *site)) {
	t.Helper()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		fn(t, newSite(t, url(t)))
	})
}

// newSite migrates an empty database and returns the server on it.
func newSite(t *testing.T, url string) *site {
	t.Helper()
	db, store := databases.PMO(t, url)
	return siteOn(t, db, store)
}

// siteOn returns the server on a database that may be unreachable.
func siteOn(t *testing.T, db *database.DB, store *pmo.Store) *site {
	t.Helper()
	s := &site{t: t, db: db, log: &bytes.Buffer{}}
	log := slog.New(slog.NewJSONHandler(s.log, nil))
	s.web = routes.New(routes.Options{Log: log, Printers: messages.New().Printers(messages.English, time.UTC), CORSOrigins: []string{pageOrigin + "/"}, Now: time.Now, WriteRate: 600, SyncRate: 60}, routes.Handlers{
		Health: &handlers.Health{Runs: journal.New(store.Session), Log: log}, Products: &handlers.Products{Responses: cache.New(store, cache.Options{}), Now: time.Now},
	}, routes.Pages{})
	return s
}

// newCustomSite returns the server with another route table and a clock that the test sets.
func newCustomSite(t testing.TB, o routes.Options, table ...routes.Route) *site {
	t.Helper()
	s := &site{t: t, log: &bytes.Buffer{}, now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	o.Log, o.Now = slog.New(slog.NewJSONHandler(s.log, nil)), func() time.Time { return s.now }
	s.web = routes.NewOf(o, table...)
	return s
}

// insert writes rows into a table of the mirror.
func (s *site) insert(table string, rows any) {
	s.t.Helper()
	if err := s.db.Table(table).Create(rows).Error; err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) exec(statement string) {
	s.t.Helper()
	if err := s.db.Exec(statement).Error; err != nil {
		s.t.Fatal(err)
	}
}

// apiResponse is a response with its body, raw and as JSON.
type apiResponse struct {
	*http.Response
	body []byte
	json struct {
		Success    *bool               `json:"success"`
		Message    string              `json:"message"`
		Code       string              `json:"code"`
		Errors     []models.FieldError `json:"errors"`
		RequestID  string              `json:"requestId"`
		Data       json.RawMessage     `json:"data"`
		Pagination *models.Pagination  `json:"pagination"`
	}
}

// doAs is do with a token, unless that is "".
func (s *site) doAs(token, method, target string, headers ...string) apiResponse {
	s.t.Helper()
	if token != "" {
		headers = append([]string{"Authorization", "Bearer " + token}, headers...)
	}
	return s.do(method, target, headers...)
}

// do sends a request as this machine's browser would; headers are pairs of name and value.
func (s *site) do(method, target string, headers ...string) apiResponse {
	s.t.Helper()
	r := httptest.NewRequest(method, target, nil)
	r.Host = "localhost:8080"
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		} else {
			r.Header.Add(headers[i], headers[i+1])
		}
	}
	response, err := s.web.Test(r, -1) //nolint:bodyclose // readResponse closes it
	if err != nil {
		s.t.Fatal(err)
	}
	return readResponse(s.t, response)
}

// readResponse reads a body, and JSON unless it is compressed.
func readResponse(t testing.TB, response *http.Response) apiResponse {
	t.Helper()
	defer func() { _ = response.Body.Close() }()
	a := apiResponse{Response: response}
	var err error
	if a.body, err = io.ReadAll(response.Body); err != nil {
		t.Fatal(err)
	}
	if len(a.body) > 0 && response.Header.Get("Content-Type") == "application/json" && response.Header.Get("Content-Encoding") == "" {
		if err := json.Unmarshal(a.body, &a.json); err != nil {
			t.Fatalf("%v in %q", err, a.body)
		}
	}
	return a
}

// get sends a GET to the API and requires a status.
func (s *site) get(status int, path string, headers ...string) apiResponse {
	s.t.Helper()
	a := s.do(http.MethodGet, base+path, headers...)
	if a.StatusCode != status {
		s.t.Fatalf("GET %s: %d %s, want %d", path, a.StatusCode, a.body, status)
	}
	return a
}
