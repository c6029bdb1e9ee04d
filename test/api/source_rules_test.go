package api_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"

	"lifecycle-sync/test/kit/testdb"
)

// rule is a rule of lifecycle_db that the API does not know, with the status of a write that violates it.
type rule struct {
	name, add, drop string
	status          int
}

// triggerRule returns a rule on PostgreSQL that runs a statement for the customer Uji.
func triggerRule(name, trigger, statement string) rule {
	return rule{
		name, "CREATE FUNCTION rahasia() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.pelanggan = 'Uji' THEN " + statement + "; END IF; RETURN NEW; END $$;" +
			"CREATE " + trigger + " FOR EACH ROW EXECUTE FUNCTION rahasia()",
		"DROP TRIGGER rahasia ON tbl_produk; DROP FUNCTION rahasia", http.StatusConflict,
	}
}

func rules(onPostgres bool) []rule {
	if !onPostgres {
		return []rule{
			{"unique", "CREATE UNIQUE INDEX rahasia ON tbl_produk (pelanggan) WHERE pelanggan = 'Uji'; INSERT INTO tbl_produk (produk, pelanggan) VALUES ('first', 'Uji')",
				"DROP INDEX rahasia; DELETE FROM tbl_produk WHERE pelanggan = 'Uji'", http.StatusConflict},
			{"trigger", "CREATE TRIGGER rahasia BEFORE INSERT ON tbl_produk WHEN NEW.pelanggan = 'Uji' BEGIN SELECT RAISE(ABORT, 'rahasia'); END;" +
				"CREATE TRIGGER rahasia2 BEFORE UPDATE ON tbl_produk WHEN NEW.pelanggan = 'Uji' BEGIN SELECT RAISE(ROLLBACK, 'rahasia'); END",
				"DROP TRIGGER rahasia; DROP TRIGGER rahasia2", http.StatusConflict},
		}
	}
	const before = "TRIGGER rahasia BEFORE INSERT OR UPDATE ON tbl_produk"
	return []rule{
		{"check", "ALTER TABLE tbl_produk ADD CONSTRAINT rahasia CHECK (pelanggan <> 'Uji')", "ALTER TABLE tbl_produk DROP CONSTRAINT rahasia", http.StatusConflict},
		{"unique", "CREATE UNIQUE INDEX rahasia ON tbl_produk ((pelanggan = 'Uji' OR NULL)); INSERT INTO tbl_produk (produk, pelanggan) VALUES ('first', 'Uji')",
			"DROP INDEX rahasia; DELETE FROM tbl_produk WHERE pelanggan = 'Uji'", http.StatusConflict},
		{"not null", "ALTER TABLE tbl_produk ADD rahasia text DEFAULT ''; ALTER TABLE tbl_produk ADD CONSTRAINT r CHECK (rahasia <> '' OR pelanggan IS DISTINCT FROM 'Uji')",
			"ALTER TABLE tbl_produk DROP rahasia", http.StatusConflict},
		{"shorter text", "ALTER TABLE tbl_produk ADD rahasia varchar(2) GENERATED ALWAYS AS (CASE pelanggan WHEN 'Uji' THEN 'Uji' END) STORED", "ALTER TABLE tbl_produk DROP rahasia", http.StatusBadRequest},
		triggerRule("trigger", before, "RAISE EXCEPTION 'rahasia'"),
		triggerRule("deferred trigger", "CONSTRAINT TRIGGER rahasia AFTER INSERT OR UPDATE ON tbl_produk DEFERRABLE INITIALLY DEFERRED", "RAISE EXCEPTION 'rahasia'"),
		triggerRule("assertion", before, "ASSERT FALSE, 'rahasia'"),
		triggerRule("trigger that discards the row", before, "RETURN NULL"),
		triggerRule("trigger with its own error code", before, "RAISE 'rahasia' USING ERRCODE = 'PT403'"),
	}
}

// TestWrites_ReportConstraintsOfTheSource: the response hides the database's output, and nothing is left of the write.
func TestWrites_ReportConstraintsOfTheSource(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		for _, r := range rules(s.onPostgres()) {
			exec(t, s.source, r.add)
			before := queryOne[int](t, s.source, "SELECT count(*) FROM tbl_produk")
			fields := newProduct("rules")
			fields["pelanggan"] = "Uji"
			for _, a := range []apiResponse{
				s.upload(http.MethodPost, "/products", fields, []file{{"a.pdf", pdf}}, "Idempotency-Key", "k"),
				s.upload(http.MethodPut, "/products/1", map[string]string{"pelanggan": "Uji"}, []file{{"a.pdf", pdf}}),
			} {
				if a.StatusCode != r.status || strings.Contains(string(a.body), "rahasia") || strings.Contains(string(a.body), "SQLSTATE") {
					t.Errorf("%s: %s: %d %s", r.name, a.Request.Method, a.StatusCode, a.body)
				}
			}
			if after := queryOne[int](t, s.source, "SELECT count(*) FROM tbl_produk"); after != before {
				t.Errorf("%s: %d products were created", r.name, after-before)
			}
			if n := queryOne[int](t, s.target, "SELECT count(*) FROM lifecycle_writes"); n != 0 {
				t.Errorf("%s: %d writes are open", r.name, n)
			}
			s.wantFiles(0)
			exec(t, s.source, r.drop)
		}
		s.send(http.MethodPut, "/products/1", `{"pelanggan":"Uji"}`).want(t, http.StatusOK)
		s.Command("sync")
		s.Command("verify")
	})
}

func TestWrites_LockedRowIsUnavailable(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		conn, err := s.source.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		execute := func(statements ...string) {
			for _, statement := range statements {
				if _, err := conn.ExecContext(context.Background(), statement); err != nil {
					t.Fatal(err)
				}
			}
		}
		if s.onPostgres() {
			execute("BEGIN", "SELECT 1 FROM tbl_produk WHERE id = 1 FOR UPDATE")
		} else {
			execute("BEGIN IMMEDIATE")
		}
		for _, a := range []apiResponse{
			s.upload(http.MethodPut, "/products/1", map[string]string{"harga": "1"}, []file{{"a.pdf", pdf}}),
			s.do(http.MethodDelete, base+"/products/1", nil),
		} {
			if a.want(t, http.StatusServiceUnavailable); a.Header.Get("Retry-After") == "" {
				t.Errorf("no Retry-After: %v", a.Header)
			}
		}
		s.get("/products/1")
		execute("ROLLBACK")
		s.wantFiles(0)
		s.send(http.MethodPut, "/products/1", `{"harga":2}`).want(t, http.StatusOK)
		s.Command("verify")
	})
}

// TestWrites_ReportRejectionsOfTheSource covers other applications' tables, triggers, indexes and sequences in lifecycle_db.
// What they reject is no server error.
func TestWrites_ReportRejectionsOfTheSource(t *testing.T) {
	t.Parallel()
	s := newSite(t, testdb.Postgres)
	for _, statement := range []string{
		`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''tbl_rahasia''; END'`,
		`CREATE TRIGGER refuse BEFORE DELETE ON tbl_produk FOR EACH ROW WHEN (OLD.id = 1) EXECUTE FUNCTION refuse()`,
		`CREATE FUNCTION suppress() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'`,
		`CREATE TRIGGER suppress BEFORE DELETE ON tbl_produk FOR EACH ROW WHEN (OLD.id = 2) EXECUTE FUNCTION suppress()`,
		`CREATE INDEX ON tbl_stage_histori (catatan)`,
		`CREATE TABLE tbl_mon_crjr (id_produk integer REFERENCES tbl_produk (id) ON DELETE RESTRICT)`,
		`INSERT INTO tbl_mon_crjr VALUES (4)`,
	} {
		exec(t, s.source, statement)
	}
	for _, id := range []int{1, 2} {
		path := fmt.Sprintf("/products/%d", id)
		if a := s.do(http.MethodDelete, base+path, nil).want(t, http.StatusConflict, "conflict"); strings.Contains(string(a.body), "rahasia") {
			t.Errorf("the response repeats the database's text: %s", a.body)
		}
		s.get(path)
	}
	if a := s.do(http.MethodDelete, base+"/products/4", nil).want(t, http.StatusConflict, "conflict"); strings.Contains(string(a.body), "crjr") {
		t.Errorf("the response names the table: %s", a.body)
	}
	if n := queryOne[int](t, s.source, "SELECT count(*) FROM tbl_produk WHERE id = 4"); n != 1 {
		t.Error("the referenced product was deleted")
	}
	s.get("/products/4")

	noise := make([]byte, 8000)
	for i := range noise {
		noise[i] = "abcdefghijklmnopqrstuvwxyz0123456789"[rand.IntN(36)]
	}
	s.send(http.MethodPost, "/stage-history", fmt.Sprintf(`{"id_produk":3,"stage_now":1,"tanggal_perubahan":"2001-01-01T00:00:00Z","catatan":%q}`, noise)).
		want(t, http.StatusBadRequest, "data_type")

	for _, c := range []struct{ last, status int }{{1, http.StatusConflict}, {2147483646, http.StatusCreated}, {2147483647, http.StatusServiceUnavailable}, {1000, http.StatusCreated}} {
		exec(t, s.source, "SELECT setval(pg_get_serial_sequence('tbl_produk', 'id'), $1)", c.last)
		s.send(http.MethodPost, "/products", uji).want(t, c.status)
	}
	s.Command("verify")
}

func TestOutbox_SweepContinuesAfterAFailure(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		s.Stop()
		for i, table := range []string{"tbl_gone", "tbl_produk"} {
			exec(t, s.target, fmt.Sprintf(`INSERT INTO lifecycle_writes (id, state, leased_until, source_table, source_id, source_stamp, source_action, created_at)
				VALUES ('%s', 'intended', '2026-01-01T00:00:0%d.000000Z', '%[1]s', 99999, '2026-01-01T00:00:00.000000Z', 'insert', '2026-01-01T00:00:0%[2]d.000000Z')`, table, i))
		}
		s.Start()
		s.Eventually("one is left", func() bool { return queryOne[int](t, s.target, "SELECT count(*) FROM lifecycle_writes") == 1 })
		if remaining := queryOne[string](t, s.target, "SELECT id FROM lifecycle_writes"); remaining != "tbl_gone" {
			t.Errorf("%s is left", remaining)
		}
	})
}

// TestWrites_RefuseToDeleteWhatOtherTablesWouldLose: foreign keys of tables that are not mirrored would delete or change rows that no
// undo could restore.
func TestWrites_RefuseToDeleteWhatOtherTablesWouldLose(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		created := decode[product](t, s.send(http.MethodPost, "/products", uji).want(t, http.StatusCreated))
		creation := fmt.Sprintf("/activity/%d/undo", s.activities("limit=1")[0].ID)
		s.send(http.MethodPost, "/stage-history", `{"id_produk":4,"stage_now":1,"tanggal_perubahan":"2001-01-01T00:00:00Z"}`).want(t, http.StatusCreated)
		record := decode[[]struct{ ID int64 }](t, s.get("/stage-history?productId=4&limit=100"))[0].ID
		for _, c := range []struct {
			table, key, value string
			refused, allowed  func() apiResponse
		}{
			{
				"tbl_kontrak", "REFERENCES tbl_produk (id) ON DELETE CASCADE", "1",
				func() apiResponse { return s.do(http.MethodDelete, base+"/products/1", nil) },
				func() apiResponse { return s.do(http.MethodDelete, base+"/products/2", nil) },
			},
			{
				"tbl_tiket", "REFERENCES tbl_produk (id) ON DELETE SET NULL", fmt.Sprint(created.ID),
				func() apiResponse { return s.send(http.MethodPost, creation, "") }, nil,
			},
			{
				"tbl_tanda", "REFERENCES tbl_stage_histori (id) ON DELETE SET NULL", fmt.Sprint(record),
				func() apiResponse { return s.do(http.MethodDelete, base+"/products/4", nil) }, nil,
			},
		} {
			exec(t, s.source, "CREATE TABLE "+c.table+" (id_rujukan integer "+c.key+")")
			exec(t, s.source, "INSERT INTO "+c.table+" VALUES ("+c.value+")")
			if a := c.refused().want(t, http.StatusConflict, "conflict"); !strings.Contains(a.json.Message, c.table) {
				t.Errorf("the response does not name %s: %s", c.table, a.body)
			}
			if n := queryOne[int](t, s.source, "SELECT count(*) FROM "+c.table+" WHERE id_rujukan = "+c.value); n != 1 {
				t.Errorf("%s has lost its row", c.table)
			}
			if c.allowed != nil {
				c.allowed().want(t, http.StatusOK)
			}
			exec(t, s.source, "DELETE FROM "+c.table)
			c.refused().want(t, http.StatusOK)
		}
		s.Command("verify")
	})
}
