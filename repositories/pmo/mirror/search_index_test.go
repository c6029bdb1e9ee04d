package mirror_test

import (
	"context"
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
	db *database.DB
}

func newSearchFixture(t *testing.T, url string) *searchFixture {
	t.Helper()
	db, _ := databases.PMO(t, url)
	l := &searchFixture{t, db}
	l.exec("INSERT INTO tbl_produk_lifecycle (id, produk, deskripsi, pelanggan) VALUES (1, 'Gardu INDUK', NULL, ''), (2, 'x', '100%_a\\b', NULL), (3, NULL, '', 'PT Énergi')")
	return l
}

func open(t *testing.T, url string) *pmo.Store {
	t.Helper()
	return pmo.New(databases.Open(t, url, "pmo_db"), models.Tables())
}

func (l *searchFixture) exec(statement string) {
	l.Helper()
	kit.Exec(l, l.db.SQL, statement)
}

// finds searches, and compares what is found with what must be.
func (l *searchFixture) finds(store *pmo.Store) {
	l.Helper()
	for search, want := range map[string]int64{"dU ind": 1, "%_A\\": 2, "éNERGI": 3, "E": 3} {
		var products []models.ListedProduct
		var total int64
		_, err := store.View(l.Context(), func(v *pmo.Session) (err error) {
			products, total, err = catalog.New(v).Products(l.Context(), catalog.ProductFilter{Search: search}.On(time.Now()), catalog.ProductOrder{Column: "id"}, 0, 9)
			return err
		})
		if err != nil || total != 1 || len(products) != 1 || products[0].ID != want {
			l.Errorf("%q: found %d: %v, %v; want the product %d", search, total, products, err, want)
		}
	}
}

// index calls IndexSearch, and compares the outcome with what it should be.
func (l *searchFixture) index(ctx context.Context, store *pmo.Store, built bool, class models.Class) *models.Error {
	l.Helper()
	got, err := mirrordb.New(store).IndexSearch(ctx)
	e := models.AsError(err)
	if got != built || e != nil && e.Class != class || e == nil && class != "" {
		l.Errorf("built %v, %v; want %v, %q", got, err, built, class)
	}
	return e
}

// indexWhile is index in another goroutine, which waits for a transaction that has changed a product.
func (l *searchFixture) indexWhile(ctx context.Context, store *pmo.Store, built bool, class models.Class, do func(changing *gorm.DB)) {
	l.Helper()
	changing := l.db.Begin()
	defer changing.Rollback()
	changing.Exec("UPDATE tbl_produk_lifecycle SET harga = 1 WHERE id = 1")
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.index(ctx, store, built, class)
	}()
	kit.Eventually(l, "the build waits", func() bool {
		return kit.One[bool](l, l.db.SQL, "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')")
	})
	do(changing)
	<-done
}

// TestSearchIndex is built once, by one process, and finds what a search without it does. The build ends on the server
// when it is canceled or a run locks the products. An invalid index, of a build that was killed, is built again.
func TestSearchIndex(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		address, ctx := url(t), t.Context()
		l, store := newSearchFixture(t, address), open(t, address)
		l.finds(store)
		if store.Kind() == database.SQLite {
			l.index(ctx, store, false, "")
			return
		}
		canceled, cancel := context.WithCancel(ctx)
		l.indexWhile(canceled, store, false, models.Canceled, func(*gorm.DB) { cancel() })
		l.indexWhile(ctx, store, false, models.Busy, func(changing *gorm.DB) {
			// The deadlock that would follow: the build waits for this transaction, and this for the build.
			if err := changing.Exec("LOCK TABLE tbl_produk_lifecycle IN SHARE ROW EXCLUSIVE MODE").Error; err != nil {
				l.Error(err)
			}
		})
		l.indexWhile(ctx, store, true, "", func(changing *gorm.DB) {
			l.index(ctx, open(t, address), false, models.Busy)
			changing.Rollback()
		})
		l.exec("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'tbl_produk_lifecycle_search_trgm'::regclass")
		l.index(ctx, store, true, "")
		l.index(ctx, store, false, "")
		l.exec("ALTER DATABASE " + l.db.Migrator().CurrentDatabase() + " SET enable_seqscan = off")
		l.finds(open(t, address))
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

// TestSearchIndex_NamesMissingPrivileges and searches without the index.
func TestSearchIndex_NamesMissingPrivileges(t *testing.T) {
	t.Parallel()
	address := testdb.Postgres(t)
	l := newSearchFixture(t, address)
	role, as := testdb.Role(t, address)
	store := open(t, as)
	l.exec("GRANT SELECT ON ALL TABLES IN SCHEMA public TO " + role)
	if e := l.index(t.Context(), store, false, models.Permission); e == nil || e.Text.Code != "pmo.search_index_owner" || !strings.Contains(e.Remedy.Command, "CREATE INDEX CONCURRENTLY") {
		t.Errorf("got %v", e)
	}
	l.exec("GRANT USAGE, CREATE ON SCHEMA public TO " + role)
	l.exec("ALTER TABLE tbl_produk_lifecycle OWNER TO " + role)
	if e := l.index(t.Context(), store, false, models.Permission); e == nil || e.Text.Code != "pmo.trgm_not_allowed" || !strings.Contains(e.Remedy.Command, "CREATE EXTENSION") {
		t.Errorf("got %v", e)
	}
	l.finds(store)
	l.exec("CREATE SCHEMA elsewhere")
	l.exec("CREATE EXTENSION pg_trgm SCHEMA elsewhere")
	l.exec("GRANT USAGE ON SCHEMA elsewhere TO " + role)
	l.index(t.Context(), store, true, "")
	l.finds(store)
}
