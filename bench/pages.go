package main

import (
	"context"
	"time"
)

// rendering times a page of the console against the same data as JSON, which of the two is asked for first
// changing from round to round. Warm, both are kept by our server; else it has neither.
type rendering struct {
	page, data func(round int) string
	warm       bool
}

func (r rendering) measure(ctx context.Context, a *arena, m measure) (figures, error) {
	s, err := r.site(ctx, a)
	if err != nil {
		return figures{}, err
	}
	if r.warm {
		defer s.close()
	}
	var pages, data []time.Duration
	for round := range m.runs + 1 { // the first one brings things into memory
		first, second := r.page(round), apiPath+r.data(round)
		if round%2 == 1 {
			first, second = second, first
		}
		_, one, err := s.fetch(ctx, first)
		if err != nil {
			return figures{}, err
		}
		_, other, err := s.fetch(ctx, second)
		if err != nil {
			return figures{}, err
		}
		if round%2 == 1 {
			one, other = other, one
		}
		if round > 0 {
			pages, data = append(pages, one), append(data, other)
		}
	}
	return figures{1000 * median(pages).Seconds(), 1000 * median(data).Seconds()}, nil
}

// site is the server on the large mirror, or one on a small mirror that has just been synchronised.
func (r rendering) site(ctx context.Context, a *arena) (*site, error) {
	if !r.warm {
		return a.served(ctx)
	}
	if _, err := measured(a.command(ctx, a.ours, "sync")); err != nil {
		return nil, err
	}
	return a.serve(ctx)
}

// always is the same address in every round.
func always(target string) func(int) string { return func(int) string { return target } }

var (
	listPageWarm     = rendering{always("/products"), always("/products"), true}
	overviewPageWarm = rendering{always("/"), always("/dashboard"), true}
	listPageCold     = rendering{
		func(round int) string { return "/products?page=" + variant(1, round) },
		func(round int) string { return "/products?page=" + variant(1, round) }, false,
	}
	overviewPageCold = rendering{
		func(round int) string { return "/?" + emptyFilters(round) },
		func(round int) string { return "/dashboard?" + emptyFilters(round) }, false,
	}
)
