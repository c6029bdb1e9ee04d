package api_test

import (
	"database/sql"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/testdb"
)

const uji = `{"produk":"Uji","id_kategori":1,"id_segmen":1,"id_stage":1}`

// TestWrites_SurviveMissingDatabases: while another run is active or pmo_db is missing, a write is committed in lifecycle_db, and
// the next run mirrors it. A write is rejected and leaves nothing without lifecycle_db, and with an idempotency key without
// pmo_db, which stores the key.
func TestWrites_SurviveMissingDatabases(t *testing.T) {
	t.Parallel()
	s := newSite(t, testdb.Postgres)
	create := func() (path string) {
		t.Helper()
		a := s.send(http.MethodPost, "/products", uji).want(t, http.StatusCreated)
		if !strings.Contains(a.json.Message, "after the next sync") {
			t.Errorf("the message does not say when reads show the change: %s", a.body)
		}
		return base + a.location()
	}
	wantMirrored := func(path string) {
		t.Helper()
		s.Command("sync")
		s.Eventually("the product is in the mirror", func() bool { return s.do(http.MethodGet, path, nil).StatusCode == http.StatusOK })
		s.Command("verify")
	}
	release, _ := kit.Lock(t, s.target, fmt.Sprintf("SELECT pg_advisory_xact_lock(%d)", 0x6c6966656379636c))
	path := create()
	s.do(http.MethodGet, path, nil).want(t, http.StatusNotFound)
	release()
	wantMirrored(path)

	connect := disconnect(t, s.target, s.source)
	s.send(http.MethodPost, "/products", uji).want(t, http.StatusServiceUnavailable)
	s.send(http.MethodPost, "/products", uji, "Idempotency-Key", "k").want(t, http.StatusServiceUnavailable)
	s.do(http.MethodGet, base+"/products", nil).want(t, http.StatusServiceUnavailable)
	if n := queryOne[int](t, s.source, "SELECT count(*) FROM tbl_produk WHERE produk = 'Uji'"); n != 1 {
		t.Errorf("%d products", n)
	}
	connect()

	connect = disconnect(t, s.source, s.target)
	s.get("/products")
	a := s.send(http.MethodPost, "/products", uji, "Idempotency-Key", "k").want(t, http.StatusServiceUnavailable)
	if a.Header.Get("Retry-After") == "" {
		t.Errorf("no Retry-After: %v", a.Header)
	}
	if n := queryOne[int](t, s.target, "SELECT count(*) FROM lifecycle_writes"); n != 0 {
		t.Errorf("%d writes are left", n)
	}
	connect()
	s.send(http.MethodPost, "/products", uji, "Idempotency-Key", "k").want(t, http.StatusCreated)
}

// disconnect makes a database refuse connections until connect is called. other is connected to another one.
func disconnect(t *testing.T, db, other *sql.DB) (connect func()) {
	t.Helper()
	name := queryOne[string](t, db, "SELECT current_database()")
	exec(t, other, "ALTER DATABASE "+name+" ALLOW_CONNECTIONS false")
	exec(t, other, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
	db.SetMaxIdleConns(0) // closes the terminated connections
	db.SetMaxIdleConns(1)
	return func() { exec(t, other, "ALTER DATABASE "+name+" ALLOW_CONNECTIONS true") }
}

func TestWrites_ReadOnlyAccountIsForbidden(t *testing.T) {
	t.Parallel()
	s := newSite(t, testdb.Postgres)
	s.Stop()
	role := "reader_" + queryOne[string](t, s.source, "SELECT current_database()")
	exec(t, s.source, "CREATE ROLE "+role+" LOGIN PASSWORD 'x'")
	t.Cleanup(func() {
		exec(t, s.source, "DROP OWNED BY "+role)
		exec(t, s.source, "DROP ROLE "+role)
	})
	exec(t, s.source, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO "+role)
	u, err := url.Parse(s.SourceURL)
	if err != nil {
		t.Fatal("the test server's URL is invalid")
	}
	u.User = url.UserPassword(role, "x")
	s.Set("LIFECYCLE_DATABASE_URL=" + u.String())
	s.Start()
	defer s.Stop()
	for _, a := range []apiResponse{
		s.send(http.MethodPost, "/products", uji),
		s.send(http.MethodPut, "/products/1", `{"harga":1}`),
		s.do(http.MethodDelete, base+"/products/1", nil),
	} {
		a.want(t, http.StatusForbidden, "forbidden")
		if !strings.Contains(a.json.Message, "read-only") {
			t.Errorf("%s", a.body)
		}
	}
}

func TestWrites_AreVisibleInTheNextRead(t *testing.T) {
	t.Parallel()
	eachSite(t, func(_ *testing.T, s *site) {
		const rounds = 8
		s.concurrently(4, func(client int) (apiResponse, error) {
			for price := range rounds {
				if err := s.writeAndRead(client+1, client*rounds+price); err != nil {
					return apiResponse{}, err
				}
			}
			return apiResponse{}, nil
		})
		s.Command("verify")
	})
}

func (s *site) writeAndRead(id, price int) error {
	path := fmt.Sprintf("%s/products/%d", base, id)
	written, err := s.try(http.MethodPut, path, strings.NewReader(fmt.Sprintf(`{"harga":%d}`, price)), "Content-Type", "application/json")
	if err != nil || written.StatusCode != http.StatusOK || strings.Contains(written.json.Message, "follows") {
		return fmt.Errorf("PUT: %s %w", written.body, err)
	}
	for _, target := range []string{path, base + "/products?limit=100"} {
		read, err := s.try(http.MethodGet, target, nil)
		if err != nil || !strings.Contains(string(read.body), fmt.Sprintf(`"harga":%d,`, price)) {
			return fmt.Errorf("GET %s does not show %d: %s %w", target, price, read.body, err)
		}
	}
	return nil
}

func TestAttachments_UploadRacesWithDelete(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		for round := range 12 {
			created := decode[product](t, s.upload(http.MethodPost, "/products", newProduct("short-lived"), []file{{"a.txt", "first"}}).want(t, http.StatusCreated))
			path := fmt.Sprintf("%s/products/%d", base, created.ID)
			for i, a := range s.concurrently(5, func(i int) (apiResponse, error) {
				if i == 4 {
					return s.try(http.MethodDelete, path, nil)
				}
				body, kind := withFiles(nil, file{"b.txt", fmt.Sprint("of round ", round)})
				if i%2 == 0 {
					return s.try(http.MethodPost, path+"/attachments", body, "Content-Type", kind)
				}
				return s.try(http.MethodPut, path, body, "Content-Type", kind)
			}) {
				if allowed := []int{http.StatusOK, http.StatusCreated, http.StatusNotFound}; !slices.Contains(allowed, a.StatusCode) || i == 4 && a.StatusCode != http.StatusOK {
					t.Errorf("%s: %d %s", a.Request.Method, a.StatusCode, a.body)
				}
			}
		}
		s.Eventually("the mirror follows", func() bool {
			return queryOne[int](t, s.target, "SELECT count(*) FROM tbl_produk_lifecycle WHERE produk = 'short-lived'") == 0
		})
		if n := queryOne[int](t, s.target, "SELECT count(*) FROM lifecycle_writes"); n != 0 {
			t.Errorf("%d writes are open", n)
		}
		s.wantFiles(0)
		if n := queryOne[int](t, s.target, "SELECT count(*) FROM lifecycle_attachments WHERE state <> 'stored' OR closed_at IS NULL"); n != 0 {
			t.Errorf("%d attachments of deleted products are not closed", n)
		}
	})
}

func TestProducts_ConcurrentRequestsWriteOnce(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		responses := map[string]bool{}
		for _, a := range s.concurrently(10, func(int) (apiResponse, error) {
			body, kind := withFiles(newProduct("ten"), file{"a.pdf", pdf}, file{"b.txt", "b"})
			return s.try(http.MethodPost, base+"/products", body, "Content-Type", kind, "Idempotency-Key", "ten")
		}) {
			a.want(t, http.StatusCreated)
			responses[string(a.json.Data)+a.Header.Get("ETag")+a.Header.Get("Location")] = true
		}
		if n := queryOne[int](t, s.source, "SELECT count(*) FROM tbl_produk WHERE produk = 'ten'"); n != 1 || len(responses) != 1 {
			t.Errorf("%d products, and the responses %v", n, responses)
		}
		s.wantFiles(2)

		etag := s.get("/products/1").Header.Get("ETag")
		updates := s.concurrently(2, func(i int) (apiResponse, error) {
			return s.try(http.MethodPut, base+"/products/1", strings.NewReader(fmt.Sprintf(`{"harga":%d}`, i)), "Content-Type", "application/json", "If-Match", etag)
		})
		if a, b := updates[0].StatusCode, updates[1].StatusCode; a+b != http.StatusOK+http.StatusPreconditionFailed {
			t.Errorf("the statuses are %d and %d", a, b)
		}
	})
}
