package faults_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"lifecycle-sync/test/kit/testdb"
)

// throughPooler makes the program connect through a pooler. settings are lines of its configuration.
func (s *site) throughPooler(source, target string, settings ...string) {
	s.Helper()
	p := testdb.NewPooler(s, []string{source, target}, settings...)
	s.UseDatabases(p.At(source), p.At(target))
}

// TestPooler_RunsAndAPI uses poolers that refuse the session's settings, ignore them, and have sessions that differ.
func TestPooler_RunsAndAPI(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	source, target := s.SourceURL, s.TargetURL
	const ignored = "ignore_startup_parameters=extra_float_digits,statement_timeout,lock_timeout,idle_in_transaction_session_timeout,idle_session_timeout," +
		"default_transaction_isolation,default_transaction_deferrable,exit_on_error,bytea_output,intervalstyle,transform_null_equals,quote_all_identifiers," +
		"array_nulls,gin_fuzzy_search_limit,transaction_timeout"
	const differing = "database:connect_query='SELECT set_config(v[1], v[2], false) FROM (VALUES (ARRAY[''statement_timeout'', ''150'']), (ARRAY[''bytea_output'', ''escape'']), " +
		"(ARRAY[''standard_conforming_strings'', ''off'']), (ARRAY[''datestyle'', ''German'']), (ARRAY[''intervalstyle'', ''iso_8601'']), " +
		"(ARRAY[''default_transaction_isolation'', ''serializable'']), (ARRAY[''quote_all_identifiers'', ''on''])) AS t(v) WHERE pg_backend_pid() % 2 = 0'"
	for i, settings := range [][]string{nil, {ignored}, {ignored, differing}} {
		s.throughPooler(source, target, settings...)
		for _, command := range []string{"sync --dry-run", "sync --mode incremental", "sync", "verify"} {
			if command != "verify" {
				s.change()
			}
			s.Command(strings.Fields(command)...)
		}
		v := s.serve()
		product := s.number(s.source, "SELECT max(id) FROM tbl_produk")
		for request, want := range map[string]int{
			"GET /products?search=a%5Cb%27c&sort=harga&limit=5": http.StatusOK, "GET /dashboard": http.StatusOK, "GET /sync": http.StatusOK,
			"GET /products/export.csv": http.StatusOK, fmt.Sprint("GET /products/", product): http.StatusOK, "GET /stage-history": http.StatusOK,
		} {
			method, path, _ := strings.Cut(request, " ")
			if status := v.send(method, path, ""); status != want {
				t.Errorf("pooler %d: %s: %d\n%s", i, request, status, v)
			}
		}
		if status := v.send(http.MethodPost, "/products", uji, "Idempotency-Key", fmt.Sprint("pooler ", i)); status != http.StatusCreated {
			t.Errorf("pooler %d: a write: %d\n%s", i, status, v)
		}
		for _, page := range []string{"/", "/products", "/stage-history", "/sync", "/sync/changes", "/sync/quarantine"} {
			if status, _, err := do(v.Address(), http.MethodGet, page, ""); err != nil || status != http.StatusOK {
				t.Errorf("pooler %d: page %s: %d %v", i, page, status, err)
			}
		}
		v.end()
	}
	run, release := s.forkBlockedRun("sync")
	before := s.mirrorRows()
	run.End(syscall.SIGKILL)
	release()
	s.wantUnchanged(before)
	s.wantRecovery()
}

// TestPooler_MigratesAndLoads creates the tables through a pooler, by two processes at once, and fills them from a snapshot that two
// sessions share.
func TestPooler_MigratesAndLoads(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.exec(s.source, "INSERT INTO tbl_produk (produk, id_stage, deskripsi) SELECT 'Uji', 1, rpad('', 700, 'nilai ' || g) FROM generate_series(1, 1400) g")
	s.exec(s.source, "ALTER TABLE tbl_produk SET (fillfactor = 10)")
	s.exec(s.source, "VACUUM FULL tbl_produk")
	if size := s.number(s.source, "SELECT pg_relation_size('tbl_produk')"); size < 8<<20 {
		t.Fatalf("the source has %d bytes: too few for the load by COPY", size)
	}
	s.throughPooler(s.SourceURL, testdb.Postgres(t))
	first, second := s.Begin("migrate"), s.Begin("migrate")
	first.Ends(0)
	second.Ends(0)
	s.Command("sync")
	s.Command("verify")
}

// TestPooler_SettingsOfARole gives the role hostile settings. Of the timeouts, one ends also the statement that switches it off.
func TestPooler_SettingsOfARole(t *testing.T) {
	t.Parallel()
	w := newWalk(newSite(t))
	w.connect = func() { w.throughPooler(w.sourceURL, w.targetURL) }
	hostile := w.hostileSettings("150")
	delete(hostile, "idle_session_timeout") // ends the pooler's own connections
	w.narrow(batch(hostile, rand.New(rand.NewPCG(seed, 1))))
	w.useAPI()
	w.wantRecovery()
}

// TestPooler_RealTimeAndNotifications need direct URLs; without them real-time sync says so, and other processes' writes are found by
// polling.
func TestPooler_RealTimeAndNotifications(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	source, target := s.SourceURL, s.TargetURL
	s.throughPooler(source, target)
	v := s.serve("SYNC_REALTIME=true")
	s.Eventually("real-time sync is refused", func() bool {
		_, answer, err := do(v.Address(), http.MethodGet, api+"/sync", "")
		return err == nil && strings.Contains(answer, `"state":"unavailable"`) && strings.Contains(answer, "LIFECYCLE_DIRECT_URL")
	})
	if n := s.number(s.source, "SELECT count(*) FROM pg_replication_slots WHERE database = current_database()"); n != 0 {
		t.Errorf("%d slots that nothing follows", n)
	}
	s.wantServed(v, 4711)
	v.end()
	doctor := s.Begin("doctor")
	doctor.Ends(1, "LIFECYCLE_DIRECT_URL", "PMO_DIRECT_URL", "up to 1 s late")

	s.Set("LIFECYCLE_DIRECT_URL="+source, "PMO_DIRECT_URL="+target)
	v = s.serve("SYNC_REALTIME=true")
	s.wantMirrored(4712)
	s.Begin("doctor").Ends(0, "bypasses it")
	v.end()
	s.Set("LIFECYCLE_DIRECT_URL=" + target)
	s.Begin("doctor").Ends(1, "leads to a different database")
	s.Set("SYNC_REALTIME=false", "LIFECYCLE_DIRECT_URL=")
	s.wantRecovery()
}

// wantServed changes a price, lets another process mirror it, and waits until the server, which caches responses, answers with it.
func (s *site) wantServed(v *server, price int64) {
	s.Helper()
	answer := func() string {
		_, answer, err := do(v.Address(), http.MethodGet, api+"/products/1", "")
		if err != nil {
			s.Fatal(err)
		}
		return answer
	}
	answer()
	s.exec(s.source, "UPDATE tbl_produk SET harga = $1 WHERE id = 1", price)
	s.Begin("sync").Ends(0)
	s.Eventually("the server answers with the price", func() bool { return strings.Contains(answer(), fmt.Sprint(price)) })
}
