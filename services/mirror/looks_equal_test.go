package mirror_test

import (
	"strings"
	"testing"

	"lifecycle-sync/models"
)

// TestUnfitOnBothSides keeps a row out of the mirror that an adopted table already held, equal to the
// source's and yet unfit: its hashes agree, and still it must go, with its children.
func TestUnfitOnBothSides(t *testing.T) {
	onPostgres(t, func(l *lab) {
		l.small()
		l.sync()
		l.change("UPDATE tbl_produk SET updated_at = 'infinity' WHERE id = 7")
		l.edit("UPDATE tbl_produk_lifecycle SET updated_at = 'infinity' WHERE id = 7")
		if verdict, _ := l.verify(); verdict.Equal {
			l.Error("verify takes an unfit row for equal")
		}
		if n := l.sync()["products"].Quarantined; n != 1 {
			l.Errorf("%d products in quarantine, must be 1", n)
		}
		l.equal()
		l.idle()
	})
}

// TestTriggerOnAnotherTable finds what a trigger changed where the run wrote nothing.
func TestTriggerOnAnotherTable(t *testing.T) {
	onPostgres(t, func(l *lab) {
		l.small()
		l.sync()
		l.edit(`CREATE FUNCTION usil() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE tbl_stage_lifecycle SET icon_dark = 'x' WHERE id = 1; RETURN NULL; END $$`)
		l.edit(`CREATE TRIGGER usil AFTER UPDATE ON tbl_produk_lifecycle FOR EACH STATEMENT EXECUTE FUNCTION usil()`)
		l.idle()
		l.change("UPDATE tbl_produk SET harga = 5 WHERE id = 7")
		if e := l.refused(models.Constraint); !strings.Contains(rendered(e), "tbl_stage_lifecycle does not equal") {
			l.Errorf("%v", e)
		}
	})
}

// TestNullName mirrors a name that the field's schema does not let be NULL, where both databases do.
func TestNullName(t *testing.T) {
	onPostgres(t, func(l *lab) {
		l.small()
		l.change("ALTER TABLE tbl_segmen ALTER COLUMN segmen DROP NOT NULL")
		l.change("UPDATE tbl_segmen SET segmen = NULL WHERE id = 1")
		if e := l.refused(models.Schema); !strings.Contains(rendered(e), "ALTER TABLE tbl_segmen_lifecycle ALTER COLUMN segmen DROP NOT NULL") {
			l.Fatalf("%v", e)
		}
		l.edit("ALTER TABLE tbl_segmen_lifecycle ALTER COLUMN segmen DROP NOT NULL")
		l.sync()
		l.equal()
		l.idle()
	})
}

// TestDeepDocument mirrors a document that is nested deeper than Go's own reader goes.
func TestDeepDocument(t *testing.T) {
	onPostgres(t, func(l *lab) {
		l.small()
		l.change("UPDATE tbl_stage_histori SET performance_metrics = (repeat('[', 6000) || repeat(']', 6000))::jsonb WHERE id = 101")
		l.sync()
		l.equal()
	})
}
