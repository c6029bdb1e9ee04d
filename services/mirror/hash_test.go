package mirror_test

import (
	"fmt"
	"testing"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/database/databasetest"
	"lifecycle-sync/services/mirror"
)

// TestHash_DistinguishesSimilarValues that a server's own hash function or equality takes for the same.
func TestHash_DistinguishesSimilarValues(t *testing.T) {
	each(t, (*lab).tellApart)
}

func (l *lab) tellApart() {
	l.Helper()
	l.small()
	if l.kind == database.Postgres {
		l.change(`CREATE COLLATION insensitive (provider = icu, locale = 'und-u-ks-level2', deterministic = false)`)
		l.change(`ALTER TABLE tbl_produk ALTER COLUMN produk TYPE varchar(255) COLLATE insensitive`)
	}
	for i, c := range []struct{ table, column, from, to string }{
		{"tbl_produk", "harga", "1", "4294967296"},
		{"tbl_produk", "harga", "0", "-1"},
		{"tbl_produk", "harga", "NULL", "0"},
		{"tbl_produk", "produk", "'a'", "'A'"},
		{"tbl_produk", "produk", "'caf\u00e9'", "'cafe\u0301'"},
		{"tbl_produk", "produk", "'a'", "'a '"},
		{"tbl_produk", "produk", "''", "NULL"},
		{"tbl_produk", "created_at", "'2024-01-01 00:00:00.000001+00:00'", "'2024-01-01 00:00:00.000002+00:00'"},
		{"tbl_produk", "tanggal_launch", "'2024-02-28'", "'2024-02-29'"},
		{"tbl_stage_histori", "performance_metrics", "'1'", "'1.00'"},
		{"tbl_stage_histori", "performance_metrics", "'[]'", "'{}'"},
		{"tbl_stage_histori", "performance_metrics", "'null'", "NULL"},
		{"tbl_stage_histori", "performance_metrics", `'"1"'`, "'1'"},
	} {
		set := "UPDATE " + c.table + " SET " + c.column + " = %s WHERE id = (SELECT max(id) FROM " + c.table + ")"
		l.change(fmt.Sprintf(set, c.from))
		l.sync()
		l.change(fmt.Sprintf(set, c.to))
		if _, all := l.verify(); len(all) != 1 || all[0].columns != c.column || all[0].action != mirror.Update {
			l.Errorf("%d: %s from %s to %s: verify found %+v", i, c.column, c.from, c.to, all)
		}
		l.sync()
		l.equal()
	}
}

// TestHash_PortableBetweenServers makes the source's server hash differently: both sides then use the portable hash,
// with the same results.
func TestHash_PortableBetweenServers(t *testing.T) {
	t.Parallel()
	foreign := func(t *testing.T) *lab {
		l := newLab(t, databasetest.Postgres)
		l.change("CREATE FUNCTION hash_record_extended(record, bigint) RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN 42; END'")
		l.change("DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = public, pg_catalog', current_database()); END $$")
		l.wire()
		return l
	}
	t.Run("values", func(t *testing.T) { t.Parallel(); foreign(t).tellApart() })
	t.Run("first load", func(t *testing.T) {
		t.Parallel()
		l := foreign(t)
		l.large()
		l.sync()
		l.equal()
		l.idle()
	})
	for seed := uint64(101); seed <= 104; seed++ {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) { t.Parallel(); foreign(t).live(seed) })
	}
}

// TestHash_DetectsSwappedValues between columns and rows.
func TestHash_DetectsSwappedValues(t *testing.T) {
	each(t, func(l *lab) {
		l.small()
		l.change("UPDATE tbl_produk SET produk = 'x', deskripsi = 'y', pelanggan = NULL WHERE id IN (10, 11)")
		l.change("UPDATE tbl_produk SET produk = 'y', deskripsi = 'x' WHERE id = 11")
		l.sync()
		l.change("UPDATE tbl_produk SET produk = deskripsi, deskripsi = produk WHERE id IN (10, 11)")
		l.change("UPDATE tbl_produk SET pelanggan = produk, produk = NULL WHERE id = 12")
		if got := l.sync()["products"]; got != (models.TableCount{Table: "products", Updated: 3, Unchanged: 37}) {
			l.Errorf("%+v", got)
		}
		l.equal()
	})
}
