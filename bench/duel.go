package main

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// duel times our sync and a yardstick alternately, on the same change of the same state.
type duel struct {
	prepare   func(ctx context.Context, a *arena, round int) error // not timed
	yardstick func(a *arena, ctx context.Context) (time.Duration, error)
	mode      string // of our run
}

// measure compares the medians of all rounds, after checking that both mirrors equal the source.
func (d duel) measure(ctx context.Context, a *arena, m measure) (figures, error) {
	var ours, theirs []time.Duration
	for round := range m.runs {
		if err := d.prepare(ctx, a, round); err != nil {
			return figures{}, err
		}
		if err := a.settle(ctx); err != nil {
			return figures{}, err
		}
		us, err := a.sync(ctx, m, d.mode)
		if err != nil {
			return figures{}, err
		}
		them, err := d.yardstick(a, ctx)
		if err != nil {
			return figures{}, err
		}
		ours, theirs = append(ours, us), append(theirs, them)
		a.bench.say("%s, run %d of %d: %.3f s; %s: %.3f s", m.name, round+1, m.runs, us.Seconds(), m.against, them.Seconds())
	}
	if err := a.checkEqual(ctx); err != nil {
		return figures{}, fmt.Errorf("after %q: %w", m.name, err)
	}
	return figures{median(ours).Seconds(), median(theirs).Seconds()}, nil
}

// sync times a run of our binary, including process start.
func (a *arena) sync(ctx context.Context, m measure, mode string) (time.Duration, error) {
	used, err := measured(a.command(ctx, a.ours, "sync", "--mode", mode))
	if err != nil {
		return 0, err
	}
	a.bench.notePeak(a.volume, used.kilobytes, m.name)
	return used.elapsed, nil
}

// median is the middle value, or the lower of the two middle values.
func median(values []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[(len(sorted)-1)/2]
}
