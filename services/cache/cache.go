// Package cache keeps the responses to reads of the mirror for as long as the mirror is unchanged.
package cache

import (
	"cmp"
	"context"
	"fmt"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"
	"golang.org/x/sync/singleflight"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo"
	"lifecycle-sync/repositories/pmo/catalog"
	"lifecycle-sync/services/attachments"
	"lifecycle-sync/services/changes"
	"lifecycle-sync/services/products"
	"lifecycle-sync/services/reports"
	"lifecycle-sync/services/stages"
	"lifecycle-sync/services/views"
)

const (
	computeTimeout = time.Minute // for a response, however many callers wait for it
	defaultBytes   = 64 << 20
	entryBytes     = 256 // approximate size of an entry without its response
	largestShare   = 8   // a response larger than this part of the cache is not kept
)

// View reads one state of the mirror.
type View interface {
	products.Reader
	stages.Reader
	attachments.Reader
	reports.Reader
	views.Reader
	changes.Reader
}

// Response is the result of a read use case, ready to be sent. It must not change once it is computed.
type Response interface {
	Size() int // bytes
}

// Options are the settings of Responses.
type Options struct {
	Now   func() time.Time // in the time zone whose days count; nil: UTC
	Bytes int              // maximum size in memory; 0: 64 MiB
}

// Stats count the calls of Get.
type Stats struct {
	Hits     uint64 // answered from memory
	Misses   uint64 // computed, or waited for while another caller's was computed
	Bypassed uint64 // computed without the cache, because the mirror's state was unknown
}

// Responses serves reads of the mirror. While Follow runs, it keeps each response in memory until the mirror changes or
// the day ends.
type Responses struct {
	store   *pmo.Store
	watch   *pmo.Watch
	now     func() time.Time
	max     int // bytes of one response
	entries *otter.Cache[string, entry]
	flights singleflight.Group

	hits, misses, bypassed atomic.Uint64
}

// entry is a response and the state of the mirror from which it was computed.
type entry struct {
	Response

	state state
}

// state holds the inputs of a response other than its key.
type state struct {
	mark pmo.State
	day  int // some responses speak of today
}

// New returns an empty cache of reads from a store.
func New(store *pmo.Store, o Options) *Responses {
	if o.Now == nil {
		o.Now = func() time.Time { return time.Now().UTC() }
	}
	bytes := cmp.Or(o.Bytes, defaultBytes)
	return &Responses{store: store, watch: pmo.NewWatch(store), now: o.Now, max: bytes / largestShare, entries: otter.Must(&otter.Options[string, entry]{
		MaximumWeight: uint64(bytes),
		Weigher:       func(key string, e entry) uint32 { return uint32(len(key) + e.Size() + entryBytes) },
	})}
}

// Follow watches the mirror until ctx ends. It reports why the mirror's state is unknown, and nil when it is known
// again.
func (r *Responses) Follow(ctx context.Context, report func(error)) { r.watch.Follow(ctx, report) }

// Advance announces a version of the mirror that this process has just committed: later calls of Get see it.
func (r *Responses) Advance(version int64) { r.watch.Advance(version) }

// Changed returns a channel that is closed when the mirror changes. While its state is unknown, changes are not noticed.
func (r *Responses) Changed() <-chan struct{} { return r.watch.Changed() }

// Read reads one state of pmo_db and caches nothing. Errors: read's, connection, timeout.
func (r *Responses) Read(ctx context.Context, read func(ctx context.Context, v View) error) error {
	_, err := r.store.View(ctx, func(s *pmo.Session) error { return read(ctx, catalog.New(s)) })
	return err
}

// Stats returns the counts of the calls of Get.
func (r *Responses) Stats() Stats {
	return Stats{Hits: r.hits.Load(), Misses: r.misses.Load(), Bypassed: r.bypassed.Load()}
}

// Get returns the response for a key, which compute makes from one state of pmo_db, and today. All responses of a key have
// one type. Get may return before compute does, because another caller waits for the same response: compute must not use
// memory of the request that the server reuses. Errors: compute's, connection, timeout.
//
//nolint:ireturn // responses of different types share the cache
func Get[T Response](ctx context.Context, r *Responses, key string, compute func(ctx context.Context, v View) (T, error)) (T, error) {
	response, err := r.get(ctx, key, func(ctx context.Context, v View) (Response, error) { return compute(ctx, v) })
	typed, _ := response.(T)
	return typed, err
}

//nolint:ireturn // responses of different types share the cache
func (r *Responses) get(ctx context.Context, key string, compute func(context.Context, View) (Response, error)) (Response, error) {
	mark, known := r.watch.Current()
	if !known {
		r.bypassed.Add(1)
		response, _, err := r.compute(ctx, compute)
		return response, err
	}
	now := state{mark, day(r.now())}
	if e, ok := r.entries.GetIfPresent(key); ok && e.state == now {
		r.hits.Add(1)
		return e.Response, nil
	}
	r.misses.Add(1)
	// The state is part of the flight's name: a call after a write must not join a flight from before it.
	flight := r.flights.DoChan(fmt.Sprint(now, key), func() (any, error) {
		return r.fill(context.WithoutCancel(ctx), key, now, compute)
	})
	select {
	case <-ctx.Done():
		return nil, models.AsError(ctx.Err())
	case done := <-flight:
		response, _ := done.Val.(Response)
		return response, done.Err
	}
}

// fill computes a response for everyone who waits for it and keeps it. ctx outlives the first caller.
//
//nolint:ireturn // responses of different types share the cache
func (r *Responses) fill(ctx context.Context, key string, asked state, compute func(context.Context, View) (Response, error)) (response Response, err error) {
	defer func() { // no request's own recovery is above this
		if cause := recover(); cause != nil {
			err = models.NewError(models.Internal, "error.internal", nil).WithRemedy("error.internal_remedy", nil).WithCause(fmt.Errorf("panic: %v\n%s", cause, debug.Stack()))
		}
	}()
	if e, ok := r.entries.GetIfPresent(key); ok && e.state == asked { // the flight before this one has just landed
		return e.Response, nil
	}
	ctx, cancel := context.WithTimeout(ctx, computeTimeout)
	defer cancel()
	response, version, err := r.compute(ctx, compute)
	if err != nil {
		return nil, err
	}
	if seen, current := r.watch.Confirm(asked.mark, version); current && response.Size() <= r.max {
		r.entries.Set(key, entry{response, state{seen, asked.day}})
	}
	return response, nil
}

//nolint:ireturn // responses of different types share the cache
func (r *Responses) compute(ctx context.Context, compute func(context.Context, View) (Response, error)) (response Response, version int64, err error) {
	version, err = r.store.View(ctx, func(s *pmo.Session) error {
		response, err = compute(ctx, catalog.New(s))
		return err
	})
	return response, version, err
}

// day numbers the days of a time zone.
func day(t time.Time) int { return t.Year()*366 + t.YearDay() }
