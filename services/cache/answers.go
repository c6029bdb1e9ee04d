// Package cache keeps answers to reads of the mirror for as long as the mirror is unchanged.
package cache

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo"
)

// flightTime bounds the making of an answer, whoever still waits for it.
const flightTime = time.Minute

// View is one state of pmo_db, in which a read use case reads.
type View = pmo.Store

// Answer is an encoded answer to a read, ready to be sent. Nobody may change its bytes.
type Answer struct {
	Body  []byte // JSON, or the main part of a page
	ETag  string // quoted; "" of a page
	Link  string // of a page of a list (RFC 8288), else ""
	Title string // of a page
}

// Options are what answers depend on beside the mirror.
type Options struct {
	Now     func() time.Time // in the time zone whose days count; nil: UTC
	Bytes   int              // kept in memory at the most; 0: 64 MiB
	Entries int              // likewise; 0: 10,000
}

// Stats count what became of the calls of Get.
type Stats struct {
	Hits     uint64 // answered from memory
	Misses   uint64 // made, or waited for while another caller's was made
	Bypassed uint64 // made without looking, because the mirror's state was not known
}

// Answers answers reads of the mirror. While Follow runs it keeps answers in memory, each for as long as
// the mirror is in the state that it was made from.
type Answers struct {
	store   *pmo.Store
	watch   *pmo.Watch
	now     func() time.Time
	kept    *kept
	flights singleflight.Group

	hits, misses, bypassed atomic.Uint64
}

// New returns the answers on a store.
func New(store *pmo.Store, o Options) *Answers {
	if o.Now == nil {
		o.Now = func() time.Time { return time.Now().UTC() }
	}
	return &Answers{store: store, watch: pmo.NewWatch(store), now: o.Now, kept: newKept(o.Bytes, o.Entries)}
}

// Follow keeps up with the mirror until ctx ends. It tells report why nothing can be kept for the
// moment, and nil when it can be again.
func (a *Answers) Follow(ctx context.Context, report func(error)) {
	a.watch.Follow(ctx, func(err error) {
		a.kept.drop() // of an earlier state, whose version may come again
		report(err)
	})
}

// Advance says that the mirror has a new version, which this process has just committed: whoever calls
// Get from here on sees it.
func (a *Answers) Advance(version int64) { a.watch.Advance(version) }

// Look reads one state of pmo_db and keeps nothing of it: for what is made for one caller. Errors: read's,
// connection, timeout.
func (a *Answers) Look(ctx context.Context, read func(ctx context.Context, v *View) error) error {
	_, err := a.store.View(ctx, func(v *View) error { return read(ctx, v) })
	return err
}

// Stats returns what became of the calls of Get until now.
func (a *Answers) Stats() Stats {
	return Stats{Hits: a.hits.Load(), Misses: a.misses.Load(), Bypassed: a.bypassed.Load()}
}

// Get returns the answer that key stands for, which compute makes from one state of pmo_db, and today.
// compute may still run when Get has returned, because another caller waits for the same answer: it
// must use nothing of the request that the server uses again. Errors: compute's, connection, timeout.
func (a *Answers) Get(ctx context.Context, key string, compute func(ctx context.Context, v *View) (Answer, error)) (Answer, error) {
	mark, known := a.watch.Now()
	if !known {
		a.bypassed.Add(1)
		answer, _, err := a.view(ctx, compute)
		return answer, err
	}
	asked := question{day: day(a.now()), key: key}
	if answer, ok := a.kept.get(asked, mark); ok {
		a.hits.Add(1)
		return answer, nil
	}
	a.misses.Add(1)
	// The mark is part of the flight's name: who comes after a write does not join one from before it.
	flight := a.flights.DoChan(fmt.Sprint(mark, asked.day, " ", key), func() (any, error) {
		return a.fly(context.WithoutCancel(ctx), asked, mark, compute)
	})
	select {
	case <-ctx.Done():
		return Answer{}, models.AsError(ctx.Err())
	case landed := <-flight:
		answer, _ := landed.Val.(Answer)
		return answer, landed.Err
	}
}

// fly makes an answer for all who wait for it, and keeps it. ctx outlives the first of them.
func (a *Answers) fly(ctx context.Context, q question, mark pmo.Mark, compute func(context.Context, *View) (Answer, error)) (answer Answer, err error) {
	defer func() { // no request's own recovery is above this
		if cause := recover(); cause != nil {
			err = &models.Error{Class: models.Internal, LegacyMessage: "something unexpected went wrong", LegacyRemedy: "The log has the details.",
				Cause: fmt.Errorf("panic: %v\n%s", cause, debug.Stack())}
		}
	}()
	if answer, ok := a.kept.get(q, mark); ok { // the flight before this one has just landed
		return answer, nil
	}
	ctx, cancel := context.WithTimeout(ctx, flightTime)
	defer cancel()
	answer, version, err := a.view(ctx, compute)
	if err != nil {
		return Answer{}, err
	}
	if seen, ok := a.watch.Seen(mark, version); ok {
		a.kept.put(q, seen, answer)
	}
	return answer, nil
}

func (a *Answers) view(ctx context.Context, compute func(context.Context, *View) (Answer, error)) (answer Answer, version int64, err error) {
	version, err = a.store.View(ctx, func(v *View) error {
		answer, err = compute(ctx, v)
		return err
	})
	return answer, version, err
}

// day numbers the days of a time zone.
func day(t time.Time) int { return t.Year()*366 + t.YearDay() }
