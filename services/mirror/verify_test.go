package mirror_test

import (
	"slices"
	"testing"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/services/mirror"
	"lifecycle-sync/test/kit"
)

// TestVerify_ReportsDrift expects the next full run to correct and log the drift.
func TestVerify_ReportsDrift(t *testing.T) {
	both(t, func(l *fixture) {
		l.small()
		l.settle()
		l.sync()
		l.edit("UPDATE tbl_produk_lifecycle SET harga = -1 WHERE id = 20")
		l.edit("DELETE FROM tbl_stage_histori_lifecycle WHERE id = 120")
		l.edit("INSERT INTO tbl_stage_lifecycle (id, stage) VALUES (77, 'palsu')")
		verification, all := l.verify()
		drift := on(l, mirror.Drift, mirror.Unknown)
		want := []found{
			{"stages", 77, mirror.Delete, drift, ""},
			{"products", 20, mirror.Update, drift, "harga"},
			{"stage_history", 120, mirror.Insert, drift, ""},
		}
		if verification.Equal || verification.Differences != on(l, models.Differences{Drift: 3}, models.Differences{Unknown: 3}) || !slices.Equal(all, want) {
			l.Fatalf("verify found %+v, must find %+v", all, want)
		}
		l.mode = models.FullRun
		l.sync()
		if got := l.text("SELECT differences FROM lifecycle_sync_runs ORDER BY id DESC LIMIT 1"); got != on(l, `{"behind":0,"drift":3,"unknown":0}`, `{"behind":0,"drift":0,"unknown":3}`) {
			l.Errorf("the run counts %s", got)
		}
		l.equal()
		if got := l.changes(); len(got) != 3 || got[0].before["stage"] != "palsu" || got[1].before["harga"] != float64(-1) || got[2].action != "insert" {
			l.Fatalf("the correction is logged as %+v", got)
		}
		l.idle()
	})
}

func TestVerify_TellsBehindFromDrift(t *testing.T) {
	onPostgres(t, func(l *fixture) {
		l.small()
		l.settle()
		l.sync()
		l.change("UPDATE tbl_stage SET stage = 'baru' WHERE id = 1")
		l.change("INSERT INTO tbl_segmen (id, segmen) OVERRIDING SYSTEM VALUE VALUES (50, 'baru')")
		l.change("DELETE FROM tbl_stage_histori WHERE id = 130")
		l.change("UPDATE tbl_produk SET created_at = '-infinity' WHERE id = 30")
		l.edit("UPDATE tbl_produk_lifecycle SET harga = -1 WHERE id = 20")
		_, all := l.verify()
		want := []found{
			{"segments", 50, mirror.Insert, mirror.Behind, ""},
			{"stages", 1, mirror.Update, mirror.Behind, "stage"},
			{"products", 20, mirror.Update, mirror.Drift, "harga"},
			{"products", 30, mirror.Quarantine, mirror.Behind, ""},
			{"stage_history", 130, mirror.Delete, mirror.Behind, ""},
		}
		if !slices.Equal(all, want) {
			l.Errorf("verify found %+v, must find %+v", all, want)
		}
	})
}

func TestVerifyAndPreview_WriteNothing(t *testing.T) {
	both(t, func(l *fixture) {
		l.small()
		l.sync()
		l.change("DELETE FROM tbl_stage_histori")
		l.change("UPDATE tbl_segmen SET created_at = 'infinity'")
		before, runs := l.state(), l.dump("lifecycle_sync_runs")
		l.verify()
		emitted := 0
		dryRun, err := l.Engine.DryRun(l.Context(), mirror.Request{}, mirror.Silent{}, func(mirror.Change) error { emitted++; return nil })
		if err == nil || byTable(dryRun.Tables)["stage_history"].Deleted != 60 || emitted != 3+40+60 {
			l.Errorf("dry run: %d changes, %+v, %v", emitted, dryRun.Tables, err)
		}
		l.unchanged(before)
		if !slices.Equal(runs, l.dump("lifecycle_sync_runs")) {
			l.Error("the list of runs was written")
		}
	})
}

// settle waits until all transactions that are older than the source's rows have ended, including those of other
// tests: until then a run cannot tell these rows from newer ones.
func (l *fixture) settle() {
	l.Helper()
	if l.kind == database.SQLite {
		return
	}
	written := kit.One[int64](l, l.Source, "SELECT pg_current_xact_id()::text::bigint")
	kit.Within(l, 10*kit.Patience, "older transactions have ended", func() bool {
		return kit.One[int64](l, l.Source, "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint") > written
	})
}
