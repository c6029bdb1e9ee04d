package doctor_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lifecycle-sync/services/doctor"
	"lifecycle-sync/test/kit/testdb"
	"lifecycle-sync/test/kit/testfiles"
)

func TestDiagnose_ChecksFoldersAndTheAlertReceiver(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	l := openFixture(t, testdb.SQLite(t), testdb.SQLite(t))
	l.doctor.Alerts, l.doctor.Data = false, storage(t, filepath.Join(t.TempDir(), "not", "yet"))
	for path, text := range map[string]string{filepath.Join(file, "uploads"): file + "/uploads", testfiles.SmallDisk(t): "doctor.storage_full"} {
		l.doctor.Uploads = storage(t, path)
		findings := l.diagnose()
		uploads, data, alerts := of("machine.uploads", findings), of("machine.data", findings), of("machine.alerts", findings)
		if len(uploads) != 1 || !has(uploads[0], doctor.Problem, text, "") || data[0].Status != doctor.OK || len(alerts) != 1 || !has(alerts[0], doctor.Note, "doctor.alerts_off", "") {
			t.Errorf("%+v, %+v, %+v", uploads, data, alerts)
		}
	}
}

func TestDiagnose_SQLiteSkipsWhatNeedsAServer(t *testing.T) {
	t.Parallel()
	l := openFixture(t, testdb.SQLite(t), testdb.SQLite(t))
	for _, path := range []string{l.SourceURL, l.TargetURL} {
		if err := os.Remove(strings.TrimPrefix(path, "file:")); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	found := issues(l.diagnose())
	if len(found) != 2 || found[0].Name != "lifecycle_db.reachable" || found[1].Name != "pmo_db.reachable" || !found[0].BlocksRuns {
		t.Errorf("without files: %+v", found)
	}
	l.Fill(30, 20)
	l.sync()
	findings := l.diagnose()
	if f := findings[0]; f.Name != "postgresql" || !has(f, doctor.Skipped, "doctor.sqlite", "") && f.Remedy != nil {
		t.Errorf("%+v", f)
	}
	for _, f := range findings[1:] {
		if f.Status != doctor.OK && f.Name != "source.required_values" { // the demo data lack some
			t.Errorf("%+v", f)
		}
	}
	l.exec(l.Target, "INSERT INTO lifecycle_attachments (id_produk, nama_file, tipe_file, ukuran_file, sha256, object_key, state, product_created_at, created_at) "+
		"SELECT id, 'a.txt', 'text/plain', 5, '', 'corrected', 'stored', created_at, strftime('%Y-%m-%dT%H:%M:%f000Z', created_at, '+1 day') FROM tbl_produk_lifecycle WHERE id = 1")
	l.exec(l.Source, "CREATE TABLE kept AS SELECT created_at FROM tbl_produk WHERE id = 1; UPDATE tbl_produk SET created_at = date(created_at, '+2 days') WHERE id = 1")
	l.sync()
	if found := of("sync.attachments", l.diagnose()); len(found) != 1 || !has(found[0], doctor.Note, "doctor.attachments_mismatched", "product_created_at") {
		t.Errorf("created_at is later than the upload: %+v", found)
	}
	l.exec(l.Source, "UPDATE tbl_produk SET created_at = (SELECT created_at FROM kept) WHERE id = 1; DROP TABLE kept")
	l.sync()
	if found := of("sync.attachments", l.diagnose()); len(found) != 1 || !has(found[0], doctor.OK, "doctor.attachments_ok", "") {
		t.Errorf("created_at is set back: %+v", found)
	}
	for _, closed := range []struct{ age, finding string }{{"-1 day", "doctor.attachments_closed count=1"}, {"-92 days", "doctor.attachments_overdue count=1"}} {
		l.exec(l.Target, "INSERT INTO lifecycle_attachments (id_produk, nama_file, tipe_file, ukuran_file, sha256, object_key, state, created_at, closed_at) VALUES (99, 'a.txt', "+
			"'text/plain', 5, '', '"+closed.age+"', 'stored', '2024-01-01T00:00:00.000000Z', strftime('%Y-%m-%dT%H:%M:%f000Z', 'now', '"+closed.age+"'))")
		if found := of("sync.attachments", l.diagnose()); len(found) != 1 || !strings.Contains(found[0].String(), closed.finding) {
			t.Errorf("%+v, want %s", found, closed.finding)
		}
	}
	l.exec(l.Source, "PRAGMA foreign_keys = off; UPDATE tbl_produk SET id_stage = 99 WHERE id = 3; ALTER TABLE tbl_segmen DROP COLUMN icon_dark; DROP TABLE tbl_stage_histori")
	for _, name := range []string{"source.tables", "source.columns", "source.references", "mirror.vanished"} {
		if found := of(name, issues(l.diagnose())); len(found) != 1 || found[0].BlocksRuns != (name != "source.references") {
			t.Errorf("%s: %+v", name, found)
		}
	}
}
