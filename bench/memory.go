package main

import "context"

// small is the volume to compare the memory of the large one with.
var small = volume{10_000, 20_000}

// peak is the peak memory of lifecycle-sync on a volume, and the measure that caused it.
type peak struct {
	kilobytes int64
	doing     string
}

// notePeak records the peak memory of the full syncs of a volume.
func (b *bench) notePeak(v volume, kilobytes int64, doing string) {
	if kilobytes > b.peaks[v].kilobytes {
		b.peaks[v] = peak{kilobytes, doing}
	}
}

// memory compares the peak memory of full syncs of the large volume, which the duels recorded, with that of the small one.
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
