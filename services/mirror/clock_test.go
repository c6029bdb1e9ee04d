package mirror_test

import (
	"testing"
	"time"

	"lifecycle-sync/services/mirror"
	"lifecycle-sync/test/kit"
)

// TestSync_IgnoresWrongClocks has clocks that are wrong, and one that is set back during a run.
func TestSync_IgnoresWrongClocks(t *testing.T) {
	each(t, func(l *fixture) {
		l.small()
		l.sync()
		l.change("UPDATE tbl_segmen SET segmen = 'lain' WHERE id = 1")
		l.sync()
		logged := l.count("SELECT count(*) FROM lifecycle_sync_changes")
		for i, off := range []time.Duration{time.Hour, -time.Hour, 365 * 24 * time.Hour, -365 * 24 * time.Hour} {
			l.Engine = mirror.New(l.Lifecycle, l.Store, l.Tables, 90*24*time.Hour, func() time.Time { return kit.Now().Add(off) })
			l.change("UPDATE tbl_produk SET harga = harga + 1 WHERE id = 2")
			if wrote := l.sync()["products"].Updated; wrote != 1 {
				l.Errorf("off by %v: %d products updated", off, wrote)
			}
			l.idle()
			if n := l.count("SELECT count(*) FROM lifecycle_sync_changes"); n != logged+int64(i)+1 {
				l.Errorf("off by %v: the change log holds %d changes", off, n)
			}
		}
		off := time.Duration(0)
		l.Engine = mirror.New(l.Lifecycle, l.Store, l.Tables, time.Hour, func() time.Time {
			defer func() { off -= time.Hour }() // called by one goroutine at a time
			return kit.Now().Add(off)
		})
		began := time.Now()
		result, err := l.try()
		if err != nil {
			l.Fatal(err)
		}
		if took, most := result.Run.FinishedAt.Sub(result.Run.StartedAt), time.Since(began); took < 0 || took > most {
			l.Errorf("the run took %v of %v", took, most)
		}
	})
}

func TestSync_PrunesOldChanges(t *testing.T) {
	both(t, func(l *fixture) {
		l.small()
		for range 2 {
			l.change("UPDATE tbl_produk SET harga = harga + 1 WHERE id = 2")
			l.sync()
		}
		l.edit("UPDATE lifecycle_sync_runs SET started_at = '2020-01-01T00:00:00.000000Z'")
		l.change("UPDATE tbl_produk SET harga = harga + 1 WHERE id = 2")
		last, err := l.try()
		if err != nil {
			l.Fatal(err)
		}
		if n, newest := l.count("SELECT count(*) FROM lifecycle_sync_changes"), l.count("SELECT count(*) FROM lifecycle_sync_changes WHERE run_id = $1", last.Run.ID); n != 1 || newest != 1 {
			l.Errorf("%d changes are left, %d of them of the last run", n, newest)
		}
	})
}
