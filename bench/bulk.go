package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5"
)

// bulkSize is the number of products that a bulk move moves.
const bulkSize = 1000

// bulkMove times moves of products to their next stage: ours by the API, which also mirrors them, and those of other products by
// hand, in one transaction of the source.
type bulkMove struct{}

func (bulkMove) measure(ctx context.Context, a *arena, m measure) (figures, error) {
	if a.products < 2*bulkSize {
		return figures{}, skipped{fmt.Sprintf("it needs %d products", 2*bulkSize)}
	}
	if err := a.server.exec(ctx, a.source, fmt.Sprintf("UPDATE tbl_produk SET id_stage = 4 WHERE id <= %d", 2*bulkSize)); err != nil {
		return figures{}, err
	}
	if _, err := measured(a.command(ctx, a.ours, "sync")); err != nil {
		return figures{}, err
	}
	s, err := a.served(ctx)
	if err != nil {
		return figures{}, err
	}
	conn, err := pgx.Connect(ctx, a.server.URL(a.source))
	if err != nil {
		return figures{}, err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }() // nothing to flush
	var ours, theirs []time.Duration
	for round := range m.runs + 1 { // the first one warms up disk buffers and prepares statements
		stage := 1 + round%4
		us, err := s.moveAll(ctx, stage)
		if err != nil {
			return figures{}, err
		}
		them, err := moveAllByHand(ctx, conn, stage)
		if err != nil {
			return figures{}, err
		}
		if round > 0 {
			ours, theirs = append(ours, us), append(theirs, them)
			a.bench.say("%s, run %d of %d: %.4f s; %s: %.4f s", m.name, round, m.runs, us.Seconds(), m.against, them.Seconds())
		}
	}
	return figures{1000 * median(ours).Seconds(), 1000 * median(theirs).Seconds()}, nil
}

// moveAll moves the first products to a stage.
func (s *site) moveAll(ctx context.Context, stage int) (time.Duration, error) {
	type target struct {
		ID      int64  `json:"id"`
		Version string `json:"version"`
	}
	var targets []target
	for page := 1; len(targets) < bulkSize; page++ {
		text, _, err := s.fetch(ctx, fmt.Sprintf("%s/products?sort=id&limit=100&page=%d", apiPath, page))
		if err != nil {
			return 0, err
		}
		var list struct {
			Data []target `json:"data"`
		}
		if err := json.Unmarshal(text, &list); err != nil {
			return 0, err
		}
		targets = append(targets, list.Data...)
	}
	body, err := json.Marshal(map[string]any{"products": targets, "move": map[string]any{"stage_now": stage, "catatan": "bench"}})
	if err != nil {
		return 0, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.base+apiPath+"/products/bulk", bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	r.Header.Set("Content-Type", "application/json")
	start := time.Now()
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	elapsed := time.Since(start)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("bulk move: %s %s", response.Status, text)
	}
	return elapsed, err
}

// moveAllByHand moves the next products to a stage in one transaction: it locks and reads them, looks for newer records, and
// writes products and records in one statement.
func moveAllByHand(ctx context.Context, conn *pgx.Conn, stage int) (time.Duration, error) {
	ids := make([]int64, bulkSize)
	for i := range ids {
		ids[i] = int64(bulkSize + 1 + i)
	}
	start := time.Now()
	err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		for _, query := range []string{
			"SELECT * FROM tbl_produk WHERE id = ANY($1) ORDER BY id FOR UPDATE",
			"SELECT id_produk, max(tanggal_perubahan) FROM tbl_stage_histori WHERE id_produk = ANY($1) GROUP BY 1",
		} {
			rows, err := tx.Query(ctx, query, ids)
			if err != nil {
				return err
			}
			for rows.Next() {
				if _, err := rows.Values(); err != nil {
					return err
				}
			}
			if err := rows.Err(); err != nil {
				return err
			}
		}
		moved, err := tx.Exec(ctx, `WITH before AS (SELECT id, id_stage FROM tbl_produk WHERE id = ANY($1)), moved AS (
				UPDATE tbl_produk SET id_stage = $2, tanggal_stage_start = current_date, tanggal_stage_end = NULL, updated_at = now() WHERE id = ANY($1) RETURNING id, updated_at)
			INSERT INTO tbl_stage_histori (id_produk, stage_previous, stage_now, catatan, tanggal_perubahan, created_at, updated_at)
			SELECT id, id_stage, $2, 'bench', now(), updated_at, updated_at FROM moved JOIN before USING (id)`, ids, stage)
		if err == nil && moved.RowsAffected() != bulkSize {
			err = fmt.Errorf("moved %d products by hand", moved.RowsAffected())
		}
		return err
	})
	return time.Since(start), err
}
