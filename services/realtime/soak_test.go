package realtime_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/services/mirror"
	"lifecycle-sync/test/kit"
)

var soakTime = flag.Duration("soak", 2*time.Second, "how long TestFollow_Soak writes and disturbs")

// TestFollow_Soak writes concurrently while connections are cut, runs and API writes interfere, and followers are
// replaced; in the end the mirror equals lifecycle_db.
func TestFollow_Soak(t *testing.T) {
	t.Parallel()
	l := newFixture(t)
	f := l.follows()
	ended := time.Now().Add(*soakTime)
	var writers sync.WaitGroup
	for w := range 3 {
		writers.Go(func() {
			dice := rand.New(rand.NewPCG(uint64(w), 2))
			for time.Now().Before(ended) {
				l.change(disturbance(dice, w)...)
			}
		})
	}
	dice := rand.New(rand.NewPCG(9, 9))
	for time.Now().Before(ended) {
		switch dice.IntN(6) {
		case 0:
			l.change("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'lifecycle-sync%'")
		case 1:
			kit.Exec(l, l.Target, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'lifecycle-sync%'")
		case 2, 3:
			mode := []string{models.FullRun, models.IncrementalRun}[dice.IntN(2)]
			_, _ = l.Engine.Sync(l.Context(), mirror.Request{Mode: mode}, mirror.Silent{}) // the connection may have been cut
		case 4:
			_, _ = l.Engine.Refresh(l.Context(), mirror.ChangedRows{"tbl_produk": {1 + dice.Int64N(120)}}, 0) // the connection may have been cut
		default:
			f.stop()
			f = l.follow()
		}
		<-time.After(time.Duration(100+dice.IntN(1000)) * time.Millisecond)
	}
	writers.Wait()
	l.caughtUp()
	l.equal()
	f.wantNeverStopped()
	if !l.holds(l.Target, "SELECT NOT EXISTS (SELECT FROM lifecycle_sync_runs WHERE state = 'running')") {
		if _, err := l.Engine.Sync(l.Context(), mirror.Request{}, mirror.Silent{}); err != nil { // marks interrupted runs
			t.Fatal(err)
		}
		if !l.holds(l.Target, "SELECT NOT EXISTS (SELECT FROM lifecycle_sync_runs WHERE state = 'running')") {
			t.Error("a run is left running")
		}
	}
}

// disturbance is a transaction on the writer's own rows. It deletes so few rows that the guard never stops.
func disturbance(dice *rand.Rand, writer int) []string {
	product := writer + 3*dice.IntN(40)
	all := []string{
		fmt.Sprintf("UPDATE tbl_produk SET harga = %d, updated_at = now() WHERE id = %d", dice.IntN(1e6), product),
		fmt.Sprintf("UPDATE tbl_produk SET tanggal_launch = CASE WHEN isfinite(tanggal_launch) THEN 'infinity'::date END WHERE id = %d", writer+3*dice.IntN(2)),
		fmt.Sprintf("INSERT INTO tbl_stage_histori (id_produk, stage_now) VALUES (%d, %d)", product, 1+dice.IntN(6)),
		fmt.Sprintf("DELETE FROM tbl_stage_histori WHERE id = (SELECT max(id) FROM tbl_stage_histori WHERE id_produk = %d AND id > 60 AND id %% 7 = 0)", product),
		fmt.Sprintf("UPDATE tbl_stage_histori SET id_produk = %d WHERE id = %d", product, 1+writer+3*dice.IntN(19)),
	}
	dice.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all[:1+dice.IntN(3)]
}
