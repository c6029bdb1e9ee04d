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

// site is the server on its own database.
type site struct {
	t   testing.TB
	db  *database.DB
	web *fiber.App
	log *bytes.Buffer
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
	s := newSiteWithoutMigration(t, url)
	if _, err := pmo.New(s.db, models.Tables()).Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// newSiteWithoutMigration returns the server on a database that may be unreachable.
func newSiteWithoutMigration(t *testing.T, url string) *site {
	t.Helper()
	s := &site{t: t, log: &bytes.Buffer{}}
	log := slog.New(slog.NewJSONHandler(s.log, nil))
	s.db = databases.Open(t, url, "pmo_db")
	store := pmo.New(s.db, models.Tables())
	answers := cache.New(store, cache.Options{})
	s.web = routes.New(routes.Options{Log: log, Printer: messages.New().Printer(messages.English, time.UTC), CORSOrigins: []string{pageOrigin + "/"}, Now: time.Now, WriteRate: 600, SyncRate: 60}, routes.Handlers{
		Health: &handlers.Health{Runs: journal.New(store.Session), Log: log}, Products: &handlers.Products{Responses: answers, Now: time.Now},
	}, routes.Pages{})
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

// fetch sends a GET and returns the response with its body as sent; headers are pairs of name and value.
func (s *site) fetch(target string, headers ...string) apiResponse {
	s.t.Helper()
	response := s.send(http.MethodGet, target, headers...)
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return apiResponse{Response: response, body: body}
}

// do sends a request and reads its JSON; headers are pairs of name and value.
func (s *site) do(method, target string, headers ...string) apiResponse {
	s.t.Helper()
	return readResponse(s.t, s.send(method, target, headers...)) //nolint:bodyclose // read closes it
}

// send sends a request as this machine's browser would.
func (s *site) send(method, target string, headers ...string) *http.Response {
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
	response, err := s.web.Test(r, -1)
	if err != nil {
		s.t.Fatal(err)
	}
	return response
}

func readResponse(t testing.TB, response *http.Response) apiResponse {
	t.Helper()
	defer func() { _ = response.Body.Close() }()
	a := apiResponse{Response: response}
	var err error
	if a.body, err = io.ReadAll(response.Body); err != nil {
		t.Fatal(err)
	}
	if len(a.body) > 0 {
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
