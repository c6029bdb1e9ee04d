package mirror_test

import (
	"maps"
	"testing"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	mirrordb "lifecycle-sync/repositories/pmo/mirror"
	"lifecycle-sync/services/mirror"
	"lifecycle-sync/test/kit"
)

// large fills the source with more than the 8 MB above which an empty mirror is loaded by COPY, most of which is free space
// in its pages, and with rows to quarantine.
func (l *fixture) large() {
	l.Helper()
	for i, rows := range []int{parentRows, parentRows, parentRows, 1400, 300} {
		l.fill(l.Tables[i], 1, rows)
	}
	l.change("UPDATE tbl_produk SET deskripsi = rpad('', 700, 'nilai ' || id || ' ')")
	l.change("UPDATE tbl_produk SET created_at = 'infinity' WHERE id % 250 = 5")
	l.change("UPDATE tbl_produk SET id_stage = 99 WHERE id % 250 = 6")
	l.change("UPDATE tbl_produk SET created_at = '0001-01-01 00:00:00+00', harga = -9223372036854775808, tanggal_launch = '9999-12-31' WHERE id = 7")
	l.change("UPDATE tbl_stage_histori SET id_produk = 1005 WHERE id IN (5, 6)")
	l.change("UPDATE tbl_stage_histori SET id_produk = 0 WHERE id = 7")
	l.change("ALTER TABLE tbl_produk SET (fillfactor = 10)")
	l.change("VACUUM FULL tbl_produk")
	if size := kit.One[int64](l, l.Source, "SELECT pg_relation_size('tbl_produk')"); size < 8<<20 {
		l.Fatalf("the source has %d bytes: too few for the load by COPY", size)
	}
}

// indexOID changes when the load by COPY rebuilds the index.
func (l *fixture) indexOID() int64 {
	l.Helper()
	return l.count("SELECT 'tbl_produk_lifecycle_created_idx'::regclass::oid::bigint")
}

// TestLoad_FillsEmptyMirror compares rows, keys and quarantine with the ordinary path. The search index is left to the
// server, because building it takes longer than the load.
func TestLoad_FillsEmptyMirror(t *testing.T) {
	onPostgres(t, func(l *fixture) {
		indexSearch := func() {
			if built, err := mirrordb.New(l.Store).IndexSearch(l.Context()); !built || err != nil {
				l.Fatal(built, err)
			}
		}
		l.large()
		keys, index := l.keys(), l.indexOID()
		indexSearch()
		loaded := l.sync()
		if index == l.indexOID() {
			l.Error("the mirror was not loaded by COPY")
		}
		for table, want := range map[string]models.TableCount{
			"products": {Table: "products", Inserted: 1400 - 12, Quarantined: 12}, "stage_history": {Table: "stage_history", Inserted: 297, Quarantined: 3},
		} {
			if loaded[table] != want {
				l.Errorf("got %+v, want %+v", loaded[table], want)
			}
		}
		l.equal()
		if after := l.keys(); !maps.Equal(keys, after) {
			l.Errorf("keys and indexes were\n%v\nare\n%v", keys, after)
		}
		indexSearch()
		l.change("UPDATE tbl_stage SET stage = 'baru' WHERE id = 1")
		l.change("DELETE FROM tbl_stage_histori WHERE id = 100")
		if _, all := l.verify(); len(all) != 2 || all[0].cause != mirror.Behind || all[1].cause != mirror.Behind { // not drift
			l.Errorf("verify found %+v", all)
		}
		loaded = l.sync()
		l.idle()
		hashes := func() map[string]int64 {
			return pairs[string, int64](l, "SELECT table_name || row_id || reason_code || reason_column || payload, source_hash FROM lifecycle_sync_quarantine")
		}
		quarantined := hashes()

		l.edit("TRUNCATE tbl_segmen_lifecycle, tbl_stage_lifecycle, tbl_kategori_lifecycle, tbl_produk_lifecycle, tbl_stage_histori_lifecycle, lifecycle_sync_quarantine")
		l.edit("INSERT INTO tbl_segmen_lifecycle VALUES (7777, 'not empty')") // so that it is not loaded
		if ordinary := l.sync(); ordinary["products"].Inserted != loaded["products"].Unchanged {
			l.Errorf("the ordinary path counts %+v", ordinary["products"])
		}
		l.equal()
		if !maps.Equal(quarantined, hashes()) {
			l.Error("the two paths fill the quarantine differently")
		}
	})
}

func TestLoad_KeepsIndexesWhileATableIsRead(t *testing.T) {
	onPostgres(t, func(l *fixture) {
		l.large()
		kit.Lock(l, l.Target, "LOCK TABLE tbl_stage_lifecycle IN ACCESS SHARE MODE")
		before, index := l.keys(), l.indexOID()
		l.syncEqual()
		if index != l.indexOID() {
			l.Error("the index was dropped under the reader")
		}
		if !maps.Equal(before, l.keys()) {
			l.Error("keys or indexes have changed")
		}
	})
}

// TestLoad_ReleasesTheSource alters a table of the source while the mirror's indexes are built.
func TestLoad_ReleasesTheSource(t *testing.T) {
	onPostgres(t, func(l *fixture) {
		l.large()
		l.edit("CREATE FUNCTION wait() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_advisory_xact_lock(42); END'")
		l.edit("CREATE EVENT TRIGGER wait ON ddl_command_start WHEN TAG IN ('CREATE INDEX') EXECUTE FUNCTION wait()")
		release, awaited := kit.Lock(l, l.Target, "SELECT pg_advisory_xact_lock(42)")
		ended := make(chan error, 1)
		go func() {
			_, err := l.Engine.Sync(l.Context(), mirror.Request{}, mirror.Silent{})
			ended <- err
		}()
		kit.Eventually(l, "the indexes are built", awaited)
		l.change("SET lock_timeout = '5s'; ALTER TABLE tbl_produk ADD COLUMN lain text")
		release()
		if err := <-ended; err != nil {
			l.Fatal(err)
		}
		l.equal()
	})
}

// TestLoad_WithoutCategories drops a foreign key before it loads. A run with an allowance is not a load, so that the
// guard checks it.
func TestLoad_WithoutCategories(t *testing.T) {
	onPostgres(t, func(l *fixture) {
		l.large()
		l.change("DROP TABLE tbl_kategori")
		l.change("UPDATE tbl_produk SET id_kategori = 4711 WHERE id = 100")
		l.refusedDeletes(0, 5)
		l.syncEqual()
		l.sync(0)
	})
}

func TestSync_FailsWhenATriggerAltersRows(t *testing.T) {
	fails := func(l *fixture) {
		if l.kind == database.SQLite {
			l.edit("CREATE TRIGGER usil AFTER INSERT ON tbl_produk_lifecycle WHEN new.id = 3 BEGIN UPDATE tbl_produk_lifecycle SET produk = 'lain' WHERE id = 3; END")
		} else {
			l.edit("CREATE FUNCTION usil() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF new.id = 3 THEN new.produk := 'lain'; END IF; RETURN new; END $$")
			l.edit("CREATE TRIGGER usil BEFORE INSERT ON tbl_produk_lifecycle FOR EACH ROW EXECUTE FUNCTION usil()")
		}
		before := l.keys()
		if e := l.refused(models.Constraint); e.Text.Code != "mirror.not_equal" || e.Remedy == nil {
			l.Errorf("%v", e)
		}
		if !maps.Equal(before, l.keys()) {
			l.Error("keys or indexes have changed")
		}
		l.edit("DROP TRIGGER usil" + on(l, " ON tbl_produk_lifecycle", ""))
		l.syncEqual()
	}
	both(t, func(l *fixture) {
		l.small()
		fails(l)
	})
	t.Run("first load", func(t *testing.T) {
		onPostgres(t, func(l *fixture) {
			l.large()
			fails(l)
		})
	})
}
