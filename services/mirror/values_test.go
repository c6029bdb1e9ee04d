package mirror_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/services/mirror"
	"lifecycle-sync/test/kit/testdb"
)

// encoded returns a fixture whose lifecycle_db is not in UTF-8.
func encoded(t *testing.T, encoding string) *fixture {
	t.Helper()
	l := newFixture(t, testdb.Created(t, "ENCODING '"+encoding+"' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'"), testdb.Postgres(t))
	l.Source = testdb.Open(t, l.SourceURL+"&client_encoding=UTF8")
	l.Migrate()
	return l
}

// TestSync_SQLASCIISource mirrors valid UTF-8 unchanged and quarantines other bytes.
func TestSync_SQLASCIISource(t *testing.T) {
	t.Parallel()
	l := encoded(t, "SQL_ASCII")
	good := []string{"biasa", "\u00e9", "\u20ac", "\U0001f4a1", "\u07ff\u0800\ud7ff\ue000\uffff\U00010000\U0010ffff", "", "\x7f\x01\n"}
	// Lone and missing continuations, overlong forms, surrogates, beyond U+10FFFF.
	bad := []string{"ff", "80", "c3", "c328", "c080", "c1bf", "e28228", "e08080", "e09fbf", "eda080", "edbfbf", "f0808080", "f08fbfbf", "f4908080", "f5808080", "61ffe9", "c3a9c3"}
	for _, text := range good {
		l.change("INSERT INTO tbl_stage (stage) VALUES ($1)", text)
	}
	for _, hex := range bad {
		l.change("INSERT INTO tbl_stage (stage) VALUES (convert_from('\\x" + hex + "', 'SQL_ASCII'))")
	}
	l.change("INSERT INTO tbl_produk (id_stage, produk) SELECT id, 'produk' FROM tbl_stage")
	if got, want := l.sync()["stages"], (models.TableCount{Table: "stages", Inserted: int64(len(good)), Quarantined: int64(len(bad))}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if n := l.count("SELECT count(*) FROM lifecycle_sync_quarantine WHERE reason_code = 'invalid_text' AND reason_column = 'stage'"); n != int64(len(bad)) {
		t.Errorf("%d stages in quarantine", n)
	}
	if n := l.count("SELECT count(*) FROM lifecycle_sync_quarantine WHERE reason_code = 'parent_quarantined' AND reason_column = 'id_stage'"); n != int64(len(bad)) {
		t.Errorf("%d products in quarantine", n)
	}
	for i, text := range good {
		if n := l.count("SELECT count(*) FROM tbl_stage_lifecycle WHERE id = $1 AND stage = $2", i+1, text); n != 1 {
			t.Errorf("%q was changed", text)
		}
	}
	if n := l.count(`SELECT count(*) FROM lifecycle_sync_quarantine WHERE payload->>'stage' = 'a\xff\xe9'`); n != 1 {
		t.Error("the payload does not tell the bytes")
	}
	l.wantNoWrites()
	l.change("UPDATE tbl_stage SET stage = 'baik' WHERE id > $1", len(good))
	if got := l.sync()["products"].Released; got != int64(len(bad)) {
		t.Errorf("%d products released", got)
	}
	l.equal()
}

// foreign are characters of encodings that have no equivalent in UTF-8, and text that has one.
var foreign = map[string]struct {
	bytes []string
	good  string
}{
	"WIN1252": {[]string{"81", "8d", "8f", "90", "9d"}, "caf\u00e9 \u20ac \u017e \u00ff"},
	"EUC_JP":  {[]string{"a9a1", "fefe", "8fa1a1", "8ffefe"}, "\u6771\u4eac \uff76\uff85 \u00e9"},
	"EUC_TW":  {[]string{"a1ba", "fefe", "8ea1a1ba", "8ea2f2c5", "8ea7fefe"}, "\u6771\u4eac \u4e42 \u9f98"},
	"WIN1251": {[]string{"98"}, "\u041c\u043e\u0441\u043a\u0432\u0430 \u2116"},
}

// TestSync_ForeignCharacters quarantines rows whose text the source's server cannot convert to UTF-8, and releases them.
func TestSync_ForeignCharacters(t *testing.T) {
	t.Parallel()
	for encoding, texts := range foreign {
		t.Run(encoding, func(t *testing.T) {
			t.Parallel()
			l := encoded(t, encoding)
			l.small()
			l.change("UPDATE tbl_produk SET produk = $1 WHERE id = 20", texts.good)
			bad := func(hex string) string { return "convert_from('\\x61" + hex + "', '" + encoding + "')" }
			for i, hex := range texts.bytes {
				l.change(fmt.Sprintf("UPDATE tbl_produk SET deskripsi = %s WHERE id = %d", bad(hex), 1+i))
			}
			if verification := l.foreignDryRun(); verification.Equal {
				t.Error("nothing to do")
			}
			n := int64(len(texts.bytes))
			if got := l.sync()["products"]; got.Quarantined != n || got.Inserted != 40-n {
				t.Errorf("%+v, must quarantine %d", got, n)
			}
			if got := l.text("SELECT string_agg(DISTINCT concat(reason_code, ' ', reason_column), ', ') FROM lifecycle_sync_quarantine WHERE table_name = 'products'"); got != "invalid_text deskripsi" {
				t.Errorf("the reasons are %s", got)
			}
			if got := l.text("SELECT payload->>'deskripsi' FROM lifecycle_sync_quarantine WHERE table_name = 'products' AND row_id = 1"); !strings.HasPrefix(got, `a\2`) {
				t.Errorf("the payload does not tell the bytes: %s", got)
			}
			l.wantNoWrites()

			l.mode = models.IncrementalRun
			l.change("INSERT INTO tbl_stage (id, stage) OVERRIDING SYSTEM VALUE VALUES (4, " + bad(texts.bytes[0]) + ")")
			l.change("UPDATE tbl_produk SET id_stage = 4 WHERE id = 30")
			l.change(`UPDATE tbl_stage_histori SET performance_metrics = ('{"' || ` + bad(texts.bytes[0]) + ` || '": 1}')::jsonb, id_produk = 20, stage_now = 1, stage_previous = 1 WHERE id = 101`)
			l.change("UPDATE tbl_produk SET deskripsi = 'a' WHERE id = 1")
			l.sync()
			for _, row := range []string{"stages 4 invalid_text stage", "stage_history 101 invalid_text performance_metrics", "products 30 parent_quarantined id_stage"} {
				if n := l.count("SELECT count(*) FROM lifecycle_sync_quarantine WHERE concat_ws(' ', table_name, row_id, reason_code, reason_column) = $1", row); n != 1 {
					t.Errorf("%s is not in quarantine", row)
				}
			}
			if n := l.count("SELECT count(*) FROM tbl_produk_lifecycle WHERE id = 1 AND deskripsi = 'a'"); n != 1 {
				t.Error("the corrected product was not released")
			}
			if verification, all := l.verify(); !verification.Equal {
				t.Errorf("verify found %+v", all)
			}
			l.change("UPDATE tbl_produk SET deskripsi = 'a'")
			l.change("UPDATE tbl_stage SET stage = 'a' WHERE id = 4")
			l.change("UPDATE tbl_stage_histori SET performance_metrics = '{}' WHERE id = 101")
			l.sync()
			l.idle()
		})
	}
}

// foreignDryRun makes a dry run and a verification, which writes nothing.
func (l *fixture) foreignDryRun() mirror.Verification {
	l.Helper()
	if _, err := l.Engine.DryRun(l.Context(), mirror.Request{}, mirror.Silent{}, func(mirror.Change) error { return nil }); err != nil {
		l.Fatal(err)
	}
	verification, _ := l.verify()
	return verification
}

// TestSync_LoadsSourceWithForeignCharacters fills an empty mirror by COPY.
func TestSync_LoadsSourceWithForeignCharacters(t *testing.T) {
	t.Parallel()
	l := encoded(t, "WIN1252")
	l.large()
	l.change("UPDATE tbl_produk SET pelanggan = convert_from('\\x81', 'WIN1252') WHERE id IN (10, 11)")
	l.sync()
	if n := l.count("SELECT count(*) FROM lifecycle_sync_quarantine WHERE reason_code = 'invalid_text' AND row_id IN (10, 11)"); n != 2 {
		t.Errorf("%d products in quarantine", n)
	}
	l.wantNoWrites()
	l.change("UPDATE tbl_produk SET pelanggan = NULL WHERE id IN (10, 11)")
	l.sync()
	l.idle()
}

func TestSync_Latin1Source(t *testing.T) {
	t.Parallel()
	l := encoded(t, "LATIN1")
	l.small()
	l.change("UPDATE tbl_produk SET produk = 'café ÿ ¡' WHERE id = 20")
	l.change(`UPDATE tbl_stage_histori SET performance_metrics = '{"é": "ñ"}' WHERE id = 120`)
	l.sync()
	l.idle()
	l.change("UPDATE tbl_produk SET produk = 'café' WHERE id = 20")
	l.change("UPDATE tbl_produk SET created_at = 'infinity' WHERE id = 21")
	l.sync()
	l.idle()
}

// TestHash_DistinguishesSimilarValues uses values that a server's own hash function or equality takes for the same.
func TestHash_DistinguishesSimilarValues(t *testing.T) {
	each(t, (*fixture).distinguish)
}

func (l *fixture) distinguish() {
	l.Helper()
	l.small()
	if l.kind == database.Postgres {
		l.change(`CREATE COLLATION insensitive (provider = icu, locale = 'und-u-ks-level2', deterministic = false)`)
		l.change(`ALTER TABLE tbl_produk ALTER COLUMN produk TYPE varchar(255) COLLATE insensitive`)
	}
	cases := []struct {
		table, column, before, after string
	}{
		{"products", "harga", "1", "4294967296"},
		{"products", "harga", "0", "-1"},
		{"products", "harga", "NULL", "0"},
		{"products", "produk", "'a'", "'A'"},
		{"products", "produk", "'caf\u00e9'", "'cafe\u0301'"},
		{"products", "produk", "'a'", "'a '"},
		{"products", "produk", "''", "NULL"},
		{"products", "created_at", "'2024-01-01 00:00:00.000001+00:00'", "'2024-01-01 00:00:00.000002+00:00'"},
		{"products", "tanggal_launch", "'2024-02-28'", "'2024-02-29'"},
		{"stage_history", "performance_metrics", "'1'", "'1.00'"},
		{"stage_history", "performance_metrics", "'[]'", "'{}'"},
		{"stage_history", "performance_metrics", "'null'", "NULL"},
		{"stage_history", "performance_metrics", `'"1"'`, "'1'"},
	}
	set := func(i int, value string) found { // each case has its row; those of a table share a bucket
		c, id := cases[i], int64(16+i)
		if c.table == "stage_history" {
			id += 96
		}
		l.change(fmt.Sprintf("UPDATE tbl_%s SET %s = %s WHERE id = %d", map[string]string{"products": "produk", "stage_history": "stage_histori"}[c.table], c.column, value, id))
		return found{c.table, id, mirror.Update, "", c.column}
	}
	for i, c := range cases {
		set(i, c.before)
	}
	l.sync()
	var want []found
	for i, c := range cases {
		want = append(want, set(i, c.after))
	}
	_, all := l.verify()
	for i := range all {
		all[i].cause = ""
	}
	if !slices.Equal(all, want) {
		l.Errorf("verify found %+v, must find %+v", all, want)
	}
	l.syncEqual()
}

// TestHash_PortableBetweenServers makes the source's server hash differently: both sides then use the portable hash,
// with the same results.
func TestHash_PortableBetweenServers(t *testing.T) {
	t.Parallel()
	unlike := func(t *testing.T) *fixture {
		l := newFixture(t, testdb.Postgres(t), testdb.Postgres(t))
		l.Migrate()
		l.change("CREATE FUNCTION hash_record_extended(record, bigint) RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN 42; END'")
		l.change("DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = public, pg_catalog', current_database()); END $$")
		l.Connect(l.SourceURL, l.TargetURL)
		return l
	}
	t.Run("values", func(t *testing.T) { t.Parallel(); unlike(t).distinguish() })
	t.Run("first load", func(t *testing.T) {
		t.Parallel()
		l := unlike(t)
		l.large()
		l.sync()
		l.idle()
	})
	t.Run("random history", func(t *testing.T) { t.Parallel(); unlike(t).live(101) })
}

// TestHash_DetectsSwappedValues swaps values between columns and rows.
func TestHash_DetectsSwappedValues(t *testing.T) {
	each(t, func(l *fixture) {
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

// TestSync_RemovesUnfitRowsOfAdoptedTables uses rows whose hashes equal the source's, and their children.
func TestSync_RemovesUnfitRowsOfAdoptedTables(t *testing.T) {
	onPostgres(t, func(l *fixture) {
		l.small()
		l.sync()
		l.change("UPDATE tbl_produk SET updated_at = 'infinity' WHERE id = 7")
		l.edit("UPDATE tbl_produk_lifecycle SET updated_at = 'infinity' WHERE id = 7")
		if verification, _ := l.verify(); verification.Equal {
			l.Error("verify takes an unfit row for equal")
		}
		if n := l.sync()["products"].Quarantined; n != 1 {
			l.Errorf("%d products in quarantine, must be 1", n)
		}
		l.idle()
	})
}

func TestSync_DetectsTriggerOnAnotherTable(t *testing.T) {
	onPostgres(t, func(l *fixture) {
		l.small()
		l.sync()
		l.edit(`CREATE FUNCTION usil() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE tbl_stage_lifecycle SET icon_dark = 'x' WHERE id = 1; RETURN NULL; END $$`)
		l.edit(`CREATE TRIGGER usil AFTER UPDATE ON tbl_produk_lifecycle FOR EACH STATEMENT EXECUTE FUNCTION usil()`)
		l.idle()
		l.change("UPDATE tbl_produk SET harga = 5 WHERE id = 7")
		l.refused(models.Constraint, "tbl_stage_lifecycle does not equal")
	})
}

// TestSync_MirrorsUnusualValues has names that are NULL although the API requires them, and a document that is nested deeper
// than encoding/json parses.
func TestSync_MirrorsUnusualValues(t *testing.T) {
	onPostgres(t, func(l *fixture) {
		l.small()
		l.change("UPDATE tbl_stage_histori SET performance_metrics = (repeat('[', 6000) || repeat(']', 6000))::jsonb WHERE id = 101")
		l.change("ALTER TABLE tbl_segmen ALTER COLUMN segmen DROP NOT NULL")
		l.change("UPDATE tbl_segmen SET segmen = NULL WHERE id = 1")
		l.refused(models.Schema, "ALTER TABLE tbl_segmen_lifecycle ALTER COLUMN segmen DROP NOT NULL")
		l.edit("ALTER TABLE tbl_segmen_lifecycle ALTER COLUMN segmen DROP NOT NULL")
		l.sync()
		l.idle()
	})
}
