package main

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Preparations of a round of a duel. They apply to both sides and are not timed.

// nothing changes nothing.
func nothing(context.Context, *arena, int) error { return nil }

// emptied empties both mirrors.
func emptied(ctx context.Context, a *arena, _ int) error { return a.empty(ctx) }

// oneIn changes every n-th row of the source.
func oneIn(n int) func(context.Context, *arena, int) error {
	return func(ctx context.Context, a *arena, round int) error { return a.change(ctx, n, round) }
}

// someChanges are about a thousand changes: updates with and without updated_at, inserts and deletes.
const someChanges = `
	UPDATE tbl_produk SET harga = coalesce(harga, 0) + 1, updated_at = now() WHERE id % 1429 = $1::int;
	UPDATE tbl_produk SET harga = coalesce(harga, 0) + 1 WHERE id % 10000 = $1::int;
	UPDATE tbl_produk SET harga = coalesce(harga, 0) + 1, updated_at = NULL WHERE id % 20000 = $1::int;
	INSERT INTO tbl_stage_histori (id_produk, stage_now) SELECT $1::int + n, 2 FROM generate_series(1, 50) n;
	DELETE FROM tbl_stage_histori WHERE id % 20000 = $1::int`

// somewhatChanged changes a thousand rows. One of them commits late, after a run has already passed its updated_at. The merge
// does not delete, so its deletes are done here.
func somewhatChanged(ctx context.Context, a *arena, round int) error {
	late, err := pgx.Connect(ctx, a.server.URL(a.source))
	if err != nil {
		return err
	}
	defer func() { _ = late.Close(context.WithoutCancel(ctx)) }() // nothing to flush
	tx, err := late.Begin(ctx)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "UPDATE tbl_produk SET harga = $1, updated_at = '2001-01-01' WHERE id = 3", round); err != nil {
		return err
	}
	if _, err := measured(a.command(ctx, a.ours, "sync", "--mode", "incremental")); err != nil {
		return err
	}
	if err := tx.Commit(ctx); err != nil {
		return err
	}
	for statement := range strings.SplitSeq(someChanges, ";") {
		if err := a.server.exec(ctx, a.source, statement, 11+round); err != nil {
			return err
		}
	}
	return a.server.exec(ctx, a.theirs, "DELETE FROM tbl_stage_histori_lifecycle WHERE id % 20000 = $1::int", 11+round)
}

// secondRun makes the first run of both sides.
func secondRun(ctx context.Context, a *arena, round int) error {
	if round > 0 {
		return nil
	}
	if err := a.bench.installPackage(ctx, "rowbyrow"); err != nil {
		return err
	}
	if _, err := a.rowByRow(ctx); err != nil {
		return err
	}
	_, err := measured(a.command(ctx, a.ours, "sync"))
	return err
}
