package main

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"
)

const (
	writers       = 4
	changesASec   = 1000
	probesPerMany = 25 // one change in so many is watched for
)

// changed is a product whose new price was committed.
type changed struct {
	id, price int64
	at        time.Time
}

// write changes the source from several connections, a thousand times a second together and each change in a
// transaction of its own, until time is over. Some of the changes are told to watched.
func (a *arena) write(ctx context.Context, length time.Duration, watched chan<- changed) error {
	defer close(watched)
	ctx, cancel := context.WithTimeout(ctx, length)
	defer cancel()
	group, groupCtx := errgroup.WithContext(ctx)
	for i := range writers {
		group.Go(func() error {
			conn, err := pgx.Connect(groupCtx, a.server.URL(a.source))
			if err != nil {
				return err
			}
			defer func() { _ = conn.Close(context.WithoutCancel(groupCtx)) }() // nothing to flush
			w := writer{conn: conn, dice: rand.New(rand.NewPCG(uint64(i), 1)), products: a.products, watched: watched}
			return w.work(groupCtx)
		})
	}
	if err := group.Wait(); ctx.Err() == nil {
		return err
	}
	return nil // time is over, which ends what is under way
}

// writer is one connection's work.
type writer struct {
	conn     *pgx.Conn
	dice     *rand.Rand
	products int
	watched  chan<- changed
	mine     []int64 // products that it has inserted and may delete
	done     int
}

// work keeps to its share of the pace; what falls behind is made up for.
func (w *writer) work(ctx context.Context) error {
	start := time.Now()
	for ctx.Err() == nil {
		due := start.Add(time.Duration(w.done) * writers * time.Second / changesASec)
		if wait := time.Until(due); wait > 0 {
			time.Sleep(wait)
		}
		if err := w.change(context.WithoutCancel(ctx)); err != nil {
			return err
		}
		w.done++
	}
	return nil
}

// change makes one change: mostly a price, with or without its updated_at.
func (w *writer) change(ctx context.Context) error {
	id, price := 1+w.dice.Int64N(int64(w.products)), w.dice.Int64N(1<<40)
	var err error
	switch what := w.dice.IntN(100); {
	case what < 50:
		_, err = w.conn.Exec(ctx, "UPDATE tbl_produk SET harga = $2, updated_at = now() WHERE id = $1", id, price)
	case what < 75:
		_, err = w.conn.Exec(ctx, "UPDATE tbl_produk SET harga = $2 WHERE id = $1", id, price)
	case what < 90:
		_, err = w.conn.Exec(ctx, "INSERT INTO tbl_stage_histori (id_produk, stage_now, tanggal_perubahan) VALUES ($1, 2, now())", id)
		return err
	case what < 95 || len(w.mine) == 0:
		err = w.conn.QueryRow(ctx, "INSERT INTO tbl_produk (produk, id_segmen, id_stage, harga) VALUES ('Baru', 1, 1, $1) RETURNING id", price).Scan(&id)
		w.mine = append(w.mine, id)
		return err
	default:
		last := len(w.mine) - 1
		_, err = w.conn.Exec(ctx, "DELETE FROM tbl_produk WHERE id = $1", w.mine[last])
		w.mine = w.mine[:last]
		return err
	}
	if err == nil && w.done%probesPerMany == 0 {
		w.watched <- changed{id, price, time.Now()}
	}
	return err
}

// look waits for watched changes to be seen in the mirror, several at a time, and returns how long each took.
// One that the next change of the same product overtakes is not seen, and not counted.
func (a *arena) look(ctx context.Context, watched <-chan changed) ([]time.Duration, error) {
	const (
		eyes  = 8
		blink = 4 * time.Millisecond
		most  = 5 * time.Second
	)
	var mu sync.Mutex
	var took []time.Duration
	group, ctx := errgroup.WithContext(ctx)
	for range eyes {
		group.Go(func() error {
			conn, err := pgx.Connect(ctx, a.server.URL(a.ours))
			if err != nil {
				return err
			}
			defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
			for c := range watched {
				for time.Since(c.at) < most {
					var price *int64
					if err := conn.QueryRow(ctx, "SELECT harga FROM tbl_produk_lifecycle WHERE id = $1", c.id).Scan(&price); err != nil {
						return err
					}
					if price != nil && *price == c.price {
						mu.Lock()
						took = append(took, time.Since(c.at))
						mu.Unlock()
						break
					}
					time.Sleep(blink)
				}
			}
			return nil
		})
	}
	return took, group.Wait()
}
