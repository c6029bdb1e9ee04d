package mirror_test

import (
	"strings"
	"testing"

	"lifecycle-sync/models"
	"lifecycle-sync/services/mirror"
)

// TestSource_View is mirrored while its ids are unique. Verify cannot tell when its rows were written.
func TestSource_View(t *testing.T) {
	onPostgres(t, func(l *lab) {
		l.small()
		l.change("ALTER TABLE tbl_produk RENAME TO produk_asli")
		l.change("CREATE VIEW tbl_produk AS SELECT * FROM produk_asli")
		l.sync()
		l.equal()
		l.idle()
		l.change("UPDATE produk_asli SET harga = 12345 WHERE id = 7")
		if _, all := l.verify(); len(all) != 1 || all[0].cause != mirror.Unknown {
			l.Errorf("%v", all)
		}
		l.sync()
		l.change("CREATE OR REPLACE VIEW tbl_produk AS SELECT * FROM produk_asli UNION ALL SELECT * FROM produk_asli WHERE id = 7")
		if e := l.refused(models.Schema); !strings.Contains(rendered(e), "tbl_produk") {
			l.Errorf("%v", e)
		}
	})
}

func TestSource_PartitionedTable(t *testing.T) {
	onPostgres(t, func(l *lab) {
		l.small()
		l.change("ALTER TABLE tbl_stage_histori RENAME TO histori_asli")
		l.change("CREATE TABLE tbl_stage_histori (LIKE histori_asli) PARTITION BY RANGE (id)")
		l.change("ALTER TABLE tbl_stage_histori ADD PRIMARY KEY (id)")
		l.change("CREATE TABLE histori_1 PARTITION OF tbl_stage_histori FOR VALUES FROM (0) TO (120)")
		l.change("CREATE TABLE histori_2 PARTITION OF tbl_stage_histori FOR VALUES FROM (120) TO (MAXVALUE)")
		l.change("INSERT INTO tbl_stage_histori SELECT * FROM histori_asli")
		l.sync()
		l.equal()
		l.change("UPDATE tbl_stage_histori SET catatan = 'lain' WHERE id IN (101, 150)")
		l.sync()
		l.equal()
		l.idle()
	})
}
