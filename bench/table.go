package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"text/tabwriter"
)

// result is a measure with its figures.
type result struct {
	measure
	figures
	skipped string // the reason for having no figures
}

// measure runs one contest. A skipped one is reported and listed in the table.
func (b *bench) measure(ctx context.Context, a *arena, m measure) (result, error) {
	b.say("measuring: %s", m.name)
	found, err := m.contest.measure(ctx, a, m)
	if skip, ok := errors.AsType[skipped](err); ok {
		b.say("!!! SKIPPED: %s: %s !!!", m.name, skip.reason)
		return result{measure: m, skipped: skip.reason}, nil
	}
	return result{measure: m, figures: found}, err
}

func (r result) ratio() float64 { return r.ours / r.yardstick }

func (r result) verdict() string {
	missed := r.ratio() > r.reach
	if r.least {
		missed = r.ratio() < r.reach
	}
	if missed || (r.most > 0 && r.ours > r.most) {
		return "MISSED"
	}
	return "ok"
}

func (r result) toReach() string {
	if r.least {
		return fmt.Sprintf("≥ %.2f", r.reach)
	}
	if r.most > 0 {
		return fmt.Sprintf("≤ %.2f, ≤ %g %s", r.reach, r.most, r.unit)
	}
	return fmt.Sprintf("≤ %.2f", r.reach)
}

// printTable prints the environment and one line per measure.
func printTable(ctx context.Context, w io.Writer, cfg config, results []result) error {
	settings, err := cfg.server.text(ctx, "postgres", `SELECT 'PostgreSQL ' || current_setting('server_version') || ', shared_buffers '
		|| current_setting('shared_buffers') || ', fsync ' || current_setting('fsync')`)
	if err != nil {
		return err
	}
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintf(out, "\n%d products and %d histories, %d processors, %s; medians; of the sync, of whole processes\n\n",
		cfg.rows, 2*cfg.rows, runtime.NumCPU(), settings)
	_, _ = fmt.Fprintln(out, "measure\tours\tyardstick\t\tratio\tto reach\t\truns")
	for _, r := range results {
		if r.skipped != "" {
			_, _ = fmt.Fprintf(out, "%s\t-\t-\t%s\t-\t%s\tSKIPPED\t0\n", r.name, r.against, r.toReach())
			continue
		}
		_, _ = fmt.Fprintf(out, "%s\t%.3f %s\t%.3f %s\t%s\t%.3f\t%s\t%s\t%d\n", r.name, r.ours, r.unit, r.yardstick, r.unit,
			r.against, r.ratio(), r.toReach(), r.verdict(), r.runs)
	}
	return out.Flush()
}
