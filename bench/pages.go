package main

import (
	"context"
	"time"
)

// rendering times a page of the console against the same data as JSON. Which of the two is requested first alternates.
// Warm, both are in the server's cache; cold, neither is.
type rendering struct {
	page, data func(unique int) string
	warm       bool
}

func (r rendering) measure(ctx context.Context, a *arena, m measure) (figures, error) {
	if !r.warm {
		s, err := a.served(ctx)
		if err != nil {
			return figures{}, err
		}
		return s.cold(ctx, func() (figures, error) { return r.compare(ctx, m, s) })
	}
	if _, err := measured(a.command(ctx, a.ours, "sync")); err != nil {
		return figures{}, err
	}
	s, err := a.serve(ctx)
	if err != nil {
		return figures{}, err
	}
	defer s.close()
	return r.compare(ctx, m, s)
}

func (r rendering) compare(ctx context.Context, m measure, s *site) (figures, error) {
	var pages, data []time.Duration
	for round := range m.runs + 1 { // the first one warms up disk buffers, and the cache where that counts
		page := func() error { return timed(ctx, s, r.page(s.unique()), &pages) }
		json := func() error { return timed(ctx, s, apiPath+r.data(s.unique()), &data) }
		first, second := page, json
		if round%2 == 1 {
			first, second = json, page
		}
		if err := first(); err != nil {
			return figures{}, err
		}
		if err := second(); err != nil {
			return figures{}, err
		}
	}
	return figures{1000 * median(pages[1:]).Seconds(), 1000 * median(data[1:]).Seconds()}, nil
}

// timed requests a URL and notes how long that took.
func timed(ctx context.Context, s *site, target string, times *[]time.Duration) error {
	_, elapsed, err := s.fetch(ctx, target)
	*times = append(*times, elapsed)
	return err
}

// always is the same URL for every number.
func always(target string) func(int) string { return func(int) string { return target } }

var (
	listPageWarm     = rendering{always("/products"), always("/products"), true}
	overviewPageWarm = rendering{always("/"), always("/dashboard"), true}
	listPageCold     = rendering{
		func(unique int) string { return "/products?page=" + pageNumber(1, unique) },
		func(unique int) string { return "/products?page=" + pageNumber(1, unique) }, false,
	}
	overviewPageCold = rendering{
		func(unique int) string { return "/?" + emptyFilters(unique) },
		func(unique int) string { return "/dashboard?" + emptyFilters(unique) }, false,
	}
)
