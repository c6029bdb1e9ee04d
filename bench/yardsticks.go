package main

import (
	"context"
	"strings"
	"time"
)

// The yardsticks are what somebody with psql at hand would do instead.

// copyParents gives their mirror the rows that the foreign keys ask for. It is not timed.
func (a *arena) copyParents(ctx context.Context) error {
	for _, t := range parents {
		if _, err := a.pipe(ctx, t, "-c", "COPY "+t.mirror+" ("+t.columns+") FROM STDIN"); err != nil {
			return err
		}
	}
	return nil
}

// naivePipe copies table after table into the mirror with its keys, foreign keys and indexes.
func (a *arena) naivePipe(ctx context.Context) (total time.Duration, err error) {
	for _, t := range tables {
		elapsed, err := a.pipe(ctx, t, "-c", "COPY "+t.mirror+" ("+t.columns+") FROM STDIN")
		if err != nil {
			return 0, err
		}
		total += elapsed
	}
	return total, nil
}

// tempTableMerge copies table after table into a temporary one and upserts from there what differs.
func (a *arena) tempTableMerge(ctx context.Context) (total time.Duration, err error) {
	for _, t := range tables {
		elapsed, err := a.pipe(ctx, t,
			"-c", "CREATE TEMP TABLE incoming (LIKE "+t.mirror+")",
			"-c", "COPY incoming ("+t.columns+") FROM STDIN",
			"-c", t.merge())
		if err != nil {
			return 0, err
		}
		total += elapsed
	}
	return total, nil
}

// pipe is psql COPY out | psql COPY in, from the source into their mirror.
func (a *arena) pipe(ctx context.Context, t table, into ...string) (time.Duration, error) {
	return piped(a.server.psql(ctx, a.source, "-c", t.copyOut()), a.server.psql(ctx, a.theirs, into...))
}

// merge upserts the rows of the temporary table and leaves equal ones untouched.
func (t table) merge() string {
	names := strings.Split(t.columns, ", ")
	var assignments, have, come []string
	for _, name := range names[1:] {
		assignments = append(assignments, name+" = EXCLUDED."+name)
		have, come = append(have, "m."+name), append(come, "EXCLUDED."+name)
	}
	return "INSERT INTO " + t.mirror + " AS m (" + t.columns + ") SELECT " + t.columns + " FROM incoming ON CONFLICT (id) DO UPDATE SET " +
		strings.Join(assignments, ", ") + " WHERE (" + strings.Join(have, ", ") + ") IS DISTINCT FROM (" + strings.Join(come, ", ") + ")"
}
