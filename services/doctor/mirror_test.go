package doctor_test

import (
	"strings"
	"testing"
	"time"

	"lifecycle-sync/models"
	mirrordb "lifecycle-sync/repositories/pmo/mirror"
	"lifecycle-sync/services/doctor"
)

var mirrorFaults = []fault{
	{name: "newer schema", target: "INSERT INTO lifecycle_sync_migrations (version_id, is_applied) VALUES (999, true)", finding: "mirror.migrations", status: doctor.Problem,
		text: "doctor.schema_newer current=999", command: "", fix: func(l *fixture) { l.execTarget("DELETE FROM lifecycle_sync_migrations WHERE version_id = 999") }},
	{name: "older schema", target: "DELETE FROM lifecycle_sync_migrations WHERE version_id > 2", finding: "mirror.migrations", status: doctor.Problem,
		text: "doctor.schema_older current=2", command: "lifecycle-sync migrate", fix: (*fixture).migrate},
	{name: "table dropped", target: "DROP TABLE lifecycle_writes", finding: "mirror.tables", status: doctor.Problem,
		text: "doctor.tables_missing tables=[lifecycle_writes]", command: "DELETE FROM lifecycle_sync_migrations WHERE version_id > 0", fix: func(l *fixture) {
			l.execTarget("DELETE FROM lifecycle_sync_migrations WHERE version_id > 0")
			l.migrate()
		}},
	{name: "schema closed", target: "REVOKE USAGE ON SCHEMA public FROM PUBLIC, KEEPER", finding: "mirror.tables", status: doctor.Problem,
		text: "doctor.schema_unusable role=KEEPER schema=public table=lifecycle_sync_runs", command: "GRANT USAGE ON SCHEMA public TO KEEPER", also: []string{"mirror.tables", "mirror.migrations"}},
	{name: "column missing", target: "ALTER TABLE tbl_produk_lifecycle DROP COLUMN harga", finding: "mirror.columns", status: doctor.Problem,
		text: "schema.column_missing column=tbl_produk_lifecycle.harga", command: "ALTER TABLE tbl_produk_lifecycle ADD COLUMN harga bigint"},
	{name: "no key", target: "ALTER TABLE tbl_stage_histori_lifecycle DROP CONSTRAINT tbl_stage_histori_lifecycle_pkey", finding: "mirror.columns", status: doctor.Problem,
		text: "schema.key_missing table=tbl_stage_histori_lifecycle", command: "ADD PRIMARY KEY (id)"},
	{name: "unknown column NOT NULL", target: "ALTER TABLE tbl_stage_lifecycle ADD COLUMN baru integer NOT NULL DEFAULT 1; ALTER TABLE tbl_stage_lifecycle ALTER COLUMN baru DROP DEFAULT",
		finding: "mirror.columns", status: doctor.Problem, text: "schema.column_unknown_not_null column=tbl_stage_lifecycle.baru", command: "ALTER COLUMN baru DROP NOT NULL"},
	{name: "narrower", target: "ALTER TABLE tbl_produk_lifecycle ALTER COLUMN deskripsi TYPE varchar(9000)", finding: "mirror.width", status: doctor.Problem,
		text: "schema.column_too_short column=tbl_produk_lifecycle.deskripsi limit=9000", command: "ALTER COLUMN deskripsi TYPE text"},
	{name: "rounds", target: "ALTER TABLE tbl_produk_lifecycle ALTER COLUMN updated_at TYPE timestamptz(0)", finding: "mirror.width", status: doctor.Problem,
		text: "schema.column_rounds column=tbl_produk_lifecycle.updated_at", command: "ALTER COLUMN updated_at TYPE timestamptz"},
	{name: "may not write", target: "REVOKE UPDATE ON tbl_produk_lifecycle FROM KEEPER", finding: "mirror.rights", status: doctor.Problem,
		text: "schema.table_not_writable role=KEEPER table=tbl_produk_lifecycle", command: "GRANT SELECT, INSERT, UPDATE, DELETE ON tbl_produk_lifecycle TO KEEPER"},
	{name: "may not write beside", target: "REVOKE INSERT ON lifecycle_attachments FROM KEEPER", finding: "mirror.rights", status: doctor.Problem,
		text: "doctor.privilege_missing", command: "GRANT SELECT, INSERT, UPDATE, DELETE ON lifecycle_attachments TO KEEPER"},
	{name: "no temporary tables", target: "DO $$ BEGIN EXECUTE 'REVOKE TEMPORARY ON DATABASE ' || current_database() || ' FROM PUBLIC'; END $$", finding: "mirror.rights",
		status: doctor.Problem, text: "doctor.privilege_missing", command: "GRANT TEMPORARY ON DATABASE"},
	{name: "another owner", target: "ALTER TABLE tbl_segmen_lifecycle OWNER TO CURRENT_USER; GRANT ALL ON tbl_segmen_lifecycle TO KEEPER", finding: "mirror.owner", status: doctor.Note,
		text: "doctor.other_owner tables=[tbl_segmen_lifecycle]", command: "", fix: func(l *fixture) { l.execTarget("ALTER TABLE tbl_segmen_lifecycle OWNER TO " + l.keeper) }},
	{name: "foreign key missing", target: "ALTER TABLE tbl_produk_lifecycle DROP CONSTRAINT tbl_produk_lifecycle_id_stage_fkey", finding: "mirror.foreign_keys", status: doctor.Note,
		text: "doctor.foreign_key_missing", command: "FOREIGN KEY (id_stage) REFERENCES tbl_stage_lifecycle (id)"},
	{name: "trigger", finding: "mirror.triggers", status: doctor.Note, text: "doctor.foreign_trigger object=trigger titip on tbl_produk_lifecycle", command: "DROP trigger titip on tbl_produk_lifecycle",
		target: "CREATE FUNCTION titip() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TRIGGER titip BEFORE INSERT ON tbl_produk_lifecycle FOR EACH ROW EXECUTE FUNCTION titip()"},
	{name: "rule", target: "CREATE RULE titip AS ON DELETE TO tbl_stage_lifecycle DO ALSO NOTHING", finding: "mirror.triggers", status: doctor.Note,
		text: "doctor.foreign_trigger object=rule titip on tbl_stage_lifecycle", command: "DROP rule titip on tbl_stage_lifecycle"},
	{name: "no search index", target: "DROP INDEX tbl_produk_lifecycle_search_trgm", finding: "mirror.search_index", status: doctor.Note,
		text: "doctor.search_index_missing", command: "", fix: (*fixture).indexSearch},
	{name: "no extension", target: "DROP EXTENSION pg_trgm CASCADE", finding: "mirror.search_index", status: doctor.Note,
		text: "pmo.trgm_not_allowed", command: "CREATE EXTENSION pg_trgm", fix: func(l *fixture) {
			l.execTarget("CREATE EXTENSION pg_trgm")
			l.indexSearch()
		}},
	{name: "mirrored table gone", source: "ALTER TABLE tbl_kategori RENAME TO gone", finding: "mirror.vanished", status: doctor.Problem,
		text: "schema.table_vanished table=tbl_kategori", command: "", fix: func(l *fixture) { l.execSource("ALTER TABLE gone RENAME TO tbl_kategori") }},
	{name: "superuser", target: "ALTER ROLE KEEPER SUPERUSER", finding: "pmo_db.role", status: doctor.Note,
		text: "doctor.role_superuser role=KEEPER", command: "", fix: func(l *fixture) { l.execTarget("ALTER ROLE " + l.keeper + " NOSUPERUSER") }},
	{name: "may replicate", target: "ALTER ROLE KEEPER REPLICATION", finding: "pmo_db.role", status: doctor.Note,
		text: "doctor.role_replication role=KEEPER", command: "ALTER ROLE KEEPER NOREPLICATION"},
}

func TestDiagnose_FindsFaultsInTheMirror(t *testing.T) {
	t.Parallel()
	testFaults(t, mirrorFaults, nil)
}

var runFaults = []fault{
	{name: "never", target: "DELETE FROM lifecycle_sync_runs", finding: "sync.last_success", status: doctor.Problem,
		text: "doctor.never_succeeded", command: "lifecycle-sync sync", fix: (*fixture).sync},
	{name: "stale", target: "UPDATE lifecycle_sync_runs SET started_at = started_at - interval '2 hours'", finding: "sync.last_success", status: doctor.Problem,
		text: "doctor.success_stale", command: "lifecycle-sync sync", fix: (*fixture).sync},
	{name: "stopped by the guard", target: failedRun("mass_delete"), finding: "sync.last_run", status: doctor.Problem, text: "doctor.run_failed class=mass_delete", command: "", fix: (*fixture).sync},
	{name: "connection broke", target: failedRun("connection"), finding: "sync.last_run", status: doctor.Note, text: "doctor.run_failed class=connection", command: "", fix: (*fixture).sync},
	{name: "follower stopped", target: strings.Replace(failedRun("mass_delete"), "'full'", "'realtime'", 1), finding: "sync.real_time", status: doctor.Problem,
		text: "doctor.run_failed class=mass_delete", command: "", fix: (*fixture).sync},
	{name: "process died", target: "INSERT INTO lifecycle_sync_runs (mode, state, started_at) VALUES ('full', 'running', now())", finding: "sync.left_running", status: doctor.Note,
		text: "doctor.run_died", command: "lifecycle-sync sync", fix: (*fixture).sync},
}

func failedRun(class string) string {
	return "INSERT INTO lifecycle_sync_runs (mode, state, started_at, error_class, error) VALUES ('full', 'failed', now(), '" +
		class + `', '{"text": {"code": "legacy", "params": {"text": "kabar"}}, "remedy": {"code": "legacy", "params": {"text": "obat"}}}')`
}

func TestDiagnose_FindsFailedAndStaleRuns(t *testing.T) {
	t.Parallel()
	testFaults(t, runFaults, nil)
}

func TestDiagnose_CountsQuarantinedRows(t *testing.T) {
	t.Parallel()
	l := newFixture(t)
	l.execSource("UPDATE tbl_stage_histori SET created_at = 'infinity' WHERE id < 3")
	l.sync()
	found := issues(l.diagnose())
	if len(found) != 1 || found[0].Name != "sync.quarantine" || !has(found[0], doctor.Note, "doctor.quarantine count=2", "FROM lifecycle_sync_quarantine") {
		t.Fatalf("%+v", found)
	}
	l.execSource("UPDATE tbl_stage_histori SET created_at = now() WHERE id < 3")
	l.sync()
	l.requireHealthy()
}

func TestDiagnose_ARunInProgressIsNoIssue(t *testing.T) {
	t.Parallel()
	l := newFixture(t)
	run, err := mirrordb.New(l.Store).BeginRun(t.Context(), models.Run{Mode: models.FullRun, StartedAt: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	defer run.Close()
	if found := named(l.diagnose(), "sync.left_running"); !has(found[0], doctor.OK, "doctor.active_run", "") {
		t.Errorf("%+v", found)
	}
}
