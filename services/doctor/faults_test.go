package doctor_test

import (
	"database/sql"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"lifecycle-sync/models"
	mirrordb "lifecycle-sync/repositories/pmo/mirror"
	"lifecycle-sync/services/doctor"
)

// fault is a finding that something wrong must lead to, perhaps once for each of several tables. The cause is SQL in the
// database that the finding is about. The remedy's command repairs it, unless undo does. READER and KEEPER are the roles and
// SLOT is pmo_db's slot.
type fault struct {
	finding       string // the name of the check
	status        doctor.Status
	text, command string // parts
	cause, undo   string // empty if another fault of the round causes it, too
}

// round is faults at the same time. The URLs and the clock are restored after it, and a run is made.
type round struct {
	faults        []fault
	before, after func(l *fixture)
}

const failedRun = `INSERT INTO lifecycle_sync_runs (mode, state, started_at, error_class, error)
	SELECT 'full', 'failed', now(), 'connection', '{"text": {"code": "legacy", "params": {"text": "kabar"}}, "remedy": {"code": "legacy", "params": {"text": "obat"}}}'`

const nothing = "SELECT" // SQL without effect

var rounds = []round{
	{faults: []fault{
		{finding: "source.tables", status: doctor.Problem, text: "doctor.schema_unusable role=READER schema=public table=tbl_",
			command: "GRANT USAGE ON SCHEMA public TO READER", cause: "REVOKE USAGE ON SCHEMA public FROM PUBLIC"},
		{finding: "mirror.tables", status: doctor.Problem, text: "doctor.schema_unusable role=KEEPER schema=public table=",
			command: "GRANT USAGE ON SCHEMA public TO KEEPER", cause: "REVOKE USAGE ON SCHEMA public FROM PUBLIC, KEEPER"},
		{finding: "mirror.migrations", status: doctor.Problem, text: "doctor.not_migrated", command: "lifecycle-sync migrate"},
	}},
	{faults: []fault{
		{finding: "source.tables", status: doctor.Problem, text: "schema.table_missing table=tbl_stage_histori", command: "lifecycle-sync seed",
			cause: "ALTER TABLE tbl_stage_histori RENAME TO gone", undo: "ALTER TABLE gone RENAME TO tbl_stage_histori"},
		{finding: "mirror.vanished", status: doctor.Problem, text: "schema.table_vanished table=tbl_stage_histori"},
		{finding: "source.readable", status: doctor.Problem, text: "schema.table_unreadable role=READER table=tbl_stage", command: "GRANT SELECT ON tbl_stage TO READER",
			cause: "REVOKE SELECT ON tbl_stage FROM READER"},
		{finding: "source.readable", status: doctor.Problem, text: "doctor.rows_hidden table=tbl_produk", command: "ALTER ROLE READER BYPASSRLS",
			cause: "ALTER TABLE tbl_produk ENABLE ROW LEVEL SECURITY"},
		{finding: "source.columns", status: doctor.Problem, text: "schema.column_missing column=tbl_produk.harga", command: "ALTER TABLE tbl_produk ADD COLUMN harga bigint",
			cause: "ALTER TABLE tbl_produk DROP COLUMN harga"},
		{finding: "source.keys", status: doctor.Problem, text: "schema.key_missing table=tbl_produk", command: "ALTER TABLE tbl_produk ADD PRIMARY KEY (id)",
			cause: "ALTER TABLE tbl_produk DROP CONSTRAINT tbl_produk_pkey"},
		{finding: "replication.identity", status: doctor.Note, text: "realtime.no_identity table=tbl_produk", command: "ALTER TABLE tbl_produk ADD PRIMARY KEY (id)"},
		{finding: "source.writing", status: doctor.Note, text: "doctor.api_cannot_write table=tbl_produk", command: "GRANT INSERT, DELETE ON tbl_produk TO READER",
			cause: "REVOKE INSERT, DELETE ON tbl_produk FROM READER"},
		{finding: "source.rights", status: doctor.Note, text: "doctor.excess_privileges role=READER setting=LIFECYCLE_DATABASE_URL table=tbl_segmen",
			command: "REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON tbl_segmen FROM READER", cause: "GRANT INSERT, UPDATE, DELETE, TRUNCATE ON tbl_segmen TO READER"},
		{finding: "source.rights", status: doctor.Note, text: "doctor.role_owns_table role=READER setting=LIFECYCLE_DATABASE_URL table=tbl_kategori",
			cause: "ALTER TABLE tbl_kategori OWNER TO READER", undo: "ALTER TABLE tbl_kategori OWNER TO CURRENT_USER; GRANT SELECT ON tbl_kategori TO READER"},
		{finding: "lifecycle_db.role", status: doctor.Note, text: "doctor.role_replication role=READER", command: "ALTER ROLE READER NOREPLICATION",
			cause: "ALTER ROLE READER REPLICATION"},
		{finding: "pmo_db.role", status: doctor.Note, text: "doctor.role_replication role=KEEPER", command: "ALTER ROLE KEEPER NOREPLICATION",
			cause: "ALTER ROLE KEEPER REPLICATION"},
		{finding: "mirror.migrations", status: doctor.Problem, text: "doctor.schema_newer current=999",
			cause: "INSERT INTO lifecycle_sync_migrations (version_id, is_applied) VALUES (999, true)", undo: "DELETE FROM lifecycle_sync_migrations WHERE version_id = 999"},
		{finding: "mirror.columns", status: doctor.Problem, text: "schema.column_missing column=tbl_produk_lifecycle.harga",
			command: "ALTER TABLE tbl_produk_lifecycle ADD COLUMN harga bigint", cause: "ALTER TABLE tbl_produk_lifecycle DROP COLUMN harga"},
		{finding: "mirror.columns", status: doctor.Problem, text: "schema.column_unknown_not_null column=tbl_stage_lifecycle.baru", command: "ALTER COLUMN baru DROP NOT NULL",
			cause: "ALTER TABLE tbl_stage_lifecycle ADD COLUMN baru integer NOT NULL DEFAULT 1; ALTER TABLE tbl_stage_lifecycle ALTER COLUMN baru DROP DEFAULT"},
		{finding: "mirror.width", status: doctor.Problem, text: "schema.column_too_short column=tbl_produk_lifecycle.deskripsi limit=9000",
			command: "ALTER COLUMN deskripsi TYPE text", cause: "ALTER TABLE tbl_produk_lifecycle ALTER COLUMN deskripsi TYPE varchar(9000)"},
		{finding: "mirror.rights", status: doctor.Problem, text: "schema.table_not_writable role=KEEPER table=tbl_produk_lifecycle",
			command: "GRANT SELECT, INSERT, UPDATE, DELETE ON tbl_produk_lifecycle TO KEEPER", cause: "REVOKE UPDATE ON tbl_produk_lifecycle FROM KEEPER"},
		{finding: "mirror.rights", status: doctor.Problem, text: "doctor.privilege_missing",
			command: "GRANT SELECT, INSERT, UPDATE, DELETE ON lifecycle_attachments TO KEEPER", cause: "REVOKE INSERT ON lifecycle_attachments FROM KEEPER"},
		{finding: "mirror.rights", status: doctor.Problem, text: "doctor.privilege_missing", command: "GRANT TEMPORARY ON DATABASE",
			cause: "DO $$ BEGIN EXECUTE 'REVOKE TEMPORARY ON DATABASE ' || current_database() || ' FROM PUBLIC'; END $$"},
		{finding: "mirror.owner", status: doctor.Note, text: "doctor.other_owner tables=[tbl_segmen_lifecycle]",
			cause: "ALTER TABLE tbl_segmen_lifecycle OWNER TO CURRENT_USER; GRANT ALL ON tbl_segmen_lifecycle TO KEEPER",
			undo:  "ALTER TABLE tbl_segmen_lifecycle OWNER TO KEEPER"},
		{finding: "mirror.foreign_keys", status: doctor.Note, text: "doctor.foreign_key_missing", command: "FOREIGN KEY (id_stage) REFERENCES tbl_stage_lifecycle (id)",
			cause: "ALTER TABLE tbl_produk_lifecycle DROP CONSTRAINT tbl_produk_lifecycle_id_stage_fkey"},
		{finding: "mirror.triggers", status: doctor.Note, text: "doctor.foreign_trigger object=trigger titip on tbl_produk_lifecycle",
			command: "DROP trigger titip on tbl_produk_lifecycle",
			cause:   "CREATE FUNCTION titip() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TRIGGER titip BEFORE INSERT ON tbl_produk_lifecycle FOR EACH ROW EXECUTE FUNCTION titip()"},
		{finding: "mirror.triggers", status: doctor.Note, text: "doctor.foreign_trigger object=rule titip on tbl_stage_lifecycle",
			command: "DROP rule titip on tbl_stage_lifecycle", cause: "CREATE RULE titip AS ON DELETE TO tbl_stage_lifecycle DO ALSO NOTHING"},
		{finding: "mirror.search_index", status: doctor.Note, text: "doctor.search_index_missing", cause: "DROP INDEX tbl_produk_lifecycle_search_trgm", undo: nothing},
		{finding: "sync.last_run", status: doctor.Note, text: "doctor.run_failed class=connection", cause: failedRun, undo: nothing},
	}},
	{before: func(l *fixture) {
		l.exec(l.Source, "UPDATE tbl_stage_histori SET created_at = 'infinity' WHERE id < 3")
		l.sync()
		through := func(u *url.URL) { u.Host = pooler(l, u.Host) }
		l.SourceURL, l.TargetURL = changed(l, l.SourceURL, through), changed(l, l.TargetURL, through)
	}, faults: []fault{
		{finding: "lifecycle_db.pooler", status: doctor.Note, text: "doctor.pooler_no_realtime"},
		{finding: "pmo_db.pooler", status: doctor.Note, text: "doctor.pooler_polls"},
		{finding: "source.keys", status: doctor.Problem, text: "schema.ids_not_unique rows=1 table=tbl_stage",
			cause: "ALTER TABLE tbl_stage RENAME TO base; CREATE VIEW tbl_stage AS SELECT * FROM base UNION ALL SELECT * FROM base WHERE id = 1; GRANT SELECT ON tbl_stage TO READER",
			undo:  "DROP VIEW tbl_stage; ALTER TABLE base RENAME TO tbl_stage"},
		{finding: "replication.identity", status: doctor.Note, text: "realtime.not_a_table table=tbl_stage"},
		{finding: "source.required_values", status: doctor.Note, text: "doctor.required_value_missing column=tbl_produk.produk count=2",
			command: "SELECT id FROM tbl_produk WHERE produk IS NULL", cause: "UPDATE tbl_produk SET produk = NULL WHERE id IN (3, 4)",
			undo: "UPDATE tbl_produk SET produk = 'Kabel' WHERE id IN (3, 4)"},
		{finding: "source.references", status: doctor.Note, text: "doctor.reference_dangling column=tbl_produk.id_stage count=1",
			command: "SELECT id, id_stage FROM tbl_produk", cause: "UPDATE tbl_produk SET id_stage = 99 WHERE id = 3", undo: "UPDATE tbl_produk SET id_stage = 1 WHERE id = 3"},
		{finding: "source.references", status: doctor.Note, text: "doctor.reference_dangling column=tbl_stage_histori.id_produk count=3",
			command: "NOT EXISTS (SELECT 1 FROM tbl_produk", cause: "UPDATE tbl_stage_histori SET id_produk = 0 WHERE id IN (1, 2, 3)",
			undo: "UPDATE tbl_stage_histori SET id_produk = 1 WHERE id IN (1, 2, 3)"},
		{finding: "replication.slots", status: doctor.Problem, text: "doctor.slot_abandoned", command: "SELECT pg_drop_replication_slot('SLOT')",
			cause: "SELECT pg_create_logical_replication_slot('SLOT', 'pgoutput')"},
		{finding: "replication.slots", status: doctor.Problem, text: "doctor.other_slot_abandoned", command: "SELECT pg_drop_replication_slot('SLOT_old')",
			cause: "SELECT pg_create_logical_replication_slot('SLOT_old', 'pgoutput')"},
		{finding: "mirror.tables", status: doctor.Problem, text: "doctor.tables_missing tables=[lifecycle_writes]",
			command: "DELETE FROM lifecycle_sync_migrations WHERE version_id > 0", cause: "DROP TABLE lifecycle_writes"},
		{finding: "mirror.search_index", status: doctor.Note, text: "pmo.trgm_not_allowed", command: "CREATE EXTENSION pg_trgm", cause: "DROP EXTENSION pg_trgm CASCADE"},
		{finding: "sync.quarantine", status: doctor.Note, text: "doctor.quarantine count=2", command: "FROM lifecycle_sync_quarantine"},
		{finding: "sync.last_run", status: doctor.Problem, text: "doctor.run_failed class=mass_delete", cause: strings.Replace(failedRun, "connection", "mass_delete", 1),
			undo: nothing},
		{finding: "sync.left_running", status: doctor.Note, text: "doctor.run_died", command: "lifecycle-sync sync",
			cause: "INSERT INTO lifecycle_sync_runs (mode, state, started_at) VALUES ('full', 'running', now())", undo: nothing},
	}, after: func(l *fixture) {
		l.exec(l.Source, "UPDATE tbl_stage_histori SET created_at = now() WHERE id < 3")
	}},
	{before: func(l *fixture) {
		l.doctor.Now = func() time.Time { return time.Now().Add(time.Minute) }
	}, faults: []fault{
		{finding: "lifecycle_db.clock", status: doctor.Note, text: "doctor.clock_behind"},
		{finding: "pmo_db.clock", status: doctor.Note, text: "doctor.clock_behind"},
		{finding: "lifecycle_db.role", status: doctor.Note, text: "doctor.role_superuser role=READER setting=LIFECYCLE_DATABASE_URL", cause: "ALTER ROLE READER SUPERUSER",
			undo: "ALTER ROLE READER NOSUPERUSER"},
		{finding: "pmo_db.role", status: doctor.Note, text: "doctor.role_superuser role=KEEPER", cause: "ALTER ROLE KEEPER SUPERUSER", undo: "ALTER ROLE KEEPER NOSUPERUSER"},
		{finding: "sync.last_success", status: doctor.Problem, text: "doctor.never_succeeded", command: "lifecycle-sync sync", cause: "DELETE FROM lifecycle_sync_runs",
			undo: nothing},
	}},
	{before: func(l *fixture) {
		l.doctor.Realtime, l.doctor.Now = true, func() time.Time { return time.Now().Add(-time.Minute) }
	}, faults: []fault{
		{finding: "lifecycle_db.clock", status: doctor.Note, text: "doctor.clock_ahead"},
		{finding: "pmo_db.clock", status: doctor.Note, text: "doctor.clock_ahead"},
		{finding: "replication.connection", status: doctor.Problem, text: "doctor.role_cannot_replicate role=READER", command: "ALTER ROLE READER REPLICATION", cause: nothing},
		{finding: "replication.identity", status: doctor.Problem, text: "realtime.no_identity table=tbl_produk", command: "ALTER TABLE tbl_produk REPLICA IDENTITY DEFAULT",
			cause: "ALTER TABLE tbl_produk REPLICA IDENTITY NOTHING"},
		{finding: "replication.identity", status: doctor.Problem, text: "realtime.identity_without_id table=tbl_stage", command: "REPLICA IDENTITY DEFAULT",
			cause: "ALTER TABLE tbl_stage ADD COLUMN code integer NOT NULL DEFAULT 1; CREATE UNIQUE INDEX other ON tbl_stage (code, id); ALTER TABLE tbl_stage REPLICA IDENTITY USING INDEX other"},
		{finding: "replication.publication", status: doctor.Problem, text: "doctor.publication_missing role=READER", command: publish, cause: nothing},
		{finding: "mirror.migrations", status: doctor.Problem, text: "doctor.schema_older current=2", command: "lifecycle-sync migrate",
			cause: "DELETE FROM lifecycle_sync_migrations WHERE version_id > 2", undo: nothing},
	}},
	{faults: []fault{
		{finding: "replication.publication", status: doctor.Problem, text: "lifecycle.publication_incomplete", command: "DROP PUBLICATION lifecycle_sync",
			cause: "ALTER PUBLICATION lifecycle_sync DROP TABLE tbl_stage", undo: "DROP PUBLICATION lifecycle_sync; " + publish},
		{finding: "sync.last_success", status: doctor.Problem, text: "doctor.success_stale", command: "lifecycle-sync sync",
			cause: "UPDATE lifecycle_sync_runs SET started_at = started_at - interval '2 hours'", undo: nothing},
		{finding: "sync.real_time", status: doctor.Problem, text: "doctor.run_failed class=mass_delete",
			cause: strings.NewReplacer("connection", "mass_delete", "'full'", "'realtime'").Replace(failedRun), undo: nothing},
	}},
	{faults: []fault{
		{finding: "source.tables", status: doctor.Problem, text: "doctor.schema_not_searched role=READER schema=other table=tbl_stage",
			command: "ALTER ROLE READER IN DATABASE", cause: "CREATE SCHEMA other; GRANT USAGE ON SCHEMA other TO READER; ALTER TABLE tbl_stage SET SCHEMA other"},
		{finding: "mirror.vanished", status: doctor.Problem, text: "schema.table_vanished table=tbl_stage"},
	}},
}

const publish = "CREATE PUBLICATION lifecycle_sync FOR TABLE tbl_segmen, tbl_stage, tbl_kategori, tbl_produk, tbl_stage_histori"

// database is the one that a finding is about.
func (l *fixture) database(finding string) *sql.DB {
	switch topic, _, _ := strings.Cut(finding, "."); topic {
	case "mirror", "pmo_db", "sync":
		return l.Target
	default:
		return l.Source
	}
}

// TestDiagnose_FindsFaultsAndRepairsThem goes through rounds of faults in one pair, which is healthy before and after all of
// them. A fault that is not repaired is unexpected in the next round.
func TestDiagnose_FindsFaultsAndRepairsThem(t *testing.T) {
	t.Parallel()
	l := newFixture(t)
	l.requireHealthyAndDocumented()
	sourceURL, targetURL := l.SourceURL, l.TargetURL
	for i, r := range rounds {
		if r.before != nil {
			r.before(l)
		}
		for _, f := range r.faults {
			l.exec(l.database(f.finding), f.cause)
		}
		l.repair(i, r.faults)
		l.SourceURL, l.TargetURL, l.doctor.Now = sourceURL, targetURL, time.Now
		if r.after != nil {
			r.after(l)
		}
		l.sync()
	}
	run, err := mirrordb.New(l.Store).BeginRun(t.Context(), models.Run{Mode: models.FullRun, StartedAt: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	defer run.Close()
	findings := l.diagnose()
	if found := issues(findings); len(found) > 0 || !has(of("sync.left_running", findings)[0], doctor.OK, "doctor.active_run", "") {
		t.Errorf("in the end, during a run: %+v", found)
	}
}

// repair finds each fault, and nothing else, and repairs it.
func (l *fixture) repair(i int, faults []fault) {
	l.Helper()
	found := issues(l.diagnose())
	matched := make([]bool, len(found))
	for _, f := range faults {
		at := slices.IndexFunc(found, func(one doctor.Finding) bool {
			return one.Name == f.finding && has(one, f.status, l.named(f.text), l.named(f.command))
		})
		if at < 0 {
			l.Errorf("round %d: no %s %s; the check found %+v", i, f.finding, f.text, of(f.finding, found))
			continue
		}
		for j, one := range found {
			matched[j] = matched[j] || one.Name == f.finding && has(one, f.status, l.named(f.text), "")
		}
		switch {
		case f.undo != "":
			l.exec(l.database(f.finding), f.undo)
		case f.cause != "":
			l.exec(l.database(f.finding), found[at].Remedy.Command)
		}
	}
	for j, one := range found {
		if !matched[j] {
			l.Errorf("round %d: unexpected: %+v", i, one)
		}
	}
	if l.Failed() {
		l.FailNow()
	}
}

func (l *fixture) requireHealthyAndDocumented() {
	l.Helper()
	content, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		l.Fatal(err)
	}
	for _, f := range l.diagnose() {
		want := doctor.OK
		if f.Name == "replication.connection" || f.Name == "replication.publication" {
			want = doctor.Skipped
		}
		if f.Status != want {
			l.Errorf("in health: %+v", f)
		}
		if !strings.Contains(string(content), "`"+f.Name+"`") {
			l.Errorf("docs/operations.md does not explain %s", f.Name)
		}
	}
}
