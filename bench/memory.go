package main

import "context"

// small is the volume that the memory of the large one is held against.
var small = volume{10_000, 20_000}

// peak is the most memory that lifecycle-sync took on a volume, and doing what.
type peak struct {
	kilobytes int64
	doing     string
}

// notePeak remembers the most memory that any full sync of a volume took.
func (b *bench) notePeak(v volume, kilobytes int64, doing string) {
	if kilobytes > b.peaks[v].kilobytes {
		b.peaks[v] = peak{kilobytes, doing}
	}
}

// memory compares the peaks of the same full syncs, on the large volume, where the duels before it
// noted them, and on the small one.
type memory struct{ large volume }

func (c memory) measure(ctx context.Context, a *arena, m measure) (figures, error) {
	for range m.runs {
		for _, prepare := range []func(context.Context, *arena, int) error{emptied, nothing, oneIn(100), oneIn(1)} {
			if err := prepare(ctx, a, 0); err != nil {
				return figures{}, err
			}
			if _, err := a.sync(ctx, m, "full"); err != nil {
				return figures{}, err
			}
		}
	}
	high, low := a.bench.peaks[c.large], a.bench.peaks[a.volume]
	a.bench.say("%s: %d kB in %q; %s %d kB", m.name, high.kilobytes, high.doing, m.against, low.kilobytes)
	return figures{float64(high.kilobytes) / 1024, float64(low.kilobytes) / 1024}, nil
}
