package mirror_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"net/url"
	"strings"
	"testing"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database/databasetest"
)

// encoded makes a lab whose lifecycle_db has another encoding than UTF-8.
func encoded(t *testing.T, encoding string) *lab {
	t.Helper()
	target := databasetest.Postgres(t)
	name := "test_" + strings.ToLower(rand.Text())
	exec(t, open(t, target), "CREATE DATABASE "+name+" ENCODING '"+encoding+"' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'")
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal("the test server's URL is none")
	}
	t.Cleanup(func() { dropDatabase(t, target, name) })
	u.Path = "/" + name
	l := bareLab(t, u.String(), target)
	l.createSource()
	l.migrate()
	return l
}

func dropDatabase(t *testing.T, server, name string) {
	db, err := sql.Open("pgx", server)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(context.Background(), "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
		t.Error(err)
	}
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
	l.idle()
	l.change("UPDATE tbl_stage SET stage = 'baik' WHERE id > $1", len(good))
	if got := l.sync()["products"].Released; got != int64(len(bad)) {
		t.Errorf("%d products released", got)
	}
	l.equal()
}

func TestSync_Latin1Source(t *testing.T) {
	t.Parallel()
	l := encoded(t, "LATIN1")
	l.small()
	l.change("UPDATE tbl_produk SET produk = 'café ÿ ¡' WHERE id = 20")
	l.change(`UPDATE tbl_stage_histori SET performance_metrics = '{"é": "ñ"}' WHERE id = 120`)
	l.sync()
	l.equal()
	l.idle()
	l.change("UPDATE tbl_produk SET produk = 'café' WHERE id = 20")
	l.change("UPDATE tbl_produk SET created_at = 'infinity' WHERE id = 21")
	l.sync()
	l.equal()
	l.idle()
}
