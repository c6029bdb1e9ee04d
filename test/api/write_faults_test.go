package api_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"lifecycle-sync/test/kit/testdb"
)

const uji = `{"produk":"Uji","id_kategori":1,"id_segmen":1,"id_stage":1}`

func TestWrites_MirrorFollowsAnActiveRun(t *testing.T) {
	t.Parallel()
	s := newSite(t, testdb.Postgres)
	lock, err := s.target.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lock.Rollback() }()
	if _, err := lock.Exec("SELECT pg_advisory_xact_lock($1)", 0x6c6966656379636c); err != nil {
		t.Fatal(err)
	}
	a := s.send(http.MethodPost, "/products", uji).want(t, http.StatusCreated)
	if !strings.Contains(a.json.Message, "after the next sync") {
		t.Errorf("the message does not say when reads show the change: %s", a.body)
	}
	path := fmt.Sprintf("%s/products/%d", base, into[product](t, a).ID)
	s.do(http.MethodGet, path, nil).want(t, http.StatusNotFound)
	if err := lock.Rollback(); err != nil {
		t.Fatal(err)
	}
	s.Command("sync")
	s.Eventually("the product is in the mirror", func() bool { return s.do(http.MethodGet, path, nil).StatusCode == http.StatusOK })
	s.Command("verify")
}

func TestWrites_MissingSourceIsUnavailable(t *testing.T) {
	t.Parallel()
	s := newSite(t, testdb.Postgres)
	name := one[string](t, s.source, "SELECT current_database()")
	exec(t, s.target, "ALTER DATABASE "+name+" ALLOW_CONNECTIONS false")
	exec(t, s.target, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '"+name+"'")
	s.get("/products")
	a := s.send(http.MethodPost, "/products", uji, "Idempotency-Key", "k").want(t, http.StatusServiceUnavailable)
	if a.Header.Get("Retry-After") == "" {
		t.Errorf("no Retry-After: %v", a.Header)
	}
	if n := one[int](t, s.target, "SELECT count(*) FROM lifecycle_writes"); n != 0 {
		t.Errorf("%d writes are left", n)
	}
	exec(t, s.target, "ALTER DATABASE "+name+" ALLOW_CONNECTIONS true")
	s.send(http.MethodPost, "/products", uji, "Idempotency-Key", "k").want(t, http.StatusCreated)
}

func TestWrites_ReadOnlyAccountIsForbidden(t *testing.T) {
	t.Parallel()
	s := newSite(t, testdb.Postgres)
	s.Stop()
	role := "reader_" + one[string](t, s.source, "SELECT current_database()")
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
	for _, a := range []answer{
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

func TestProducts_DeleteOfAReferencedProductIsAConflict(t *testing.T) {
	t.Parallel()
	s := newSite(t, testdb.Postgres)
	exec(t, s.source, "CREATE TABLE tbl_mon_crjr (id_produk integer REFERENCES tbl_produk (id) ON DELETE RESTRICT)")
	exec(t, s.source, "INSERT INTO tbl_mon_crjr VALUES (1)")
	a := s.do(http.MethodDelete, base+"/products/1", nil).want(t, http.StatusConflict, "conflict")
	if strings.Contains(string(a.body), "crjr") {
		t.Errorf("the answer names the table: %s", a.body)
	}
	if n := one[int](t, s.source, "SELECT count(*) FROM tbl_produk WHERE id = 1"); n != 1 {
		t.Error("the product is gone")
	}
	s.get("/products/1")
}

func TestProducts_OneOfTwoConcurrentUpdatesWins(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		tag := s.get("/products/1").Header.Get("ETag")
		statuses := make(chan int, 2)
		for i := range 2 {
			go func() {
				a, err := s.try(http.MethodPut, base+"/products/1", strings.NewReader(fmt.Sprintf(`{"harga":%d}`, i)), "Content-Type", "application/json", "If-Match", tag)
				if err != nil {
					t.Error(err)
				}
				statuses <- a.StatusCode
			}()
		}
		if sum := <-statuses + <-statuses; sum != http.StatusOK+http.StatusPreconditionFailed {
			t.Errorf("the statuses add up to %d", sum)
		}
	})
}

func TestWrites_AreVisibleInTheNextRead(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		const clients, rounds = 4, 8
		done := make(chan error, clients)
		for client := range clients {
			go func() {
				var err error
				for round := 0; round < rounds && err == nil; round++ {
					err = s.writeAndRead(client+1, client*rounds+round)
				}
				done <- err
			}()
		}
		for range clients {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
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

// TestWrites_StandWhileTheMirrorIsAway takes pmo_db away: a write stands in lifecycle_db, and the next run brings it; one that
// must be remembered there is refused and leaves nothing.
func TestWrites_StandWhileTheMirrorIsAway(t *testing.T) {
	t.Parallel()
	s := newSite(t, testdb.Postgres)
	name := one[string](t, s.target, "SELECT current_database()")
	exec(t, s.source, "ALTER DATABASE "+name+" ALLOW_CONNECTIONS false")
	exec(t, s.source, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '"+name+"'")
	a := s.send(http.MethodPost, "/products", uji).want(t, http.StatusCreated)
	if !strings.Contains(a.json.Message, "after the next sync") {
		t.Errorf("the message does not say when reads show the change: %s", a.body)
	}
	s.send(http.MethodPost, "/products", uji, "Idempotency-Key", "k").want(t, http.StatusServiceUnavailable)
	s.do(http.MethodGet, base+"/products", nil).want(t, http.StatusServiceUnavailable)
	if n := one[int](t, s.source, "SELECT count(*) FROM tbl_produk WHERE produk = 'Uji'"); n != 1 {
		t.Errorf("%d products", n)
	}
	exec(t, s.source, "ALTER DATABASE "+name+" ALLOW_CONNECTIONS true")
	s.Command("sync")
	path := fmt.Sprintf("%s/products/%d", base, into[product](t, a).ID)
	s.Eventually("the product is in the mirror", func() bool { return s.do(http.MethodGet, path, nil).StatusCode == http.StatusOK })
	s.Command("verify")
}
