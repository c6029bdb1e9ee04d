package mirror_test

import (
	"strings"
	"testing"

	"lifecycle-sync/models"
)

// TestSync_RemovesUnfitRowsOfAdoptedTables although their hashes equal the source's, with their children.
func TestSync_RemovesUnfitRowsOfAdoptedTables(t *testing.T) {
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

// TestSync_DetectsTriggerOnAnotherTable that the run did not write.
func TestSync_DetectsTriggerOnAnotherTable(t *testing.T) {
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

// TestSync_MirrorsNullNames where both databases allow them.
func TestSync_MirrorsNullNames(t *testing.T) {
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

// TestSync_MirrorsDeeplyNestedJSON deeper than encoding/json parses.
func TestSync_MirrorsDeeplyNestedJSON(t *testing.T) {
	onPostgres(t, func(l *lab) {
		l.small()
		l.change("UPDATE tbl_stage_histori SET performance_metrics = (repeat('[', 6000) || repeat(']', 6000))::jsonb WHERE id = 101")
		l.sync()
		l.equal()
	})
}
