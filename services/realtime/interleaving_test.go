package realtime_test

import (
	"context"
	"database/sql"
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/services/mirror"
	"lifecycle-sync/test/kit"
)

var (
	interleavings = flag.Int("interleavings", 5, "the number of random interleavings that TestFollow_NoInterleavingLosesAChange tries")
	firstSeed     = flag.Uint64("seed", 1, "the first of them")
)

const (
	actors = 4  // concurrent transactions
	steps  = 40 // of an interleaving
)

// interleaving is a random order of transactions, incremental runs, API writes and real-time steps on one lifecycle_db.
// Nothing runs concurrently, so a seed reproduces the order.
type interleaving struct {
	*fixture
	*rand.Rand
	open     [actors]*sql.Tx
	follower *following
	cursor   time.Time // of the copy by MAX(updated_at)
}

// TestFollow_NoInterleavingLosesAChange checks the mirror after every run and whenever real-time sync has caught up. A
// copy by a cursor on MAX(updated_at) loses changes in the same interleavings, which proves that they are hard
// enough.
func TestFollow_NoInterleavingLosesAChange(t *testing.T) {
	t.Parallel()
	l := newFixture(t)
	l.change("CREATE TABLE copy (id integer PRIMARY KEY, harga bigint, updated_at timestamptz)")
	l.follows().stop() // a slot can be created only while no transaction is open
	i := &interleaving{fixture: l}
	lost := 0
	for n := range *interleavings {
		seed := *firstSeed + uint64(n)
		i.Rand = rand.New(rand.NewPCG(seed, 0))
		ok := t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			l.TB = t
			i.play()
			if i.copyLost() {
				lost++
			}
		})
		l.TB = t
		if !ok {
			return
		}
	}
	if lost == 0 {
		t.Error("even a cursor on MAX(updated_at) lost nothing: the interleavings prove nothing")
	}
	t.Logf("%d interleavings, of which a cursor on MAX(updated_at) would have lost changes in %d", *interleavings, lost)
}

func (i *interleaving) play() {
	i.Helper()
	kit.Exec(i, i.Source, "TRUNCATE copy; INSERT INTO copy SELECT id, harga, updated_at FROM tbl_produk")
	i.cursor = time.Time{}
	i.copy()
	for range steps {
		switch what := i.IntN(20); {
		case what < 14:
			i.act(i.IntN(actors))
		case what < 16:
			i.run()
		case what < 17:
			i.refresh()
		case what < 18:
			i.copy()
		case what < 19 && i.follower == nil:
			i.follower = i.follows()
		case i.follower != nil:
			i.caughtUp()
			i.equal()
			if i.IntN(3) == 0 {
				i.follower.stop()
				i.follower = nil
			}
		}
	}
	for a := range actors {
		if i.open[a] != nil {
			i.end(a)
		}
	}
	i.copy()
	if i.follower != nil {
		i.caughtUp()
		i.equal()
		i.follower.stop()
		i.follower = nil
	}
	i.run()
}

// act advances an actor: begin, change, commit or roll back. Actors have separate rows, so that none blocks another.
func (i *interleaving) act(a int) {
	i.Helper()
	if i.open[a] == nil {
		tx, err := i.Source.BeginTx(context.WithoutCancel(i.Context()), nil)
		if err != nil {
			i.Fatal(err)
		}
		i.open[a] = tx
	}
	product, history := a+actors*i.IntN(120/actors), a+actors*i.IntN(60/actors)
	var statement string
	switch what := i.IntN(12); {
	case what < 4: // updated_at is when the statement ran, which may be long before the commit
		statement = fmt.Sprintf("UPDATE tbl_produk SET harga = %d, updated_at = clock_timestamp() WHERE id = %d", i.IntN(1e6), product)
	case what < 5:
		statement = fmt.Sprintf("UPDATE tbl_produk SET harga = %d WHERE id = %d", i.IntN(1e6), product)
	case what < 6:
		statement = fmt.Sprintf("UPDATE tbl_produk SET tanggal_launch = CASE WHEN isfinite(tanggal_launch) THEN 'infinity'::date END WHERE id = %d", product)
	case what < 7:
		statement = fmt.Sprintf("INSERT INTO tbl_stage_histori (id_produk, stage_now, updated_at) VALUES (%d, 1 + %d, clock_timestamp())", product, i.IntN(5))
	case what < 8:
		statement = fmt.Sprintf("DELETE FROM tbl_stage_histori WHERE id = %d", history)
	case what < 9:
		statement = fmt.Sprintf("SAVEPOINT s; UPDATE tbl_produk SET harga = -1 WHERE id = %d; %s SAVEPOINT s", product, []string{"ROLLBACK TO", "RELEASE"}[i.IntN(2)])
	default:
		i.end(a)
		return
	}
	if _, err := i.open[a].ExecContext(context.WithoutCancel(i.Context()), statement); err != nil {
		i.Fatalf("%s: %v", statement, err)
	}
}

func (i *interleaving) end(a int) {
	i.Helper()
	end := i.open[a].Commit
	if i.IntN(5) == 0 {
		end = i.open[a].Rollback
	}
	if err := end(); err != nil {
		i.Fatal(err)
	}
	i.open[a] = nil
}

// run makes an incremental run.
func (i *interleaving) run() {
	i.Helper()
	req := mirror.Request{Mode: models.IncrementalRun}
	_, err := i.Engine.Sync(i.Context(), req, mirror.Silent{})
	for err != nil && models.AsError(err).Class == models.Busy { // a step of real-time sync, on a slow machine
		_, err = i.Engine.Sync(i.Context(), req, mirror.Silent{})
	}
	if err != nil {
		i.Fatal(err)
	}
	i.equal()
}

// refresh mirrors a row, like an API write.
func (i *interleaving) refresh() {
	i.Helper()
	id := 1 + i.IntN(119)
	for i.open[id%actors] != nil { // that actor may have locked the row
		id = 1 + i.IntN(119)
		if i.IntN(5) == 0 {
			return
		}
	}
	kit.Exec(i, i.Source, fmt.Sprintf("UPDATE tbl_produk SET deskripsi = '%d' WHERE id = %d", i.IntN(1e6), id))
	if _, err := i.Engine.Refresh(i.Context(), mirror.ChangedRows{"tbl_produk": {int64(id)}}, 0); err != nil && models.AsError(err).Class != models.Busy {
		i.Fatal(err)
	}
}

// copy copies the rows that are newer than the newest row copied so far.
func (i *interleaving) copy() {
	i.Helper()
	_, err := i.Source.ExecContext(i.Context(), `INSERT INTO copy SELECT id, harga, updated_at FROM tbl_produk WHERE updated_at >= $1
		ON CONFLICT (id) DO UPDATE SET harga = excluded.harga, updated_at = excluded.updated_at`, i.cursor)
	if err == nil {
		err = i.Source.QueryRowContext(i.Context(), "SELECT coalesce(max(updated_at), '2001-01-01') FROM copy").Scan(&i.cursor)
	}
	if err != nil {
		i.Fatal(err)
	}
}

func (i *interleaving) copyLost() bool {
	i.Helper()
	return i.holds(i.Source, "SELECT EXISTS (SELECT FROM tbl_produk p LEFT JOIN copy c USING (id) WHERE p.harga IS DISTINCT FROM c.harga)")
}
