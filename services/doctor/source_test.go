package doctor_test

import (
	"testing"

	"lifecycle-sync/services/doctor"
)

var sourceFaults = []fault{
	{name: "table missing", source: "ALTER TABLE tbl_stage_histori RENAME TO gone", finding: "source.tables", status: doctor.Problem,
		says: "missing: tbl_stage_histori", remedy: "LIFECYCLE_DATABASE_URL", also: []string{"mirror.vanished"},
		mend: func(l *lab) { l.inSource("ALTER TABLE gone RENAME TO tbl_stage_histori") }},
	{name: "schema closed", source: "REVOKE USAGE ON SCHEMA public FROM PUBLIC", finding: "source.tables", status: doctor.Problem,
		says: "tbl_segmen lies in the schema public, which", remedy: "GRANT USAGE ON SCHEMA public TO READER",
		also: []string{"source.tables", "mirror.vanished"}, after: func(l *lab) { l.inSource("GRANT USAGE ON SCHEMA public TO PUBLIC") }},
	{name: "table in another schema", source: "CREATE SCHEMA other; GRANT USAGE ON SCHEMA other TO READER; ALTER TABLE tbl_stage SET SCHEMA other",
		finding: "source.tables", status: doctor.Problem, says: "tbl_stage lies in the schema other, where", remedy: "ALTER ROLE READER IN DATABASE",
		also: []string{"mirror.vanished"}, after: func(l *lab) {
			l.connect() // the setting is that of new sessions
			l.healthy()
			l.inSource("ALTER TABLE other.tbl_stage SET SCHEMA public", "DROP SCHEMA other")
		}},
	{name: "may not be read", source: "REVOKE SELECT ON tbl_stage FROM READER", finding: "source.readable", status: doctor.Problem,
		says: "tbl_stage may not be read", remedy: "GRANT SELECT ON tbl_stage TO READER"},
	{name: "rows hidden", source: "ALTER TABLE tbl_produk ENABLE ROW LEVEL SECURITY", finding: "source.readable", status: doctor.Problem,
		says: "hide rows of tbl_produk", remedy: "ALTER ROLE READER BYPASSRLS"},
	{name: "column missing", source: "ALTER TABLE tbl_produk DROP COLUMN harga", finding: "source.columns", status: doctor.Problem,
		says: "tbl_produk.harga is missing", remedy: "ALTER TABLE tbl_produk ADD COLUMN harga bigint"},
	{name: "column of another type", source: "ALTER TABLE tbl_produk ALTER COLUMN harga TYPE numeric", finding: "source.columns", status: doctor.Problem,
		says: "tbl_produk.harga is numeric instead of bigint", remedy: "ALTER TABLE tbl_produk ALTER COLUMN harga TYPE bigint"},
	{name: "no key", source: "ALTER TABLE tbl_produk DROP CONSTRAINT tbl_produk_pkey", finding: "source.keys", status: doctor.Problem,
		says: "tbl_produk has no primary key on id", remedy: "ALTER TABLE tbl_produk ADD PRIMARY KEY (id)", also: []string{"replication.identity"}},
	{name: "view with ids twice", finding: "source.keys", status: doctor.Problem, says: "1 of its rows", remedy: "id is unique", also: []string{"replication.identity", "source.writing"},
		source: "ALTER TABLE tbl_stage RENAME TO base; CREATE VIEW tbl_stage AS SELECT * FROM base UNION ALL SELECT * FROM base WHERE id = 1; GRANT SELECT ON tbl_stage TO READER",
		mend:   func(l *lab) { l.inSource("DROP VIEW tbl_stage", "ALTER TABLE base RENAME TO tbl_stage") }},
	{name: "required value missing", source: "UPDATE tbl_produk SET produk = NULL WHERE id IN (3, 4)", finding: "source.required_values", status: doctor.Note,
		says: "tbl_produk.produk is NULL in 2 rows", remedy: "SELECT id FROM tbl_produk WHERE produk IS NULL",
		mend: func(l *lab) { l.inSource("UPDATE tbl_produk SET produk = 'Kabel' WHERE id IN (3, 4)") }},
	{name: "dangling reference", source: "UPDATE tbl_produk SET id_stage = 99 WHERE id = 3", finding: "source.references", status: doctor.Note,
		says: "tbl_produk.id_stage refers to nothing in 1 rows", remedy: "SELECT id, id_stage FROM tbl_produk",
		mend: func(l *lab) { l.inSource("UPDATE tbl_produk SET id_stage = 1 WHERE id = 3") }},
	{name: "dangling product", source: "UPDATE tbl_stage_histori SET id_produk = 0 WHERE id IN (1, 2, 3)", finding: "source.references", status: doctor.Note,
		says: "tbl_stage_histori.id_produk refers to nothing in 3 rows", remedy: "NOT EXISTS (SELECT 1 FROM tbl_produk",
		mend: func(l *lab) { l.inSource("UPDATE tbl_stage_histori SET id_produk = 1 WHERE id IN (1, 2, 3)") }},
	{name: "API cannot write", source: "REVOKE INSERT, DELETE ON tbl_produk FROM READER", finding: "source.writing", status: doctor.Note,
		says: "cannot write to tbl_produk", remedy: "GRANT INSERT, DELETE ON tbl_produk TO READER"},
	{name: "may do too much", source: "GRANT INSERT, UPDATE, DELETE, TRUNCATE ON tbl_segmen TO READER", finding: "source.rights", status: doctor.Note,
		says: "more to tbl_segmen", remedy: "REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON tbl_segmen FROM READER"},
	{name: "owns a table", source: "ALTER TABLE tbl_segmen OWNER TO READER", finding: "source.rights", status: doctor.Note,
		says: "owns tbl_segmen", remedy: "docs/operations.md",
		mend: func(l *lab) {
			l.inSource("ALTER TABLE tbl_segmen OWNER TO CURRENT_USER", "REVOKE ALL ON tbl_segmen FROM "+l.reader, "GRANT SELECT ON tbl_segmen TO "+l.reader)
		}},
	{name: "superuser", source: "ALTER ROLE READER SUPERUSER", finding: "lifecycle_db.role", status: doctor.Note,
		says: "is a superuser", remedy: "docs/operations.md", mend: func(l *lab) { l.inSource("ALTER ROLE " + l.reader + " NOSUPERUSER") }},
	{name: "may replicate", source: "ALTER ROLE READER REPLICATION", finding: "lifecycle_db.role", status: doctor.Note,
		says: "may replicate", remedy: "ALTER ROLE READER NOREPLICATION"},
	{name: "slot left behind", source: "SELECT pg_create_logical_replication_slot('SLOT', 'pgoutput')",
		finding: "replication.slots", status: doctor.Problem, says: "nobody follows it, and SYNC_REALTIME is off", remedy: "SELECT pg_drop_replication_slot('SLOT')"},
	{name: "slot of a pmo_db that is gone", source: "SELECT pg_create_logical_replication_slot('SLOT_old', 'pgoutput')",
		finding: "replication.slots", status: doctor.Problem, says: "nobody follows it for another pmo_db", remedy: "SELECT pg_drop_replication_slot('SLOT_old')"},
	{name: "no replica identity", source: "ALTER TABLE tbl_produk REPLICA IDENTITY NOTHING", finding: "replication.identity", status: doctor.Note,
		says: "refuses every UPDATE and DELETE", remedy: "ALTER TABLE tbl_produk REPLICA IDENTITY DEFAULT"},
}

func TestSourceFaults(t *testing.T) {
	t.Parallel()
	tests(t, sourceFaults, nil)
}

const publish = "CREATE PUBLICATION lifecycle_sync FOR TABLE tbl_segmen, tbl_stage, tbl_kategori, tbl_produk, tbl_stage_histori"

var realtimeFaults = []fault{
	{name: "may not replicate", source: "ALTER ROLE READER NOREPLICATION", finding: "replication.connection", status: doctor.Problem,
		says: "may not replicate", remedy: "ALTER ROLE READER REPLICATION"},
	{name: "no replica identity", source: "ALTER TABLE tbl_produk REPLICA IDENTITY NOTHING", finding: "replication.identity", status: doctor.Problem,
		says: "tbl_produk has no replica identity", remedy: "REPLICA IDENTITY DEFAULT"},
	{name: "identity without id", source: "ALTER TABLE tbl_stage ADD COLUMN code integer NOT NULL DEFAULT 1; CREATE UNIQUE INDEX other ON tbl_stage (code, id); ALTER TABLE tbl_stage REPLICA IDENTITY USING INDEX other",
		finding: "replication.identity", status: doctor.Problem, says: "replica identity without id", remedy: "REPLICA IDENTITY DEFAULT"},
	{name: "no key", source: "ALTER TABLE tbl_produk DROP CONSTRAINT tbl_produk_pkey", finding: "replication.identity", status: doctor.Problem,
		says: "tbl_produk has no replica identity", remedy: "ADD PRIMARY KEY (id)", also: []string{"source.keys"}},
	{name: "nobody follows", source: "SELECT pg_create_logical_replication_slot('SLOT', 'pgoutput')",
		finding: "replication.slots", status: doctor.Note, says: "nobody follows it at the moment", remedy: "sync --follow",
		mend: func(l *lab) { l.inSource("SELECT pg_drop_replication_slot('" + l.slot + "')") }},
	{name: "not published", source: "DROP PUBLICATION lifecycle_sync", finding: "replication.publication", status: doctor.Problem,
		says: "READER may not do that", remedy: "CREATE PUBLICATION lifecycle_sync FOR TABLE tbl_segmen, tbl_stage, tbl_kategori, tbl_produk, tbl_stage_histori"},
	{name: "published in part", source: "ALTER PUBLICATION lifecycle_sync DROP TABLE tbl_stage", finding: "replication.publication", status: doctor.Problem,
		says: "leaves out tbl_stage", remedy: "DROP PUBLICATION lifecycle_sync; CREATE PUBLICATION lifecycle_sync FOR TABLE",
		mend: func(l *lab) { l.inSource("DROP PUBLICATION lifecycle_sync", publish) }},
}

// TestRealtimeFaults lets the same things be problems when the source's log is to be followed.
func TestRealtimeFaults(t *testing.T) {
	t.Parallel()
	tests(t, realtimeFaults, func(l *lab) {
		l.options.Realtime = true
		l.inSource("ALTER ROLE "+l.reader+" REPLICATION", publish)
	})
}
