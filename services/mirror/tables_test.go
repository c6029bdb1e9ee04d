package mirror_test

import (
	"testing"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/services/mirror"
)

// TestSync_WithAndWithoutCategories mirrors a source without tbl_kategori, which is added later.
func TestSync_WithAndWithoutCategories(t *testing.T) {
	both(t, func(l *fixture) {
		l.change("DROP TABLE tbl_kategori")
		if l.kind == database.Postgres { // named by another script
			l.edit(`ALTER TABLE tbl_produk_lifecycle RENAME CONSTRAINT tbl_produk_lifecycle_id_kategori_fkey TO "fk Kategori"`)
		}
		l.fill(l.Tables[0], 1, parentRows)
		l.fill(l.Tables[1], 1, parentRows)
		l.fill(l.Tables[3], 1, 40)
		if got := l.sync(); got["products"].Inserted != 40 || len(got) != 4 {
			l.Fatalf("%+v", got)
		}
		l.idle()
		if l.keys()["fk Kategori"] != "" {
			l.Error("the products still have a foreign key to the categories")
		}
		l.change("CREATE TABLE tbl_kategori (id integer PRIMARY KEY, kategori varchar NOT NULL, created_at " + on(l, "timestamptz", "timestamp") +
			", updated_at " + on(l, "timestamptz", "timestamp") + ", icon_light varchar, icon_dark varchar)")
		l.change("INSERT INTO tbl_kategori (id, kategori) VALUES (1, 'satu'), (2, 'dua')")
		// A third of the products has category 3, which is not there.
		l.refusedDeletes(13)
		l.change("INSERT INTO tbl_kategori (id, kategori) VALUES (3, 'tiga')")
		l.sync()
		l.idle()
		if l.kind == database.Postgres && l.keys()["tbl_produk_lifecycle_id_kategori_fkey"] == "" {
			l.Error("the foreign key to the categories was not added")
		}
	})
}

// keys returns the definitions of the mirror's foreign keys and indexes by name.
func (l *fixture) keys() map[string]string {
	l.Helper()
	query := on(l, `SELECT conname, conrelid::regclass || ' ' || pg_get_constraintdef(oid) || ' ' || convalidated FROM pg_constraint WHERE conrelid::regclass::text LIKE '%_lifecycle'
		UNION ALL SELECT indexname, indexdef FROM pg_indexes WHERE tablename LIKE '%_lifecycle'`,
		"SELECT name, coalesce(sql, '') FROM sqlite_schema WHERE tbl_name LIKE '%_lifecycle' AND type = 'index'")
	return pairs[string, string](l, query)
}

// launchPlan is a table that does not exist in the product.
type launchPlan struct {
	ID        int64        `gorm:"column:id;type:integer;primaryKey;autoIncrement:false"`
	ProductID *int64       `gorm:"column:id_produk;type:integer" mirror:"references:tbl_produk"`
	Title     *string      `gorm:"column:judul;type:text"`
	Due       *models.Date `gorm:"column:tenggat;type:date"`
}

// TestSync_SixthTable adds a table pair: a model, two CREATE TABLEs and one line in the list of tables.
func TestSync_SixthTable(t *testing.T) {
	both(t, func(l *fixture) {
		l.Tables = append(l.Tables, models.TableOf[launchPlan]("tbl_rencana", "launch plans", "launch plans"))
		l.change("CREATE TABLE tbl_rencana (id integer PRIMARY KEY, id_produk integer, judul text, tenggat date)")
		l.edit("CREATE TABLE tbl_rencana_lifecycle (id integer PRIMARY KEY, id_produk integer REFERENCES tbl_produk_lifecycle (id), judul text, tenggat date)")
		l.Connect(l.SourceURL, l.TargetURL)

		for _, table := range l.Tables[:4] {
			l.fill(table, 1, parentRows)
		}
		l.change("INSERT INTO tbl_rencana VALUES (1, 1, 'satu', '2024-02-29'), (2, 2, 'dua', NULL), (3, 99, 'tiga', NULL), (4, NULL, NULL, NULL)")
		if got, want := l.sync()["launch_plans"], (models.TableCount{Table: "launch_plans", Inserted: 3, Quarantined: 1}); got != want {
			l.Errorf("got %+v, want %+v", got, want)
		}
		l.idle()
		// A grandchild follows its product into quarantine and back.
		l.change("UPDATE tbl_segmen SET created_at = 'infinity' WHERE id = 2")
		l.syncEqual()
		l.change("UPDATE tbl_segmen SET created_at = NULL WHERE id = 2")
		l.sync()
		l.idle()
	})
}

// TestSource_ViewAndPartitionedTable uses a view with unique ids. Verify cannot tell when its rows were written.
func TestSource_ViewAndPartitionedTable(t *testing.T) {
	onPostgres(t, func(l *fixture) {
		l.small()
		l.change("ALTER TABLE tbl_produk RENAME TO produk_asli")
		l.change("CREATE VIEW tbl_produk AS SELECT * FROM produk_asli")
		l.change("ALTER TABLE tbl_stage_histori RENAME TO histori_asli")
		l.change("CREATE TABLE tbl_stage_histori (LIKE histori_asli) PARTITION BY RANGE (id)")
		l.change("ALTER TABLE tbl_stage_histori ADD PRIMARY KEY (id)")
		l.change("CREATE TABLE histori_1 PARTITION OF tbl_stage_histori FOR VALUES FROM (0) TO (120)")
		l.change("CREATE TABLE histori_2 PARTITION OF tbl_stage_histori FOR VALUES FROM (120) TO (MAXVALUE)")
		l.change("INSERT INTO tbl_stage_histori SELECT * FROM histori_asli")
		l.sync()
		l.idle()
		l.change("UPDATE produk_asli SET harga = 12345 WHERE id = 7")
		if _, all := l.verify(); len(all) != 1 || all[0].cause != mirror.Unknown {
			l.Errorf("%v", all)
		}
		l.change("UPDATE tbl_stage_histori SET catatan = 'lain' WHERE id IN (101, 150)")
		l.sync()
		l.idle()
		l.change("CREATE OR REPLACE VIEW tbl_produk AS SELECT * FROM produk_asli UNION ALL SELECT * FROM produk_asli WHERE id = 7")
		l.refused(models.Schema, "tbl_produk")
	})
}
