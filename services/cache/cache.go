// Package cache keeps the answers to reads of the mirror for as long as the mirror is unchanged.
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
	"lifecycle-sync/services/products"
	"lifecycle-sync/services/reports"
	"lifecycle-sync/services/stages"
)

const (
	computeTimeout = time.Minute // for an answer, however many callers wait for it
	defaultBytes   = 64 << 20
	entryBytes     = 256 // approximate size of an entry without its answer
	largestShare   = 8   // an answer larger than this part of the cache is not kept
)

// View reads one state of the mirror.
type View interface {
	products.Reader
	stages.Reader
	attachments.Reader
	reports.Reader
}

// Answer is the result of a read use case, ready to be sent. It must not change once it is computed.
type Answer interface {
	Size() int // bytes
}

// Options are the settings of Answers.
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

// Answers answers reads of the mirror. While Follow runs, it keeps each answer in memory until the mirror changes or
// the day ends.
type Answers struct {
	store   *pmo.Store
	watch   *pmo.Watch
	now     func() time.Time
	max     int // bytes of one answer
	entries *otter.Cache[string, entry]
	flights singleflight.Group

	hits, misses, bypassed atomic.Uint64
}

// entry is an answer and the state of the mirror from which it was computed.
type entry struct {
	Answer

	state state
}

// state holds the inputs of an answer other than its key.
type state struct {
	mark pmo.State
	day  int // some answers speak of today
}

// New returns an empty cache of reads from a store.
func New(store *pmo.Store, o Options) *Answers {
	if o.Now == nil {
		o.Now = func() time.Time { return time.Now().UTC() }
	}
	bytes := cmp.Or(o.Bytes, defaultBytes)
	return &Answers{store: store, watch: pmo.NewWatch(store), now: o.Now, max: bytes / largestShare, entries: otter.Must(&otter.Options[string, entry]{
		MaximumWeight: uint64(bytes),
		Weigher:       func(key string, e entry) uint32 { return uint32(len(key) + e.Size() + entryBytes) },
	})}
}

// Follow watches the mirror until ctx ends. It reports why the mirror's state is unknown, and nil when it is known
// again.
func (a *Answers) Follow(ctx context.Context, report func(error)) { a.watch.Follow(ctx, report) }

// Advance announces a version of the mirror that this process has just committed: later calls of Get see it.
func (a *Answers) Advance(version int64) { a.watch.Advance(version) }

// Read reads one state of pmo_db and caches nothing. Errors: read's, connection, timeout.
func (a *Answers) Read(ctx context.Context, read func(ctx context.Context, v View) error) error {
	_, err := a.store.View(ctx, func(s *pmo.Session) error { return read(ctx, catalog.New(s)) })
	return err
}

// Stats returns the counts of the calls of Get.
func (a *Answers) Stats() Stats {
	return Stats{Hits: a.hits.Load(), Misses: a.misses.Load(), Bypassed: a.bypassed.Load()}
}

// Get returns the answer for a key, which compute makes from one state of pmo_db, and today. All answers of a key have
// one type. Get may return before compute does, because another caller waits for the same answer: compute must not use
// memory of the request that the server reuses. Errors: compute's, connection, timeout.
//
//nolint:ireturn // answers of different types share the cache
func Get[T Answer](ctx context.Context, a *Answers, key string, compute func(ctx context.Context, v View) (T, error)) (T, error) {
	answer, err := a.get(ctx, key, func(ctx context.Context, v View) (Answer, error) { return compute(ctx, v) })
	typed, _ := answer.(T)
	return typed, err
}

//nolint:ireturn // answers of different types share the cache
func (a *Answers) get(ctx context.Context, key string, compute func(context.Context, View) (Answer, error)) (Answer, error) {
	mark, known := a.watch.Current()
	if !known {
		a.bypassed.Add(1)
		answer, _, err := a.compute(ctx, compute)
		return answer, err
	}
	now := state{mark, day(a.now())}
	if e, ok := a.entries.GetIfPresent(key); ok && e.state == now {
		a.hits.Add(1)
		return e.Answer, nil
	}
	a.misses.Add(1)
	// The state is part of the flight's name: a call after a write must not join a flight from before it.
	flight := a.flights.DoChan(fmt.Sprint(now, key), func() (any, error) {
		return a.fill(context.WithoutCancel(ctx), key, now, compute)
	})
	select {
	case <-ctx.Done():
		return nil, models.AsError(ctx.Err())
	case done := <-flight:
		answer, _ := done.Val.(Answer)
		return answer, done.Err
	}
}

// fill computes an answer for everyone who waits for it and keeps it. ctx outlives the first caller.
//
//nolint:ireturn // answers of different types share the cache
func (a *Answers) fill(ctx context.Context, key string, asked state, compute func(context.Context, View) (Answer, error)) (answer Answer, err error) {
	defer func() { // no request's own recovery is above this
		if cause := recover(); cause != nil {
			err = models.NewError(models.Internal, "error.internal", nil).WithRemedy("error.internal_remedy", nil).WithCause(fmt.Errorf("panic: %v\n%s", cause, debug.Stack()))
		}
	}()
	if e, ok := a.entries.GetIfPresent(key); ok && e.state == asked { // the flight before this one has just landed
		return e.Answer, nil
	}
	ctx, cancel := context.WithTimeout(ctx, computeTimeout)
	defer cancel()
	answer, version, err := a.compute(ctx, compute)
	if err != nil {
		return nil, err
	}
	if seen, current := a.watch.Confirm(asked.mark, version); current && answer.Size() <= a.max {
		a.entries.Set(key, entry{answer, state{seen, asked.day}})
	}
	return answer, nil
}

//nolint:ireturn // answers of different types share the cache
func (a *Answers) compute(ctx context.Context, compute func(context.Context, View) (Answer, error)) (answer Answer, version int64, err error) {
	version, err = a.store.View(ctx, func(s *pmo.Session) error {
		answer, err = compute(ctx, catalog.New(s))
		return err
	})
	return answer, version, err
}

// day numbers the days of a time zone.
func day(t time.Time) int { return t.Year()*366 + t.YearDay() }
