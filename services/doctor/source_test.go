package doctor_test

import (
	"testing"

	"lifecycle-sync/services/doctor"
)

var sourceFaults = []fault{
	{name: "table missing", source: "ALTER TABLE tbl_stage_histori RENAME TO gone", finding: "source.tables", status: doctor.Problem,
		text: "schema.table_missing table=tbl_stage_histori", command: "lifecycle-sync seed", also: []string{"mirror.vanished"},
		fix: func(l *fixture) { l.execSource("ALTER TABLE gone RENAME TO tbl_stage_histori") }},
	{name: "schema closed", source: "REVOKE USAGE ON SCHEMA public FROM PUBLIC", finding: "source.tables", status: doctor.Problem,
		text: "doctor.schema_unusable role=READER schema=public table=tbl_segmen", command: "GRANT USAGE ON SCHEMA public TO READER",
		also: []string{"source.tables", "mirror.vanished"}, after: func(l *fixture) { l.execSource("GRANT USAGE ON SCHEMA public TO PUBLIC") }},
	{name: "table in another schema", source: "CREATE SCHEMA other; GRANT USAGE ON SCHEMA other TO READER; ALTER TABLE tbl_stage SET SCHEMA other",
		finding: "source.tables", status: doctor.Problem, text: "doctor.schema_not_searched role=READER schema=other table=tbl_stage", command: "ALTER ROLE READER IN DATABASE",
		also: []string{"mirror.vanished"}, after: func(l *fixture) {
			l.connect() // the setting is that of new sessions
			l.requireHealthy()
			l.execSource("ALTER TABLE other.tbl_stage SET SCHEMA public", "DROP SCHEMA other")
		}},
	{name: "may not be read", source: "REVOKE SELECT ON tbl_stage FROM READER", finding: "source.readable", status: doctor.Problem,
		text: "schema.table_unreadable role=READER table=tbl_stage", command: "GRANT SELECT ON tbl_stage TO READER"},
	{name: "rows hidden", source: "ALTER TABLE tbl_produk ENABLE ROW LEVEL SECURITY", finding: "source.readable", status: doctor.Problem,
		text: "doctor.rows_hidden table=tbl_produk", command: "ALTER ROLE READER BYPASSRLS"},
	{name: "column missing", source: "ALTER TABLE tbl_produk DROP COLUMN harga", finding: "source.columns", status: doctor.Problem,
		text: "schema.column_missing column=tbl_produk.harga", command: "ALTER TABLE tbl_produk ADD COLUMN harga bigint"},
	{name: "column of another type", source: "ALTER TABLE tbl_produk ALTER COLUMN harga TYPE numeric", finding: "source.columns", status: doctor.Problem,
		text: "schema.column_type column=tbl_produk.harga have=numeric want=bigint", command: "ALTER TABLE tbl_produk ALTER COLUMN harga TYPE bigint"},
	{name: "no key", source: "ALTER TABLE tbl_produk DROP CONSTRAINT tbl_produk_pkey", finding: "source.keys", status: doctor.Problem,
		text: "schema.key_missing table=tbl_produk", command: "ALTER TABLE tbl_produk ADD PRIMARY KEY (id)", also: []string{"replication.identity"}},
	{name: "view with ids twice", finding: "source.keys", status: doctor.Problem, text: "schema.ids_not_unique rows=1 table=tbl_stage", command: "", also: []string{"replication.identity", "source.writing"},
		source: "ALTER TABLE tbl_stage RENAME TO base; CREATE VIEW tbl_stage AS SELECT * FROM base UNION ALL SELECT * FROM base WHERE id = 1; GRANT SELECT ON tbl_stage TO READER",
		fix:    func(l *fixture) { l.execSource("DROP VIEW tbl_stage", "ALTER TABLE base RENAME TO tbl_stage") }},
	{name: "required value missing", source: "UPDATE tbl_produk SET produk = NULL WHERE id IN (3, 4)", finding: "source.required_values", status: doctor.Note,
		text: "doctor.required_value_missing column=tbl_produk.produk count=2", command: "SELECT id FROM tbl_produk WHERE produk IS NULL",
		fix: func(l *fixture) { l.execSource("UPDATE tbl_produk SET produk = 'Kabel' WHERE id IN (3, 4)") }},
	{name: "dangling reference", source: "UPDATE tbl_produk SET id_stage = 99 WHERE id = 3", finding: "source.references", status: doctor.Note,
		text: "doctor.reference_dangling column=tbl_produk.id_stage count=1", command: "SELECT id, id_stage FROM tbl_produk",
		fix: func(l *fixture) { l.execSource("UPDATE tbl_produk SET id_stage = 1 WHERE id = 3") }},
	{name: "dangling product", source: "UPDATE tbl_stage_histori SET id_produk = 0 WHERE id IN (1, 2, 3)", finding: "source.references", status: doctor.Note,
		text: "doctor.reference_dangling column=tbl_stage_histori.id_produk count=3", command: "NOT EXISTS (SELECT 1 FROM tbl_produk",
		fix: func(l *fixture) { l.execSource("UPDATE tbl_stage_histori SET id_produk = 1 WHERE id IN (1, 2, 3)") }},
	{name: "API cannot write", source: "REVOKE INSERT, DELETE ON tbl_produk FROM READER", finding: "source.writing", status: doctor.Note,
		text: "doctor.api_cannot_write table=tbl_produk", command: "GRANT INSERT, DELETE ON tbl_produk TO READER"},
	{name: "may do too much", source: "GRANT INSERT, UPDATE, DELETE, TRUNCATE ON tbl_segmen TO READER", finding: "source.rights", status: doctor.Note,
		text: "doctor.excess_privileges role=READER setting=LIFECYCLE_DATABASE_URL table=tbl_segmen", command: "REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON tbl_segmen FROM READER"},
	{name: "owns a table", source: "ALTER TABLE tbl_segmen OWNER TO READER", finding: "source.rights", status: doctor.Note,
		text: "doctor.role_owns_table role=READER setting=LIFECYCLE_DATABASE_URL table=tbl_segmen", command: "",
		fix: func(l *fixture) {
			l.execSource("ALTER TABLE tbl_segmen OWNER TO CURRENT_USER", "REVOKE ALL ON tbl_segmen FROM "+l.reader, "GRANT SELECT ON tbl_segmen TO "+l.reader)
		}},
	{name: "superuser", source: "ALTER ROLE READER SUPERUSER", finding: "lifecycle_db.role", status: doctor.Note,
		text: "doctor.role_superuser role=READER setting=LIFECYCLE_DATABASE_URL", command: "", fix: func(l *fixture) { l.execSource("ALTER ROLE " + l.reader + " NOSUPERUSER") }},
	{name: "may replicate", source: "ALTER ROLE READER REPLICATION", finding: "lifecycle_db.role", status: doctor.Note,
		text: "doctor.role_replication role=READER", command: "ALTER ROLE READER NOREPLICATION"},
	{name: "slot left behind", source: "SELECT pg_create_logical_replication_slot('SLOT', 'pgoutput')",
		finding: "replication.slots", status: doctor.Problem, text: "doctor.slot_abandoned", command: "SELECT pg_drop_replication_slot('SLOT')"},
	{name: "slot of a pmo_db that is gone", source: "SELECT pg_create_logical_replication_slot('SLOT_old', 'pgoutput')",
		finding: "replication.slots", status: doctor.Problem, text: "doctor.other_slot_abandoned", command: "SELECT pg_drop_replication_slot('SLOT_old')"},
	{name: "no replica identity", source: "ALTER TABLE tbl_produk REPLICA IDENTITY NOTHING", finding: "replication.identity", status: doctor.Note,
		text: "realtime.no_identity table=tbl_produk", command: "ALTER TABLE tbl_produk REPLICA IDENTITY DEFAULT"},
}

func TestDiagnose_FindsFaultsInTheSource(t *testing.T) {
	t.Parallel()
	testFaults(t, sourceFaults, nil)
}

const publish = "CREATE PUBLICATION lifecycle_sync FOR TABLE tbl_segmen, tbl_stage, tbl_kategori, tbl_produk, tbl_stage_histori"

var realtimeFaults = []fault{
	{name: "may not replicate", source: "ALTER ROLE READER NOREPLICATION", finding: "replication.connection", status: doctor.Problem,
		text: "doctor.role_cannot_replicate role=READER", command: "ALTER ROLE READER REPLICATION"},
	{name: "no replica identity", source: "ALTER TABLE tbl_produk REPLICA IDENTITY NOTHING", finding: "replication.identity", status: doctor.Problem,
		text: "realtime.no_identity table=tbl_produk", command: "ALTER TABLE tbl_produk REPLICA IDENTITY DEFAULT"},
	{name: "identity without id", source: "ALTER TABLE tbl_stage ADD COLUMN code integer NOT NULL DEFAULT 1; CREATE UNIQUE INDEX other ON tbl_stage (code, id); ALTER TABLE tbl_stage REPLICA IDENTITY USING INDEX other",
		finding: "replication.identity", status: doctor.Problem, text: "realtime.identity_without_id table=tbl_stage", command: "REPLICA IDENTITY DEFAULT"},
	{name: "no key", source: "ALTER TABLE tbl_produk DROP CONSTRAINT tbl_produk_pkey", finding: "replication.identity", status: doctor.Problem,
		text: "realtime.no_identity table=tbl_produk", command: "ALTER TABLE tbl_produk ADD PRIMARY KEY (id)", also: []string{"source.keys"}},
	{name: "nobody follows", source: "SELECT pg_create_logical_replication_slot('SLOT', 'pgoutput')",
		finding: "replication.slots", status: doctor.Note, text: "doctor.slot_inactive", command: "",
		fix: func(l *fixture) { l.execSource("SELECT pg_drop_replication_slot('" + l.slot + "')") }},
	{name: "not published", source: "DROP PUBLICATION lifecycle_sync", finding: "replication.publication", status: doctor.Problem,
		text: "doctor.publication_missing role=READER", command: "CREATE PUBLICATION lifecycle_sync FOR TABLE tbl_segmen, tbl_stage, tbl_kategori, tbl_produk, tbl_stage_histori"},
	{name: "published in part", source: "ALTER PUBLICATION lifecycle_sync DROP TABLE tbl_stage", finding: "replication.publication", status: doctor.Problem,
		text: "lifecycle.publication_incomplete", command: "DROP PUBLICATION lifecycle_sync",
		fix: func(l *fixture) { l.execSource("DROP PUBLICATION lifecycle_sync", publish) }},
}

func TestDiagnose_FindsWhatRealtimeSyncLacks(t *testing.T) {
	t.Parallel()
	testFaults(t, realtimeFaults, func(l *fixture) {
		l.options.Realtime = true
		l.execSource("ALTER ROLE "+l.reader+" REPLICATION", publish)
	})
}
