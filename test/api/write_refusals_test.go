package api_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"

	"lifecycle-sync/test/kit/testdb"
)

// TestWrites_ReportRejectionsOfTheSource meets triggers, indexes and sequences of others in lifecycle_db. None of that is
// a fault of this server.
func TestWrites_ReportRejectionsOfTheSource(t *testing.T) {
	t.Parallel()
	s := newSite(t, testdb.Postgres)
	for _, statement := range []string{
		`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''tbl_rahasia''; END'`,
		`CREATE TRIGGER refuse BEFORE UPDATE OR DELETE ON tbl_produk FOR EACH ROW WHEN (OLD.id = 1) EXECUTE FUNCTION refuse()`,
		`CREATE FUNCTION suppress() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'`,
		`CREATE TRIGGER suppress BEFORE UPDATE OR DELETE ON tbl_produk FOR EACH ROW WHEN (OLD.id = 2) EXECUTE FUNCTION suppress()`,
		`CREATE TRIGGER suppress_new BEFORE INSERT ON tbl_produk FOR EACH ROW WHEN (NEW.produk = 'Hilang') EXECUTE FUNCTION suppress()`,
		`CREATE INDEX ON tbl_stage_histori (catatan)`,
	} {
		exec(t, s.source, statement)
	}
	for _, id := range []int{1, 2} {
		path := fmt.Sprintf("/products/%d", id)
		a := s.send(http.MethodPut, path, `{"harga":1}`).want(t, http.StatusConflict, "constraint")
		if strings.Contains(string(a.body), "rahasia") {
			t.Errorf("the answer repeats the database's text: %s", a.body)
		}
		s.do(http.MethodDelete, base+path, nil).want(t, http.StatusConflict, "conflict")
		s.get(path)
	}
	s.send(http.MethodPost, "/products", strings.Replace(uji, "Uji", "Hilang", 1)).want(t, http.StatusConflict, "constraint")

	noise := make([]byte, 8000)
	for i := range noise {
		noise[i] = "abcdefghijklmnopqrstuvwxyz0123456789"[rand.IntN(36)]
	}
	s.send(http.MethodPost, "/stage-history", fmt.Sprintf(`{"id_produk":3,"stage_now":1,"tanggal_perubahan":"2001-01-01T00:00:00Z","catatan":%q}`, noise)).
		want(t, http.StatusBadRequest, "data_type")

	exec(t, s.source, "ALTER TABLE tbl_produk ALTER id RESTART WITH 2147483647")
	s.send(http.MethodPost, "/products", uji).want(t, http.StatusCreated)
	s.send(http.MethodPost, "/products", uji).want(t, http.StatusServiceUnavailable, "unavailable")
	s.Command("verify")
}

func TestCache_KeepsItsVersionOnRejectedWrites(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		const query = "SELECT version FROM lifecycle_mirror_version"
		before := one[int](t, s.target, query)
		s.send(http.MethodPost, "/products", strings.Replace(uji, `"id_stage":1`, `"id_stage":99`, 1), "Idempotency-Key", "k").want(t, http.StatusBadRequest, "validation_failed")
		if after := one[int](t, s.target, query); after != before {
			t.Errorf("version %d became %d", before, after)
		}
		s.send(http.MethodPost, "/products", uji, "Idempotency-Key", "k").want(t, http.StatusCreated)
		if after := one[int](t, s.target, query); after != before+1 {
			t.Errorf("version %d became %d", before, after)
		}
	})
}

func TestProducts_IfMatchWithoutAVersionFails(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		for _, tags := range []string{"", " "} {
			s.send(http.MethodPut, "/products/1", `{"harga":1}`, "If-Match", tags).want(t, http.StatusBadRequest, "validation_failed")
			s.do(http.MethodDelete, base+"/products/1", nil, "If-Match", tags).want(t, http.StatusBadRequest, "validation_failed")
		}
		for _, tags := range []string{`,`, `"other"`, `W/` + s.get("/products/1").Header.Get("ETag")} {
			s.send(http.MethodPut, "/products/1", `{"harga":1}`, "If-Match", tags).want(t, http.StatusPreconditionFailed, "precondition_failed")
		}
		s.send(http.MethodPut, "/products/1", `{"harga":1}`, "If-Match", `"other", `+s.get("/products/1").Header.Get("ETag")).want(t, http.StatusOK)
	})
}

func TestProducts_LocationIgnoresATrailingSlash(t *testing.T) {
	t.Parallel()
	s := newSite(t, testdb.SQLite)
	a, err := s.try(http.MethodPost, base+"/products/", strings.NewReader(uji), "Content-Type", "application/json")
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("%s/products/%d", base, into[product](t, a.want(t, http.StatusCreated)).ID); a.Header.Get("Location") != want {
		t.Errorf("Location %q, want %q", a.Header.Get("Location"), want)
	}
}

func TestStageHistory_IgnoresTimesOutOfRange(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		id := into[product](t, s.send(http.MethodPost, "/products", uji).want(t, http.StatusCreated)).ID
		body := func(stage int, at string) string {
			return fmt.Sprintf(`{"id_produk":%d,"stage_now":%d,"tanggal_perubahan":%q}`, id, stage, at)
		}
		endless := "infinity"
		if !s.onPostgres() {
			endless = "zzz"
		}
		exec(t, s.source, fmt.Sprintf("INSERT INTO tbl_stage_histori (id_produk, stage_now, tanggal_perubahan) VALUES (%d, 1, '%s')", id, endless))
		s.send(http.MethodPost, "/stage-history", body(2, "2026-01-01T00:00:00Z")).want(t, http.StatusCreated)
		if p := into[product](t, s.get(fmt.Sprintf("/products/%d", id))); *p.StageID != 2 {
			t.Errorf("the product stays in stage %d", *p.StageID)
		}
		s.send(http.MethodPost, "/stage-history", body(3, "9999-12-31T16:59:59Z")).want(t, http.StatusBadRequest, "validation_failed")
	})
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
		s.Eventually("one is left", func() bool { return one[int](t, s.target, "SELECT count(*) FROM lifecycle_writes") == 1 })
		if left := one[string](t, s.target, "SELECT id FROM lifecycle_writes"); left != "tbl_gone" {
			t.Errorf("%s is left", left)
		}
	})
}
