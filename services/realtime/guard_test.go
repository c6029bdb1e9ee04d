package realtime_test

import (
	"fmt"
	"strings"
	"testing"

	"lifecycle-sync/models"
	"lifecycle-sync/services/mirror"
	"lifecycle-sync/services/realtime"
	"lifecycle-sync/test/kit"
)

// TestGuard_StopsRealTime counts per transaction, with consequences, and continues after an allowed run.
func TestGuard_StopsRealTime(t *testing.T) {
	t.Parallel()
	l := newFixture(t)
	f := l.follows()
	const mirrored = "SELECT (SELECT count(*) FROM tbl_produk_lifecycle) || ' products, ' || (SELECT count(*) FROM tbl_stage_histori_lifecycle) || ' moves'"
	for i, test := range []struct {
		statements []string
		says       string
	}{
		{[]string{"DELETE FROM tbl_stage_histori WHERE id_produk <= 20", "DELETE FROM tbl_produk WHERE id <= 20"}, "mirror.transaction_would_delete before=120"},
		{[]string{"DELETE FROM tbl_stage_histori WHERE id_produk BETWEEN 21 AND 40", "UPDATE tbl_produk SET tanggal_launch = 'infinity' WHERE id BETWEEN 21 AND 40"}, "mirror.transaction_would_delete before=102"},
		{[]string{"TRUNCATE tbl_stage_histori"}, "mirror.table_would_be_empty"},
	} {
		l.change(fmt.Sprintf("UPDATE tbl_produk SET harga = %d WHERE id = 100", i))
		l.caughtUp()
		before := kit.One[string](l, l.Target, mirrored)
		l.change(test.statements...)
		err := f.until(realtime.Stopped, i+1)
		if e := models.AsError(err); e == nil || e.Class != models.MassDelete || !strings.Contains(e.Text.String(), test.says) {
			t.Fatalf("%v", err)
		}
		var n int64
		if _, err := fmt.Sscanf(models.AsError(err).Remedy.Command, "lifecycle-sync sync --allow-deletes %d", &n); err != nil {
			t.Fatal(err)
		}
		if after := kit.One[string](l, l.Target, mirrored); after != before {
			t.Errorf("%s became %s", before, after)
		}
		l.eventually(l.Target, fmt.Sprintf("SELECT count(*) = %d FROM lifecycle_sync_runs WHERE mode = 'realtime' AND state = 'failed' AND error_class = 'mass_delete' AND error ->> 'remedy' <> ''", i+1))
		if _, err := l.Engine.Sync(l.Context(), mirror.Request{AllowDeletes: &n}, mirror.Silent{}); err != nil {
			t.Fatalf("the number to allow was not the right one: %v", err)
		}
		_ = f.until(realtime.Following, i+2)
		l.caughtUp()
		l.equal()
	}
}

// TestGuard_CountsConsequencesTogether removes a row that many rows refer to, which other transactions touch as well.
func TestGuard_CountsConsequencesTogether(t *testing.T) {
	t.Parallel()
	l := newFixture(t)
	l.change("UPDATE tbl_produk SET id_segmen = CASE WHEN id <= 40 THEN 2 ELSE 1 END")
	f := l.follows()
	l.caughtUp()
	f.stop()
	for i := range 40 {
		l.change(fmt.Sprintf("UPDATE tbl_produk SET harga = %d WHERE id = %d", i, i+1))
	}
	l.change("DELETE FROM tbl_segmen WHERE id = 2")
	for i := range 40 {
		l.change(fmt.Sprintf("UPDATE tbl_produk SET harga = %d WHERE id = %d", -i, i+1))
	}
	if err := l.follow().until(realtime.Stopped, 1); !strings.Contains(fmt.Sprint(err), "mirror.transaction_would_delete") {
		t.Errorf("%v", err)
	}
}

// TestGuard_AllowsManySmallDeletes deletes more rows, one by one, than one transaction may.
func TestGuard_AllowsManySmallDeletes(t *testing.T) {
	t.Parallel()
	l := newFixture(t)
	f := l.follows()
	for i := range 25 {
		l.change(fmt.Sprintf("DELETE FROM tbl_stage_histori WHERE id = %d", i+1))
	}
	l.caughtUp()
	l.equal()
	f.wantNeverStopped()
}
