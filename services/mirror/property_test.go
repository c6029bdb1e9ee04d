package mirror_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/database/databasetest"
)

var (
	onlySeed = flag.Uint64("seed", 0, "the only seed that TestSync_RandomHistories runs")
	seeds    = flag.Uint64("seeds", 6, "the number of seeds that TestSync_RandomHistories runs on each database system")
)

// TestSync_RandomHistories checks the mirror after every step against an oracle that reads both databases in Go.
func TestSync_RandomHistories(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, url func(testing.TB) string) {
		for seed := uint64(1); seed <= *seeds; seed++ {
			if *onlySeed != 0 {
				seed = *onlySeed
			}
			t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
				t.Parallel()
				l := newLab(t, url)
				if seed%2 == 0 {
					l.mode, l.settles = models.IncrementalRun, l.kind == database.Postgres
				}
				l.live(seed)
			})
			if *onlySeed != 0 {
				break
			}
		}
	})
}

// live gives lifecycle_db a life of a few steps and makes a run after each.
func (l *lab) live(seed uint64) {
	l.Helper()
	h := &history{l, hostile{rand.New(rand.NewPCG(seed, 0)), l.kind}, map[string][]int64{}}
	h.begin()
	for range 4 {
		l.syncAsForetold()
		h.step()
	}
}

// syncAsForetold makes a run and holds everything it says and does against the oracle.
func (l *lab) syncAsForetold() {
	l.Helper()
	want := l.foretell()
	verdict, all := l.verify()
	if int64(len(all)) != want.differences || verdict.Equal != (want.differences == 0) {
		l.Fatalf("verify found %d differences, must find %d: %+v", len(all), want.differences, all)
	}
	var allow []int64
	if want.trips {
		e := l.refused(models.MassDelete)
		if n := l.allowed(e); n != want.leaving {
			l.Fatalf("the guard names %d rows, must name %d: %v", n, want.leaving, e)
		}
		if want.leaving > 0 {
			l.refused(models.MassDelete, want.leaving-1)
		}
		allow = []int64{want.leaving}
	}
	got := l.sync(allow...)
	l.equal()
	for _, t := range l.tables {
		if got[t.Name] != want.counts[t.Name] {
			l.Fatalf("%s: got %+v, want %+v", t.Name, got[t.Name], want.counts[t.Name])
		}
	}
	l.held = l.judge().source
	if verdict, all := l.verify(); !verdict.Equal || len(all) > 0 {
		l.Fatalf("verify right after a run: %+v", all)
	}
	l.idle()
}
