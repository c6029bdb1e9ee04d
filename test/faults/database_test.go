package faults_test

import (
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/testdb"
)

func TestDatabase_LockConnectionTerminated(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	run, release := s.startBlockedRun()
	s.exec(s.target, `SELECT pg_terminate_backend(pid) FROM pg_locks
		WHERE locktype = 'advisory' AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`)
	release()
	run.Ends(0, "⏳ pmo_db: ", "(attempt 2)")
	s.wantRetry()
	s.wantRecovery()
}

func TestDatabase_RetryYieldsToNewerRun(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	direct := s.Environ
	source, _ := s.throughLinks()
	run, release := s.startBlockedRun()
	source.Cut()
	release()
	run.Says("(attempt 2)")
	s.Environ = direct
	s.syncWhenFree() // between two attempts of the first run
	source.Restore()
	run.Ends(4, "has started since", "(busy)")
	s.wantRecovery()
}

func TestDatabase_CommitNotAcknowledged(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.exec(s.target, `CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_advisory_xact_lock(42); RETURN NULL; END'`)
	s.exec(s.target, `CREATE CONSTRAINT TRIGGER wait AFTER UPDATE ON lifecycle_sync_runs DEFERRABLE INITIALLY DEFERRED
		FOR EACH ROW WHEN (NEW.state = 'succeeded') EXECUTE FUNCTION wait()`)
	_, target := s.throughLinks()
	s.Set("NETWORK_TIMEOUT=1s")
	s.change()
	release, awaited := kit.Lock(s, s.target, "SELECT pg_advisory_xact_lock(42)")
	run := s.Begin("sync")
	s.Eventually("the run commits", awaited)
	target.AddFaults(testdb.LoseResponses)
	release()
	s.Eventually("the run has succeeded", func() bool { return s.lastRun().state == "succeeded" })
	changes := s.mirrorRows()
	run.Says("⏳ pmo_db has not responded for 1 s")
	target.RemoveFaults()
	run.Ends(0, "🎉")
	s.wantUnchanged(changes)
	s.wantRun(outcome{"succeeded", "", 1})
	s.wantRecovery()
}

func TestDatabase_Deadlock(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	// The server must choose the run as the victim.
	s.exec(s.target, `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET deadlock_timeout = ''3s''', current_database()); END $$`)
	s.change()
	other, err := s.target.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Rollback() }()
	for _, statement := range []string{"SET LOCAL deadlock_timeout = '10min'", "LOCK TABLE tbl_produk_lifecycle IN ROW EXCLUSIVE MODE"} {
		if _, err := other.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	run := s.Begin("sync")
	s.Eventually("the run waits", func() bool {
		return s.number(s.target, "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'tbl_produk_lifecycle'::regclass") > 0
	})
	if _, err := other.Exec("LOCK TABLE tbl_segmen_lifecycle IN ROW EXCLUSIVE MODE"); err != nil { // granted when the server has ended the run
		t.Fatal(err)
	}
	if err := other.Rollback(); err != nil {
		t.Fatal(err)
	}
	run.Ends(0, "⏳ pmo_db: a concurrent transaction was in the way (SQLSTATE 40P01). Retrying in ")
	s.wantRetry()
	s.wantRecovery()
}

func TestDatabase_SerializationFailure(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.exec(s.target, "CREATE SEQUENCE failures")
	s.exec(s.target, `CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN IF nextval('failures') <= 2 THEN RAISE EXCEPTION USING ERRCODE = '40001'; END IF; RETURN NULL; END $$`)
	s.exec(s.target, "CREATE TRIGGER fail AFTER UPDATE ON tbl_produk_lifecycle FOR EACH STATEMENT EXECUTE FUNCTION fail()")
	s.change()
	s.Begin("sync").Ends(0, "(SQLSTATE 40001). Retrying in ", "(attempt 3)")
	s.wantRun(outcome{"succeeded", "", 3})
	s.exec(s.target, "DROP TRIGGER fail ON tbl_produk_lifecycle")
	s.wantRecovery()
}

func TestDatabase_LockedTable(t *testing.T) {
	t.Parallel()
	type lockedTable struct{ where, lock, says string }
	for _, c := range kit.Daily(t, 1, []lockedTable{
		{"pmo_db", "LOCK TABLE tbl_produk_lifecycle IN ROW EXCLUSIVE MODE", "pmo_db: another session has locked tbl_produk_lifecycle for more than 10"},
		{"pmo_db", "LOCK TABLE tbl_segmen_lifecycle IN ACCESS EXCLUSIVE MODE", "pmo_db: another session has locked tbl_segmen_lifecycle for more than 10"},
		{"lifecycle_db", "LOCK TABLE tbl_produk IN ACCESS EXCLUSIVE MODE", "lifecycle_db: another session has locked tbl_produk for more than 10"},
	}...) {
		t.Run(c.lock, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			before := s.mirrorRows()
			s.Set("SYNC_RETRY_TIME=0s")
			s.change()
			release, _ := kit.Lock(s, map[string]*sql.DB{"pmo_db": s.target, "lifecycle_db": s.source}[c.where], c.lock)
			s.Begin("sync").Ends(1, "❌ "+c.says, "(timeout)")
			s.wantRun(outcome{"failed", "timeout", 1})
			release()
			s.wantUnchanged(before)
			s.wantRecovery()
		})
	}
}

func TestDatabase_StatementTimeout(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.exec(s.target, `CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(1.5); RETURN NULL; END $$`)
	s.exec(s.target, "CREATE TRIGGER dawdle AFTER UPDATE ON tbl_produk_lifecycle FOR EACH STATEMENT EXECUTE FUNCTION dawdle()")
	for _, db := range []*sql.DB{s.source, s.target} {
		s.exec(db, `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET statement_timeout = ''1s''', current_database()); END $$`)
	}
	s.change()
	s.Command("sync")
	s.exec(s.target, "DROP TRIGGER dawdle ON tbl_produk_lifecycle")
	s.wantRecovery()
}

func TestDatabase_DiskFull(t *testing.T) {
	t.Parallel()
	kit.Rare(t)
	server := testdb.NewCluster(t)
	resize := server.SmallDisk(t, "small", 48)
	s := siteOn(t, testdb.Postgres(t), server.Database(t, "TABLESPACE small"))
	before := s.mirrorRows()
	const noise = "(SELECT string_agg(md5(random()::text || i), '') FROM generate_series(1, 60000) AS i)" // does not compress
	s.exec(s.source, "UPDATE tbl_produk SET deskripsi = "+noise)
	s.Begin("sync").Ends(1, "❌ pmo_db: the server's disk is full", "Free space", "(connection)")
	s.wantRun(outcome{"failed", "connection", 1})
	s.wantUnchanged(before)

	v := s.serve()
	for full := false; !full; { // until not even a page is left
		_, err := s.target.Exec("CREATE TABLE IF NOT EXISTS filler AS SELECT 1 AS n; INSERT INTO filler SELECT generate_series(1, 2000)")
		full = err != nil
	}
	text, err := json.Marshal(map[string]any{"produk": "Uji", "id_kategori": 1, "id_segmen": 1, "id_stage": 1, "deskripsi": random(8000)})
	if err != nil {
		t.Fatal(err)
	}
	if status := v.send(http.MethodPost, "/products", string(text), "Idempotency-Key", "uji"); status != http.StatusServiceUnavailable {
		t.Errorf("a write: %d\n%s", status, v)
	}
	if n := s.number(s.source, "SELECT count(*) FROM tbl_produk WHERE produk = 'Uji'"); n != 0 {
		t.Errorf("%d products", n)
	}
	resize(400)
	if status := v.send(http.MethodPost, "/products", string(text), "Idempotency-Key", "uji"); status != http.StatusCreated {
		t.Errorf("the same write with free space: %d\n%s", status, v)
	}
	v.end()
	s.wantRecovery()
}

// random returns a text that does not compress.
func random(length int) string {
	var text strings.Builder
	for text.Len() < length {
		text.WriteString(rand.Text())
	}
	return text.String()[:length]
}

func TestDatabase_StandbyConflict(t *testing.T) {
	t.Parallel()
	kit.Rare(t)
	primary := testdb.NewCluster(t)
	source, target := primary.Database(t), testdb.Postgres(t)
	s := siteOn(t, source, target)
	standby := primary.Standby(t, "max_standby_streaming_delay=0")
	replica := testdb.Open(t, standby.At(source))
	s.UseDatabases(standby.At(source), target)
	arrived := func(query string) {
		t.Helper()
		s.Eventually("the standby follows", func() bool { return s.number(replica, query) > 0 })
	}

	s.exec(s.source, "UPDATE tbl_produk SET harga = 7 WHERE id = 1")
	arrived("SELECT count(*) FROM tbl_produk WHERE id = 1 AND harga = 7")
	s.Command("sync")
	s.Command("verify")

	s.exec(s.source, "UPDATE tbl_produk SET harga = 8 WHERE id = 1")
	arrived("SELECT count(*) FROM tbl_produk WHERE id = 1 AND harga = 8")
	release, awaited := kit.Lock(s, s.target, "LOCK TABLE tbl_produk_lifecycle IN ROW EXCLUSIVE MODE")
	run := s.Begin("sync")
	s.Eventually("the run waits", awaited)
	s.exec(s.source, "ALTER TABLE tbl_produk ADD COLUMN catatan_baru text") // the standby must cancel the run to replay it
	arrived("SELECT count(*) FROM information_schema.columns WHERE column_name = 'catatan_baru'")
	release()
	run.Ends(0, "⏳ lifecycle_db: a concurrent transaction was in the way (SQLSTATE 40001). Retrying in ")
	s.wantRetry()
	s.wantRecovery()

	// The API cannot write to a standby, and it cannot hold the mirror.
	v := s.serve()
	if status := v.send(http.MethodPost, "/products", uji); status != http.StatusForbidden {
		t.Errorf("a write on a standby: %d\n%s", status, v)
	}
	v.end()
	s.UseDatabases(source, standby.At(source))
	refused := s.Begin("sync")
	refused.Ends(1, "❌ pmo_db is read-only", "name the primary, not a replica", "(permission)")
	if strings.Contains(refused.String(), "Retrying in ") {
		t.Errorf("was retried:\n%s", refused)
	}
}
