package api_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"lifecycle-sync/test/kit/testdb"
)

// rule is one that lifecycle_db's owner has made, which the API cannot know of, and the status of a write
// that breaks it.
type rule struct {
	name, make, undo string
	status           int
}

var rulesOnPostgres = []rule{
	{"check", "ALTER TABLE tbl_produk ADD CONSTRAINT rahasia CHECK (pelanggan <> 'Uji')", "ALTER TABLE tbl_produk DROP CONSTRAINT rahasia", http.StatusConflict},
	{"unique", "CREATE UNIQUE INDEX rahasia ON tbl_produk ((pelanggan = 'Uji' OR NULL)); INSERT INTO tbl_produk (produk, pelanggan) VALUES ('first', 'Uji')",
		"DROP INDEX rahasia; DELETE FROM tbl_produk WHERE pelanggan = 'Uji'", http.StatusConflict},
	{"not null", "ALTER TABLE tbl_produk ADD rahasia text DEFAULT ''; ALTER TABLE tbl_produk ADD CONSTRAINT r CHECK (rahasia <> '' OR pelanggan IS DISTINCT FROM 'Uji')",
		"ALTER TABLE tbl_produk DROP rahasia", http.StatusConflict},
	{"trigger", "CREATE FUNCTION rahasia() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.pelanggan = 'Uji' THEN RAISE EXCEPTION 'rahasia'; END IF; RETURN NEW; END $$;" +
		"CREATE TRIGGER rahasia BEFORE INSERT OR UPDATE ON tbl_produk FOR EACH ROW EXECUTE FUNCTION rahasia()",
		"DROP TRIGGER rahasia ON tbl_produk; DROP FUNCTION rahasia", http.StatusConflict},
	{"deferred trigger", "CREATE FUNCTION rahasia() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.pelanggan = 'Uji' THEN RAISE EXCEPTION 'rahasia'; END IF; RETURN NEW; END $$;" +
		"CREATE CONSTRAINT TRIGGER rahasia AFTER INSERT OR UPDATE ON tbl_produk DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION rahasia()",
		"DROP TRIGGER rahasia ON tbl_produk; DROP FUNCTION rahasia", http.StatusConflict},
	{"asserting trigger", "CREATE FUNCTION rahasia() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ASSERT NEW.pelanggan IS DISTINCT FROM 'Uji', 'rahasia'; RETURN NEW; END $$;" +
		"CREATE TRIGGER rahasia BEFORE INSERT OR UPDATE ON tbl_produk FOR EACH ROW EXECUTE FUNCTION rahasia()",
		"DROP TRIGGER rahasia ON tbl_produk; DROP FUNCTION rahasia", http.StatusConflict},
	{"swallowing trigger", "CREATE FUNCTION rahasia() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.pelanggan = 'Uji' THEN RETURN NULL; END IF; RETURN NEW; END $$;" +
		"CREATE TRIGGER rahasia BEFORE INSERT OR UPDATE ON tbl_produk FOR EACH ROW EXECUTE FUNCTION rahasia()",
		"DROP TRIGGER rahasia ON tbl_produk; DROP FUNCTION rahasia", http.StatusConflict},
	{"shorter text", "ALTER TABLE tbl_produk ADD rahasia varchar(2) GENERATED ALWAYS AS (CASE pelanggan WHEN 'Uji' THEN 'Uji' END) STORED", "ALTER TABLE tbl_produk DROP rahasia", http.StatusBadRequest},
	{"trigger with a code of its own", "CREATE FUNCTION rahasia() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.pelanggan = 'Uji' THEN RAISE 'rahasia' USING ERRCODE = 'PT403'; END IF; RETURN NEW; END $$;" +
		"CREATE TRIGGER rahasia BEFORE INSERT OR UPDATE ON tbl_produk FOR EACH ROW EXECUTE FUNCTION rahasia()",
		"DROP TRIGGER rahasia ON tbl_produk; DROP FUNCTION rahasia", http.StatusConflict},
}

var rulesOnSQLite = []rule{
	{"unique", "CREATE UNIQUE INDEX rahasia ON tbl_produk (pelanggan) WHERE pelanggan = 'Uji'; INSERT INTO tbl_produk (produk, pelanggan) VALUES ('first', 'Uji')",
		"DROP INDEX rahasia; DELETE FROM tbl_produk WHERE pelanggan = 'Uji'", http.StatusConflict},
	{"trigger", "CREATE TRIGGER rahasia BEFORE INSERT ON tbl_produk WHEN NEW.pelanggan = 'Uji' BEGIN SELECT RAISE(ABORT, 'rahasia'); END;" +
		"CREATE TRIGGER rahasia2 BEFORE UPDATE ON tbl_produk WHEN NEW.pelanggan = 'Uji' BEGIN SELECT RAISE(ROLLBACK, 'rahasia'); END",
		"DROP TRIGGER rahasia; DROP TRIGGER rahasia2", http.StatusConflict},
}

// TestWrites_ReportConstraintsOfTheSource breaks rules of lifecycle_db that are not the API's: the client is told, in our
// words, and nothing is left of the write.
func TestWrites_ReportConstraintsOfTheSource(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		rules := rulesOnSQLite
		if s.onPostgres() {
			rules = rulesOnPostgres
		}
		for _, r := range rules {
			exec(t, s.source, r.make)
			before := one[int](t, s.source, "SELECT count(*) FROM tbl_produk")
			fields := newProduct("rules")
			fields["pelanggan"] = "Uji"
			for _, a := range []answer{
				s.upload(http.MethodPost, "/products", fields, []file{{"a.pdf", pdf}}, "Idempotency-Key", "k"),
				s.upload(http.MethodPut, "/products/1", map[string]string{"pelanggan": "Uji"}, []file{{"a.pdf", pdf}}),
			} {
				if a.StatusCode != r.status || strings.Contains(string(a.body), "rahasia") || strings.Contains(string(a.body), "SQLSTATE") {
					t.Errorf("%s: %s: %d %s", r.name, a.Request.Method, a.StatusCode, a.body)
				}
			}
			if after := one[int](t, s.source, "SELECT count(*) FROM tbl_produk"); after != before {
				t.Errorf("%s: %d products were made", r.name, after-before)
			}
			if n := one[int](t, s.target, "SELECT count(*) FROM lifecycle_writes"); n != 0 {
				t.Errorf("%s: %d writes are open", r.name, n)
			}
			s.wantFiles(0)
			exec(t, s.source, r.undo)
		}
		s.send(http.MethodPut, "/products/1", `{"pelanggan":"Uji"}`).want(t, http.StatusOK)
		s.Command("sync")
		s.Command("verify")
	})
}

func TestWrites_UseIdsOfTheSource(t *testing.T) {
	t.Parallel()
	s := newSite(t, testdb.Postgres)
	exec(t, s.source, "SELECT setval(pg_get_serial_sequence('tbl_produk', 'id'), 1)")
	s.send(http.MethodPost, "/products", uji).want(t, http.StatusConflict)
	exec(t, s.source, "SELECT setval(pg_get_serial_sequence('tbl_produk', 'id'), 2147483647)")
	s.send(http.MethodPost, "/products", uji).want(t, http.StatusServiceUnavailable, "unavailable")
	exec(t, s.source, "SELECT setval(pg_get_serial_sequence('tbl_produk', 'id'), 1000)")
	s.send(http.MethodPost, "/products", uji).want(t, http.StatusCreated)
}

func TestWrites_LockedRowIsUnavailable(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		conn, err := s.source.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		hold := func(statement string) {
			if _, err := conn.ExecContext(context.Background(), statement); err != nil {
				t.Fatal(err)
			}
		}
		if s.onPostgres() {
			hold("BEGIN")
			hold("SELECT 1 FROM tbl_produk WHERE id = 1 FOR UPDATE")
		} else {
			hold("BEGIN IMMEDIATE")
		}
		for _, a := range []answer{
			s.upload(http.MethodPut, "/products/1", map[string]string{"harga": "1"}, []file{{"a.pdf", pdf}}),
			s.do(http.MethodDelete, base+"/products/1", nil),
		} {
			if a.want(t, http.StatusServiceUnavailable); a.Header.Get("Retry-After") == "" {
				t.Errorf("no Retry-After: %v", a.Header)
			}
		}
		s.get("/products/1")
		hold("ROLLBACK")
		s.wantFiles(0)
		s.send(http.MethodPut, "/products/1", `{"harga":2}`).want(t, http.StatusOK)
		s.Command("verify")
	})
}

func TestReads_ServeHostileRowsOnSQLite(t *testing.T) {
	t.Parallel()
	s := newSite(t, testdb.SQLite)
	for _, statement := range []string{
		"UPDATE tbl_produk SET harga = 'much' WHERE id = 1",
		"UPDATE tbl_produk SET produk = x'ff00' WHERE id = 2",
		"UPDATE tbl_produk SET id_segmen = 'abc' WHERE id = 3",
		"UPDATE tbl_produk SET created_at = 'soon', tanggal_launch = '2024-02-30' WHERE id = 4",
		"UPDATE tbl_produk SET harga = 1e300, id_stage = 9999 WHERE id = 5",
		"UPDATE tbl_produk SET produk = 'a' || char(0) || 'b' WHERE id = 6",
		"UPDATE tbl_produk SET updated_at = x'00', tanggal_stage_end = 17.5 WHERE id = 7",
		"UPDATE tbl_produk SET harga = 9223372036854775807, tanggal_launch = '9999-12-31' WHERE id = 8",
		"UPDATE tbl_produk SET produk = 'nan', pelanggan = '', id_kategori = -1 WHERE id = 9",
		"INSERT INTO tbl_stage_histori (id_produk, stage_now, performance_metrics) VALUES (8, 1, '{'), (8, 2, '1e400'), (8, 'x', NULL), (0, 1, NULL), ('y', 1, x'00')",
	} {
		exec(t, s.source, statement)
	}
	s.Command("sync")
	s.Eventually("the quarantine is shown", func() bool { return strings.Contains(string(s.get("/sync/quarantine").body), "unfit_value") })
	for id := 1; id <= 9; id++ {
		for _, path := range everyRead(id) {
			if a := s.do(http.MethodGet, base+path, nil); a.StatusCode != http.StatusOK && (a.StatusCode != http.StatusNotFound || !strings.Contains(path, "/products/")) {
				t.Errorf("GET %s: %d %.300s", path, a.StatusCode, a.body)
			}
		}
	}
	for id := 1; id <= 9; id++ {
		path := fmt.Sprintf("/products/%d", id)
		if a := s.send(http.MethodPut, path, `{"produk":"x","pelanggan":"x","id_stage":1,"id_segmen":1,"id_kategori":1,"harga":1,"tanggal_launch":"2026-01-01","tanggal_stage_end":""}`); a.StatusCode != http.StatusOK {
			t.Errorf("PUT %s: %d %.300s", path, a.StatusCode, a.body)
		}
	}
	s.get("/products/1")
	s.do(http.MethodDelete, base+"/products/4", nil).want(t, http.StatusOK) // its created_at still does not fit
	s.Command("sync")
	s.Command("verify")
}
