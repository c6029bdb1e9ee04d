package mirror_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/pmo"
	"lifecycle-sync/repositories/pmo/catalog"
	mirrordb "lifecycle-sync/repositories/pmo/mirror"
	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/databases"
	"lifecycle-sync/test/kit/testdb"
)

// searchFixture is a pmo_db with three products.
type searchFixture struct {
	*testing.T

	url   string
	db    *database.DB
	store *pmo.Store
}

func newSearchFixture(t *testing.T, url string) *searchFixture {
	t.Helper()
	l := &searchFixture{T: t, url: url}
	l.db, l.store = l.open(url)
	if _, err := l.store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.exec("INSERT INTO tbl_produk_lifecycle (id, produk, deskripsi, pelanggan) VALUES (1, 'Gardu INDUK', NULL, ''), (2, 'x', '100%_a\\b', NULL), (3, NULL, '', 'PT Énergi')")
	return l
}

func (l *searchFixture) open(url string) (*database.DB, *pmo.Store) {
	l.Helper()
	db := databases.Open(l, url, "pmo_db")
	return db, pmo.New(db, models.Tables())
}

func (l *searchFixture) exec(statement string) {
	l.Helper()
	if err := l.db.Exec(statement).Error; err != nil {
		l.Fatalf("%s: %v", statement, err)
	}
}

// found searches, and holds what is found against what must be.
func (l *searchFixture) found() {
	l.Helper()
	for search, want := range map[string]int64{"dU ind": 1, "%_A\\": 2, "éNERGI": 3, "E": 3} {
		products, total, err := catalog.New(l.store.Session).Products(l.Context(), catalog.ProductFilter{Search: search}.On(time.Now()), catalog.ProductOrder{Column: "id"}, 0, 9)
		if err != nil || total != 1 || len(products) != 1 || products[0].ID != want {
			l.Errorf("%q: found %d: %v, %v; want the product %d", search, total, products, err, want)
		}
	}
}

func (l *searchFixture) valid() (valid bool) {
	l.Helper()
	err := l.db.Raw("SELECT EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass('tbl_produk_lifecycle_search_trgm') AND indisvalid)").Scan(&valid).Error
	if err != nil {
		l.Fatal(err)
	}
	return valid
}

// index calls IndexSearch, and holds the outcome against what it should be.
func (l *searchFixture) index(store *pmo.Store, built bool, class models.Class) *models.Error {
	l.Helper()
	got, err := mirrordb.New(store).IndexSearch(l.Context())
	e := models.AsError(err)
	if got != built || e != nil && e.Class != class || e == nil && class != "" {
		l.Errorf("built %v, %v; want %v, %q", got, err, built, class)
	}
	return e
}

// waiting waits until as many sessions as given wait for a lock or a transaction.
func (l *searchFixture) waiting(sessions int) {
	l.Helper()
	kit.Eventually(l, fmt.Sprint(sessions, " sessions wait"), func() bool {
		return kit.One[int](l, l.db.SQL, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") >= sessions
	})
}

// TestSearchIndex is built once, and finds what a search without it does.
func TestSearchIndex(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		l := newSearchFixture(t, url(t))
		l.found()
		if l.store.Kind() == database.SQLite {
			l.index(l.store, false, "")
			return
		}
		l.index(l.store, true, "")
		l.index(l.store, false, "")
		l.exec("ALTER DATABASE " + l.db.Migrator().CurrentDatabase() + " SET enable_seqscan = off")
		_, l.store = l.open(l.url)
		l.found()
		var plan []string
		err := l.db.Transaction(func(tx *gorm.DB) error {
			tx.Exec("SET LOCAL enable_seqscan = off")
			return tx.Raw(`EXPLAIN SELECT FROM tbl_produk_lifecycle WHERE lower(produk) LIKE lower('%abc%') ESCAPE '\' OR lower(deskripsi) LIKE lower('%abc%') ESCAPE '\'
				OR lower(pelanggan) LIKE lower('%abc%') ESCAPE '\'`).Scan(&plan).Error
		})
		if err != nil || !strings.Contains(strings.Join(plan, "\n"), "tbl_produk_lifecycle_search_trgm") {
			t.Errorf("%v %s", err, plan)
		}
	})
}

// TestSearchIndex_RebuildsInvalidIndex of a build that was killed.
func TestSearchIndex_RebuildsInvalidIndex(t *testing.T) {
	t.Parallel()
	l := newSearchFixture(t, testdb.Postgres(t))
	l.index(l.store, true, "")
	l.exec("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'tbl_produk_lifecycle_search_trgm'::regclass")
	l.index(l.store, true, "")
	if !l.valid() {
		l.Error("the index is not valid")
	}
}

// TestSearchIndex_IsBuiltByOneProcess at a time.
func TestSearchIndex_IsBuiltByOneProcess(t *testing.T) {
	t.Parallel()
	l := newSearchFixture(t, testdb.Postgres(t))
	block := l.db.Begin()
	defer block.Rollback()
	block.Exec("UPDATE tbl_produk_lifecycle SET harga = 1") // which the building waits for
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.index(l.store, true, "")
	}()
	l.waiting(1)
	_, other := l.open(l.url)
	l.index(other, false, models.Busy)
	block.Rollback()
	<-done
}

// TestSearchIndex_YieldsToRuns stops the build for a run, which locks the products.
func TestSearchIndex_YieldsToRuns(t *testing.T) {
	t.Parallel()
	l := newSearchFixture(t, testdb.Postgres(t))
	block := l.db.Begin()
	defer block.Rollback()
	block.Exec("UPDATE tbl_produk_lifecycle SET harga = 1 WHERE id = 1")
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.index(l.store, false, models.Busy)
	}()
	l.waiting(1)
	// The deadlock that would follow: the building waits for this transaction, and this for the building.
	if err := block.Exec("LOCK TABLE tbl_produk_lifecycle IN SHARE ROW EXCLUSIVE MODE").Error; err != nil {
		l.Error(err)
	}
	<-done
	block.Commit()
	l.index(l.store, true, "")
	if !l.valid() {
		l.Error("the index is not valid")
	}
}

// TestSearchIndex_StopsWhenCanceled also on the server.
func TestSearchIndex_StopsWhenCanceled(t *testing.T) {
	t.Parallel()
	l := newSearchFixture(t, testdb.Postgres(t))
	block := l.db.Begin()
	defer block.Rollback()
	block.Exec("UPDATE tbl_produk_lifecycle SET harga = 1 WHERE id = 1")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, err := mirrordb.New(l.store).IndexSearch(ctx)
		done <- err
	}()
	l.waiting(1)
	cancel()
	if err := <-done; models.AsError(err).Class != models.Canceled {
		l.Errorf("got %v", err)
	}
	block.Commit()
	l.index(l.store, true, "")
}

// TestSearchIndex_NamesMissingPrivileges and searches without the index.
func TestSearchIndex_NamesMissingPrivileges(t *testing.T) {
	t.Parallel()
	l := newSearchFixture(t, testdb.Postgres(t))
	role := "reader_" + strings.ToLower(rand.Text())
	l.exec("CREATE ROLE " + role + " LOGIN PASSWORD 'rahasia'")
	t.Cleanup(func() {
		l.exec("ALTER TABLE tbl_produk_lifecycle OWNER TO CURRENT_USER")
		l.exec("DROP OWNED BY " + role)
		l.exec("DROP ROLE " + role)
	})
	l.exec("GRANT SELECT ON ALL TABLES IN SCHEMA public TO " + role)
	u, err := url.Parse(l.url)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(role, "rahasia")
	_, l.store = l.open(u.String())

	if e := l.index(l.store, false, models.Permission); e == nil || e.Text.Code != "pmo.search_index_owner" || !strings.Contains(e.Remedy.Command, "CREATE INDEX CONCURRENTLY") {
		t.Errorf("got %v", e)
	}
	l.exec("GRANT USAGE, CREATE ON SCHEMA public TO " + role)
	l.exec("ALTER TABLE tbl_produk_lifecycle OWNER TO " + role)
	if e := l.index(l.store, false, models.Permission); e == nil || e.Text.Code != "pmo.trgm_not_allowed" || !strings.Contains(e.Remedy.Command, "CREATE EXTENSION") {
		t.Errorf("got %v", e)
	}
	l.found()
	l.exec("CREATE SCHEMA elsewhere")
	l.exec("CREATE EXTENSION pg_trgm SCHEMA elsewhere")
	l.exec("GRANT USAGE ON SCHEMA elsewhere TO " + role)
	l.index(l.store, true, "")
	l.found()
}
