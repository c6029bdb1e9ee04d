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

// bulkMove times moves of products to their next stage: ours by the API, and those of other products by hand, in one transaction
// of each database.
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
	conns := map[string]*pgx.Conn{}
	for _, database := range []string{a.source, a.ours} {
		conn, err := pgx.Connect(ctx, a.server.URL(database))
		if err != nil {
			return figures{}, err
		}
		defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }() // nothing to flush
		conns[database] = conn
	}
	var ours, theirs []time.Duration
	for round := range m.runs + 1 { // the first one warms up disk buffers and prepares statements
		stage := 1 + round%4
		us, err := s.moveAll(ctx, stage)
		if err != nil {
			return figures{}, err
		}
		them, err := moveAllByHand(ctx, conns[a.source], conns[a.ours], stage)
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

// moveAllByHand moves the next products to a stage by hand: one transaction in the source, which also returns the rows before and
// after, and one in pmo_db, which writes the same rows as our write: the activity, the mirrored rows, and the change log.
func moveAllByHand(ctx context.Context, source, mirror *pgx.Conn, stage int) (time.Duration, error) {
	ids := make([]int64, bulkSize)
	for i := range ids {
		ids[i] = int64(bulkSize + 1 + i)
	}
	start := time.Now()
	var products, records []string
	err := pgx.BeginFunc(ctx, source, func(tx pgx.Tx) (err error) {
		if _, err = texts(ctx, tx, "SELECT max(tanggal_perubahan)::text FROM tbl_stage_histori WHERE id_produk = ANY($1) GROUP BY id_produk", ids); err != nil {
			return err
		}
		if records, err = texts(ctx, tx, `INSERT INTO tbl_stage_histori AS h (id_produk, stage_previous, stage_now, catatan, tanggal_perubahan, created_at, updated_at)
			SELECT id, id_stage, $2, 'bench', now(), current_timestamp, transaction_timestamp()
			FROM tbl_produk WHERE id = ANY($1) ORDER BY id FOR UPDATE RETURNING row_to_json(h)::text`, ids, stage); err != nil {
			return err
		}
		products, err = texts(ctx, tx, `UPDATE tbl_produk p SET id_stage = $2, tanggal_stage_start = current_date, tanggal_stage_end = NULL, updated_at = now()
			FROM tbl_produk old WHERE p.id = ANY($1) AND old.id = p.id RETURNING json_build_array(old, p)::text`, ids, stage)
		return err
	})
	if err == nil && len(products) != bulkSize {
		err = fmt.Errorf("moved %d products by hand", len(products))
	}
	if err != nil {
		return 0, err
	}
	err = pgx.BeginFunc(ctx, mirror, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, mirrorByHand, products, records)
		return err
	})
	return time.Since(start), err
}

// mirrorByHand writes the products of $1, each an array of the row before and after, and the new records of $2.
const mirrorByHand = `WITH p AS (SELECT n, r::json->0 AS before, r::json->1 AS after, (r::json->1->>'id')::bigint AS id FROM unnest($1::text[]) WITH ORDINALITY AS x(r, n)),
	h AS (SELECT n, r::json AS after, (r::json->>'id')::bigint AS id, (r::json->>'id_produk')::bigint AS product FROM unnest($2::text[]) WITH ORDINALITY AS x(r, n)),
	products AS (INSERT INTO tbl_produk_lifecycle SELECT r.* FROM p, json_populate_record(NULL::tbl_produk_lifecycle, p.after) r
		ON CONFLICT (id) DO UPDATE SET id_stage = EXCLUDED.id_stage, tanggal_stage_start = EXCLUDED.tanggal_stage_start,
			tanggal_stage_end = EXCLUDED.tanggal_stage_end, updated_at = EXCLUDED.updated_at),
	records AS (INSERT INTO tbl_stage_histori_lifecycle SELECT r.* FROM h, json_populate_record(NULL::tbl_stage_histori_lifecycle, h.after) r),
	activity AS (INSERT INTO lifecycle_activities (at, actor_id, actor_name, channel, action, pending, change_count)
		VALUES (now(), 'bench', 'bench', 'bulk', 'move', FALSE, 2 * (SELECT count(*) FROM p)) RETURNING id),
	run AS (INSERT INTO lifecycle_sync_runs (mode, state, started_at, finished_at) VALUES ('write', 'succeeded', now(), now()) RETURNING id),
	changes AS (SELECT n, 'products' AS table_name, id, id AS product, 'update' AS action, before, after FROM p
		UNION ALL SELECT n + 1000000, 'stage_history', id, product, 'insert', NULL, after FROM h),
	details AS (INSERT INTO lifecycle_activity_changes (activity_id, position, table_name, row_id, product_id, before, after, mirrored)
		SELECT activity.id, c.n, c.table_name, c.id, c.product, c.before, c.after, TRUE FROM changes c, activity)
	INSERT INTO lifecycle_sync_changes (run_id, table_name, row_id, product_id, action, before, after, activity_id)
		SELECT run.id, c.table_name, c.id, c.product, c.action, c.before, c.after, activity.id FROM changes c, run, activity`

// texts returns the one text column of a query.
func texts(ctx context.Context, tx pgx.Tx, query string, args ...any) ([]string, error) {
	rows, err := tx.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}
