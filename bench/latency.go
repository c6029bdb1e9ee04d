package main

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
)

// indexTime limits the wait for the search index.
const indexTime = 15 * time.Minute

// latency times a request that is not in our server's cache, and prepared statements by hand that return the same rows.
type latency struct {
	target func(a *arena, unique int) string // a URL for every number
	byHand func(a *arena) []statement
}

// statement is SQL with its arguments.
type statement struct {
	sql  string
	args []any
}

func (l latency) measure(ctx context.Context, a *arena, m measure) (figures, error) {
	s, err := a.served(ctx)
	if err != nil {
		return figures{}, err
	}
	conn, err := pgx.Connect(ctx, a.server.URL(a.ours))
	if err != nil {
		return figures{}, err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }() // nothing to flush
	return s.cold(ctx, func() (figures, error) { return l.compare(ctx, a, m, s, conn) })
}

func (l latency) compare(ctx context.Context, a *arena, m measure, s *site, conn *pgx.Conn) (figures, error) {
	var ours, theirs []time.Duration
	for round := range m.runs + 1 { // the first one warms up disk buffers and prepares statements
		_, us, err := s.fetch(ctx, apiPath+l.target(a, s.unique()))
		if err != nil {
			return figures{}, err
		}
		them, err := byHand(ctx, conn, l.byHand(a))
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

// byHand runs statements, planned for their arguments, and reads their rows.
func byHand(ctx context.Context, conn *pgx.Conn, statements []statement) (time.Duration, error) {
	if _, err := conn.Exec(ctx, "SET jit = off; SET work_mem = '64MB'; SET plan_cache_mode = force_custom_plan"); err != nil {
		return 0, err
	}
	start := time.Now()
	for _, s := range statements {
		rows, err := conn.Query(ctx, s.sql, s.args...)
		if err != nil {
			return 0, err
		}
		for rows.Next() {
			if _, err := rows.Values(); err != nil {
				return 0, err
			}
		}
		if err := rows.Err(); err != nil {
			return 0, err
		}
	}
	return time.Since(start), nil
}

// served is our server on this arena's mirror, with the search index built. The first measure that needs it starts it.
func (a *arena) served(ctx context.Context) (*site, error) {
	if a.site != nil {
		return a.site, nil
	}
	s, err := a.serve(ctx)
	if err != nil {
		return nil, err
	}
	a.site = s
	a.bench.say("waiting for the search index")
	for deadline := time.Now().Add(indexTime); ; {
		valid, err := a.server.text(ctx, a.ours, `SELECT EXISTS (SELECT FROM pg_index
			WHERE indexrelid = to_regclass('tbl_produk_lifecycle_search_trgm') AND indisvalid)::text`)
		switch {
		case err != nil:
			return nil, err
		case valid == "true":
			return s, a.server.exec(ctx, a.ours, "VACUUM ANALYZE")
		case time.Now().After(deadline):
			return nil, errors.New("the search index was not built: check that the server has pg_trgm (contrib)")
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(time.Second):
		}
	}
}
