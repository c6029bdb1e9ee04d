package mirror_test

import (
	"testing"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database/databasetest"
)

// launchPlan is a table that the product does not have.
type launchPlan struct {
	ID        int64        `gorm:"column:id;type:integer;primaryKey;autoIncrement:false"`
	ProductID *int64       `gorm:"column:id_produk;type:integer" mirror:"references:tbl_produk"`
	Title     *string      `gorm:"column:judul;type:text"`
	Due       *models.Date `gorm:"column:tenggat;type:date"`
}

// TestSync_SixthTable adds a table pair: a model, two CREATE TABLEs and one line in the list of tables.
func TestSync_SixthTable(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		l := newLab(t, url)
		l.tables = append(l.tables, models.TableOf[launchPlan]("tbl_rencana", "launch plans", "launch plans"))
		l.change("CREATE TABLE tbl_rencana (id integer PRIMARY KEY, id_produk integer, judul text, tenggat date)")
		l.edit("CREATE TABLE tbl_rencana_lifecycle (id integer PRIMARY KEY, id_produk integer REFERENCES tbl_produk_lifecycle (id), judul text, tenggat date)")
		l.wire()

		l.fillParents(l.tables[5])
		l.change("INSERT INTO tbl_rencana VALUES (1, 1, 'satu', '2024-02-29'), (2, 2, 'dua', NULL), (3, 99, 'tiga', NULL), (4, NULL, NULL, NULL)")
		if got, want := l.sync()["launch_plans"], (models.TableCount{Table: "launch_plans", Inserted: 3, Quarantined: 1}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
		l.equal()
		l.idle()
		// A grandchild follows its product into quarantine and back.
		l.change("UPDATE tbl_segmen SET created_at = 'infinity' WHERE id = 2")
		l.sync()
		l.equal()
		l.change("UPDATE tbl_segmen SET created_at = NULL WHERE id = 2")
		l.sync()
		l.equal()
		l.idle()
	})
}
