package doctor_test

import (
	"os"
	"path/filepath"
	"testing"

	"lifecycle-sync/repositories/database/databasetest"
	"lifecycle-sync/repositories/files/filestest"
	"lifecycle-sync/services/doctor"
)

// TestPlaces finds folders that cannot be written, or have no room.
func TestPlaces(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	l := &lab{TB: t, home: t, sourceURL: databasetest.SQLite(t), targetURL: databasetest.SQLite(t), options: options(t)}
	l.connect()
	for _, c := range []struct {
		at, says, remedy string
	}{
		{"file:" + filepath.Join(file, "uploads"), file + "/uploads cannot be written: not a directory", "Let the user that runs Lifecycle Sync write there, or name another folder."},
		{"file:" + filestest.SmallDisk(t), "UPLOADS_URL has only 1.0 MB left", "Make room there: below 100.0 MB uploads and exports may fail."},
	} {
		l.options.Uploads = place(t, c.at)
		found := named(l.examine(), "machine.uploads")
		if len(found) != 1 || found[0].Status != doctor.Problem || found[0].Message != c.says || found[0].Remedy != c.remedy {
			t.Errorf("%+v", found)
		}
	}
	l.options.Data = place(t, "file:"+filepath.Join(t.TempDir(), "not", "yet"))
	if found := named(l.examine(), "machine.data"); found[0].Status != doctor.OK {
		t.Errorf("%+v", found)
	}
}

// TestAlerts notes that nobody is told.
func TestAlerts(t *testing.T) {
	t.Parallel()
	l := &lab{TB: t, home: t, sourceURL: databasetest.SQLite(t), targetURL: databasetest.SQLite(t), options: options(t)}
	l.options.Alerts = false
	l.connect()
	found := named(l.examine(), "machine.alerts")
	if len(found) != 1 || found[0].Status != doctor.Note || found[0].Remedy != "Set it, unless somebody watches exit codes or /metrics." {
		t.Errorf("%+v", found)
	}
}
