package mirror_test

import (
	"testing"
	"time"

	"lifecycle-sync/models"
	mirrordb "lifecycle-sync/repositories/pmo/mirror"
	"lifecycle-sync/services/mirror"
)

// refresh mirrors the given rows, which must succeed.
func (l *fixture) refresh(changed mirror.ChangedRows, deleted int64) {
	l.Helper()
	if _, err := l.Engine.Refresh(l.Context(), changed, deleted); err != nil {
		l.Fatal(err)
	}
}

func TestRefresh_MirrorsRowsAndTheirParents(t *testing.T) {
	each(t, func(l *fixture) {
		l.change(`INSERT INTO tbl_segmen (segmen) VALUES ('A'); INSERT INTO tbl_stage (stage) VALUES ('Introduction');
			INSERT INTO tbl_produk (produk, id_segmen, id_stage) VALUES ('one', 1, 1), ('two', 1, 1), ('three', 1, 1);
			INSERT INTO tbl_stage_histori (id_produk, stage_now) VALUES (1, 1), (4, 1)`)
		l.sync()
		l.change(`INSERT INTO tbl_segmen (segmen) VALUES ('B'); UPDATE tbl_produk SET produk = 'ONE', id_segmen = 2 WHERE id = 1;
			UPDATE tbl_produk SET produk = 'TWO' WHERE id = 2; INSERT INTO tbl_produk (produk) VALUES ('four')`)
		l.refresh(mirror.ChangedRows{"tbl_produk": {1, 4}}, 0)
		for query, want := range map[string]string{
			"SELECT produk FROM tbl_produk_lifecycle WHERE id = 1":                                                                              "ONE",
			"SELECT segmen FROM tbl_segmen_lifecycle WHERE id = 2":                                                                              "B",
			"SELECT produk FROM tbl_produk_lifecycle WHERE id = 2":                                                                              "two", // a parent
			"SELECT produk FROM tbl_produk_lifecycle WHERE id = 4":                                                                              "four",
			"SELECT id_produk FROM tbl_stage_histori_lifecycle WHERE id = 2":                                                                    "4", // released from quarantine
			"SELECT count(*) FROM lifecycle_sync_quarantine":                                                                                    "0",
			"SELECT mode || state FROM lifecycle_sync_runs ORDER BY id DESC LIMIT 1":                                                            "writesucceeded",
			"SELECT count(*) FROM lifecycle_sync_changes c JOIN lifecycle_sync_runs r ON r.id = c.run_id WHERE r.mode = 'write' AND row_id = 1": "1",
		} {
			if got := l.text(query); got != want {
				t.Errorf("%s: %s, want %s", query, got, want)
			}
		}
		l.change("DELETE FROM tbl_stage_histori WHERE id_produk = 1; DELETE FROM tbl_produk WHERE id = 1")
		l.refresh(mirror.ChangedRows{"tbl_produk": {1}, "tbl_stage_histori": {1}}, 2)
		many := mirror.ChangedRows{} // as after a large import
		for id := range int64(5000) {
			many["tbl_produk"] = append(many["tbl_produk"], 2*id)
		}
		l.change("UPDATE tbl_produk SET produk = 'dua' WHERE id = 2")
		l.refresh(many, 0)
		l.syncEqual()
	})
}

// TestRefresh_GuardsUnintendedDeletes removes a parent with more children than the write deleted.
func TestRefresh_GuardsUnintendedDeletes(t *testing.T) {
	both(t, func(l *fixture) {
		l.change(`INSERT INTO tbl_segmen (segmen) VALUES ('A'); INSERT INTO tbl_produk (produk, id_segmen) VALUES ('one', 1), ('two', 1)`)
		l.sync()
		l.change("DELETE FROM tbl_produk")
		_, err := l.Engine.Refresh(l.Context(), mirror.ChangedRows{"tbl_produk": {1, 2}}, 1)
		if e := models.AsError(err); e == nil || e.Class != models.MassDelete {
			t.Errorf("got %v", err)
		}
		l.refresh(mirror.ChangedRows{"tbl_produk": {1, 2}}, 2)
		l.equal()
	})
}

// TestRefresh_IsBusyDuringARun expects the next run to mirror the row.
func TestRefresh_IsBusyDuringARun(t *testing.T) {
	both(t, func(l *fixture) {
		l.change("INSERT INTO tbl_segmen (segmen) VALUES ('A')")
		if _, err := l.Engine.Refresh(l.Context(), mirror.ChangedRows{"tbl_segmen": {1}}, 0); models.AsError(err) == nil || models.AsError(err).Class != models.Busy {
			t.Errorf("before the first run: %v", err)
		}
		l.sync()
		l.change("UPDATE tbl_segmen SET segmen = 'B'")
		tx, err := mirrordb.New(l.Store).BeginRun(l.Context(), models.Run{Mode: models.FullRun, StartedAt: time.Now()})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.Engine.Refresh(l.Context(), mirror.ChangedRows{"tbl_segmen": {1}}, 0); models.AsError(err) == nil || models.AsError(err).Class != models.Busy {
			t.Errorf("under a run: %v", err)
		}
		tx.Close()
		l.syncEqual()
	})
}
