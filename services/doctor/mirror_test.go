package doctor_test

import (
	"strings"
	"testing"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/services/doctor"
)

var mirrorFaults = []fault{
	{name: "newer schema", target: "INSERT INTO lifecycle_sync_migrations (version_id, is_applied) VALUES (999, true)", finding: "mirror.migrations", status: doctor.Problem,
		says: "version 999, newer than", remedy: "newer lifecycle-sync", mend: func(l *lab) { l.inTarget("DELETE FROM lifecycle_sync_migrations WHERE version_id = 999") }},
	{name: "older schema", target: "DELETE FROM lifecycle_sync_migrations WHERE version_id > 2", finding: "mirror.migrations", status: doctor.Problem,
		says: "of version 2, and this binary needs", remedy: "lifecycle-sync migrate", mend: (*lab).migrate},
	{name: "table dropped", target: "DROP TABLE lifecycle_writes", finding: "mirror.tables", status: doctor.Problem,
		says: "missing: lifecycle_writes", remedy: "DELETE FROM lifecycle_sync_migrations WHERE version_id > 0", mend: func(l *lab) {
			l.inTarget("DELETE FROM lifecycle_sync_migrations WHERE version_id > 0")
			l.migrate()
		}},
	{name: "schema closed", target: "REVOKE USAGE ON SCHEMA public FROM PUBLIC, KEEPER", finding: "mirror.tables", status: doctor.Problem,
		says: "lifecycle_sync_runs lies in the schema public, which", remedy: "GRANT USAGE ON SCHEMA public TO KEEPER", also: []string{"mirror.tables", "mirror.migrations"}},
	{name: "column missing", target: "ALTER TABLE tbl_produk_lifecycle DROP COLUMN harga", finding: "mirror.columns", status: doctor.Problem,
		says: "tbl_produk_lifecycle.harga is missing", remedy: "ALTER TABLE tbl_produk_lifecycle ADD COLUMN harga bigint"},
	{name: "no key", target: "ALTER TABLE tbl_stage_histori_lifecycle DROP CONSTRAINT tbl_stage_histori_lifecycle_pkey", finding: "mirror.columns", status: doctor.Problem,
		says: "has no primary key on id", remedy: "ADD PRIMARY KEY (id)"},
	{name: "unknown column NOT NULL", target: "ALTER TABLE tbl_stage_lifecycle ADD COLUMN baru integer NOT NULL DEFAULT 1; ALTER TABLE tbl_stage_lifecycle ALTER COLUMN baru DROP DEFAULT",
		finding: "mirror.columns", status: doctor.Problem, says: "tbl_stage_lifecycle.baru is NOT NULL", remedy: "ALTER COLUMN baru DROP NOT NULL"},
	{name: "narrower", target: "ALTER TABLE tbl_produk_lifecycle ALTER COLUMN deskripsi TYPE varchar(9000)", finding: "mirror.width", status: doctor.Problem,
		says: "tbl_produk_lifecycle.deskripsi holds 9000 characters", remedy: "ALTER COLUMN deskripsi TYPE text"},
	{name: "rounds", target: "ALTER TABLE tbl_produk_lifecycle ALTER COLUMN updated_at TYPE timestamptz(0)", finding: "mirror.width", status: doctor.Problem,
		says: "would round", remedy: "ALTER COLUMN updated_at TYPE timestamptz"},
	{name: "may not write", target: "REVOKE UPDATE ON tbl_produk_lifecycle FROM KEEPER", finding: "mirror.rights", status: doctor.Problem,
		says: "may not read and write tbl_produk_lifecycle", remedy: "GRANT SELECT, INSERT, UPDATE, DELETE ON tbl_produk_lifecycle TO KEEPER"},
	{name: "may not write beside", target: "REVOKE INSERT ON lifecycle_attachments FROM KEEPER", finding: "mirror.rights", status: doctor.Problem,
		says: "ON lifecycle_attachments", remedy: "GRANT SELECT, INSERT, UPDATE, DELETE ON lifecycle_attachments TO KEEPER"},
	{name: "no temporary tables", target: "DO $$ BEGIN EXECUTE 'REVOKE TEMPORARY ON DATABASE ' || current_database() || ' FROM PUBLIC'; END $$", finding: "mirror.rights",
		status: doctor.Problem, says: "lacks TEMPORARY ON DATABASE", remedy: "GRANT TEMPORARY ON DATABASE"},
	{name: "another owner", target: "ALTER TABLE tbl_segmen_lifecycle OWNER TO CURRENT_USER; GRANT ALL ON tbl_segmen_lifecycle TO KEEPER", finding: "mirror.owner", status: doctor.Note,
		says: "another role owns tbl_segmen_lifecycle", remedy: "owner's work", mend: func(l *lab) { l.inTarget("ALTER TABLE tbl_segmen_lifecycle OWNER TO " + l.keeper) }},
	{name: "foreign key missing", target: "ALTER TABLE tbl_produk_lifecycle DROP CONSTRAINT tbl_produk_lifecycle_id_stage_fkey", finding: "mirror.foreign_keys", status: doctor.Note,
		says: "a foreign key is missing", remedy: "FOREIGN KEY (id_stage) REFERENCES tbl_stage_lifecycle (id)"},
	{name: "trigger", finding: "mirror.triggers", status: doctor.Note, says: "trigger titip on tbl_produk_lifecycle", remedy: "DROP trigger titip on tbl_produk_lifecycle",
		target: "CREATE FUNCTION titip() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TRIGGER titip BEFORE INSERT ON tbl_produk_lifecycle FOR EACH ROW EXECUTE FUNCTION titip()"},
	{name: "rule", target: "CREATE RULE titip AS ON DELETE TO tbl_stage_lifecycle DO ALSO NOTHING", finding: "mirror.triggers", status: doctor.Note,
		says: "rule titip on tbl_stage_lifecycle", remedy: "DROP rule titip on tbl_stage_lifecycle"},
	{name: "no search index", target: "DROP INDEX tbl_produk_lifecycle_search_trgm", finding: "mirror.search_index", status: doctor.Note,
		says: "not there yet", remedy: "lifecycle-sync serve", mend: (*lab).indexSearch},
	{name: "no extension", target: "DROP EXTENSION pg_trgm CASCADE", finding: "mirror.search_index", status: doctor.Note,
		says: "may not create the extension pg_trgm", remedy: "CREATE EXTENSION pg_trgm", mend: func(l *lab) {
			l.inTarget("CREATE EXTENSION pg_trgm")
			l.indexSearch()
		}},
	{name: "mirrored table gone", source: "ALTER TABLE tbl_kategori RENAME TO gone", finding: "mirror.vanished", status: doctor.Problem,
		says: "tbl_kategori is no longer in lifecycle_db", remedy: "Bring it back", mend: func(l *lab) { l.inSource("ALTER TABLE gone RENAME TO tbl_kategori") }},
	{name: "superuser", target: "ALTER ROLE KEEPER SUPERUSER", finding: "pmo_db.role", status: doctor.Note,
		says: "is a superuser", remedy: "docs/operations.md", mend: func(l *lab) { l.inTarget("ALTER ROLE " + l.keeper + " NOSUPERUSER") }},
	{name: "may replicate", target: "ALTER ROLE KEEPER REPLICATION", finding: "pmo_db.role", status: doctor.Note,
		says: "may replicate", remedy: "ALTER ROLE KEEPER NOREPLICATION"},
}

func TestMirrorFaults(t *testing.T) {
	t.Parallel()
	tests(t, mirrorFaults, nil)
}

func (l *lab) migrate() {
	l.Helper()
	if _, err := l.options.Store.Migrate(l.Context()); err != nil {
		l.Fatal(err)
	}
}

func (l *lab) indexSearch() {
	l.Helper()
	if _, err := l.options.Store.IndexSearch(l.Context()); err != nil {
		l.Fatal(err)
	}
}

var runFaults = []fault{
	{name: "never", target: "DELETE FROM lifecycle_sync_runs", finding: "sync.last_success", status: doctor.Problem,
		says: "no run has succeeded yet", remedy: "lifecycle-sync sync", mend: (*lab).sync},
	{name: "stale", target: "UPDATE lifecycle_sync_runs SET started_at = started_at - interval '2 hours'", finding: "sync.last_success", status: doctor.Problem,
		says: "SYNC_STALE_AFTER is 1h0m0s", remedy: "lifecycle-sync sync", mend: (*lab).sync},
	{name: "stopped by the guard", target: failedRun("mass_delete"), finding: "sync.last_run", status: doctor.Problem, says: "failed: kabar (mass_delete)", remedy: "obat", mend: (*lab).sync},
	{name: "connection broke", target: failedRun("connection"), finding: "sync.last_run", status: doctor.Note, says: "failed: kabar (connection)", remedy: "obat", mend: (*lab).sync},
	{name: "follower stopped", target: strings.Replace(failedRun("mass_delete"), "'full'", "'realtime'", 1), finding: "sync.real_time", status: doctor.Problem,
		says: "failed: kabar (mass_delete)", remedy: "obat", mend: (*lab).sync},
	{name: "process died", target: "INSERT INTO lifecycle_sync_runs (mode, state, started_at) VALUES ('full', 'running', now())", finding: "sync.left_running", status: doctor.Note,
		says: "its process has died", remedy: "lifecycle-sync sync", mend: (*lab).sync},
}

func failedRun(class string) string {
	return "INSERT INTO lifecycle_sync_runs (mode, state, started_at, error_class, error_message, error_remedy) VALUES ('full', 'failed', now(), '" +
		class + "', 'kabar', 'obat')"
}

func TestRunFaults(t *testing.T) {
	t.Parallel()
	tests(t, runFaults, nil)
}

// TestQuarantine counts what the last run has put there.
func TestQuarantine(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.inSource("UPDATE tbl_stage_histori SET created_at = 'infinity' WHERE id < 3")
	l.sync()
	found := sick(l.examine())
	if len(found) != 1 || found[0].Name != "sync.quarantine" || found[0].Message != "2 rows are in quarantine, and not in the mirror" {
		t.Fatalf("%+v", found)
	}
	l.inSource("UPDATE tbl_stage_histori SET created_at = now() WHERE id < 3")
	l.sync()
	l.healthy()
}

// TestUnderWay leaves a run alone whose process lives.
func TestUnderWay(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	run, err := l.options.Store.BeginRun(t.Context(), models.Run{Mode: models.FullRun, StartedAt: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	defer run.Close()
	if found := named(l.examine(), "sync.left_running"); found[0].Status != doctor.OK {
		t.Errorf("%+v", found)
	}
}
