package main

import "context"

// What is done before a round of a duel, to both sides alike and without being timed.

// nothing leaves everything as it is.
func nothing(context.Context, *arena, int) error { return nil }

// emptied gives both sides an empty mirror.
func emptied(ctx context.Context, a *arena, _ int) error { return a.empty(ctx) }

// oneIn edits every n-th row of the source.
func oneIn(n int) func(context.Context, *arena, int) error {
	return func(ctx context.Context, a *arena, round int) error { return a.change(ctx, n, round) }
}

// secondRun sees that the first run of both is behind them.
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
