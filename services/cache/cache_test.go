package cache_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/services/cache"
	"lifecycle-sync/test/kit/testdb"
)

// TestAnswersAreKeptUntilAWrite is the rule: made once, and again after the mirror has changed.
func TestAnswersAreKeptUntilAWrite(t *testing.T) {
	t.Parallel()
	eachLab(t, cache.Options{}, func(l *lab) {
		l.want("a", 0, 1)
		l.want("a", 0, 1)
		l.want("b", 0, 2)
		l.answers.Advance(l.write(7))
		l.want("a", 7, 3)
		l.want("a", 7, 3)
		if got, want := l.answers.Stats(), (cache.Stats{Hits: 2, Misses: 3}); got != want {
			l.Errorf("got %+v, want %+v", got, want)
		}
	})
}

// TestVeryNextReadUnderLoad has readers hold every answer against what was committed before they asked.
func TestVeryNextReadUnderLoad(t *testing.T) {
	t.Parallel()
	eachLab(t, cache.Options{Bytes: 1000}, func(l *lab) {
		var committed atomic.Int64
		done := make(chan struct{})
		var readers sync.WaitGroup
		for i := range 8 {
			readers.Go(func() {
				for n := i; ; n++ {
					select {
					case <-done:
						return
					default:
					}
					least := committed.Load()
					if got, err := strconv.ParseInt(l.get(strconv.Itoa(n%4), l.read), 10, 64); err != nil || got < least {
						l.Errorf("got %d (%v) after %d was committed", got, err, least)
						return
					}
				}
			})
		}
		for n := 1; n <= 200; n++ {
			l.answers.Advance(l.write(n))
			committed.Store(int64(n))
			if got := l.get("writer", l.read); got != strconv.Itoa(n) {
				l.Errorf("got %s after %d was written", got, n)
			}
		}
		close(done)
		readers.Wait()
	})
}

// TestOtherProcessesWrites are seen without Advance: soon, and on SQLite at once.
func TestOtherProcessesWrites(t *testing.T) {
	t.Parallel()
	eachLab(t, cache.Options{}, func(l *lab) {
		l.want("a", 0, 1)
		l.write(1)
		l.eventually("the other process's write", func() bool { return l.get("a", l.read) == "1" })
		l.want("a", 1, 2)
	})
}

// TestAnswerOfAnOldStateIsNotServed has an answer read before a write and finished after it.
func TestAnswerOfAnOldStateIsNotServed(t *testing.T) {
	t.Parallel()
	eachLab(t, cache.Options{}, func(l *lab) {
		hasRead, goOn := make(chan struct{}), make(chan struct{})
		old := make(chan string)
		go func() {
			old <- l.get("a", func(ctx context.Context, v cache.View) (answer, error) {
				answer, err := l.read(ctx, v)
				close(hasRead)
				<-goOn
				return answer, err
			})
		}()
		<-hasRead
		l.answers.Advance(l.write(1))
		l.want("a", 1, 2) // and does not wait for the old one
		close(goOn)
		if got := <-old; got != "0" {
			l.Errorf("the request from before the write got %s", got)
		}
		l.want("a", 1, 2)
	})
}

// TestOneQueryAtATime has many ask for what is not there yet.
func TestOneQueryAtATime(t *testing.T) {
	t.Parallel()
	eachLab(t, cache.Options{}, func(l *lab) {
		const callers = 20
		goOn := make(chan struct{})
		var asking sync.WaitGroup
		for range callers {
			asking.Go(func() {
				if got := l.get("a", func(ctx context.Context, v cache.View) (answer, error) {
					<-goOn
					return l.read(ctx, v)
				}); got != "0" {
					l.Errorf("got %s", got)
				}
			})
		}
		l.eventually("all have asked", func() bool { return l.answers.Stats().Misses == callers })
		close(goOn)
		asking.Wait()
		l.want("a", 0, 1)
	})
}

// TestFirstCallerLeaves has another wait for the answer that a caller who went away had begun.
func TestFirstCallerLeaves(t *testing.T) {
	t.Parallel()
	eachLab(t, cache.Options{}, func(l *lab) {
		ctx, leave := context.WithCancel(l.Context())
		begun, goOn := make(chan struct{}), make(chan struct{})
		first, second := make(chan error), make(chan string)
		go func() {
			_, err := cache.Get(ctx, l.answers, "a", func(ctx context.Context, v cache.View) (answer, error) {
				close(begun)
				<-goOn
				return l.read(ctx, v)
			})
			first <- err
		}()
		<-begun
		go func() { second <- l.get("a", l.read) }()
		l.eventually("the second asks", func() bool { return l.answers.Stats().Misses == 2 })
		leave()
		if err := <-first; models.AsError(err).Class != models.Canceled {
			l.Errorf("got %v", err)
		}
		close(goOn)
		if got := <-second; got != "0" {
			l.Errorf("got %s", got)
		}
		l.want("a", 0, 1)
	})
}

// TestErrorsAreNotKept, and neither does a panic end the process.
func TestErrorsAreNotKept(t *testing.T) {
	t.Parallel()
	eachLab(t, cache.Options{}, func(l *lab) {
		wrong := models.NewError(models.NotFound, "products.not_found", nil)
		_, err := cache.Get(l.Context(), l.answers, "a", func(context.Context, cache.View) (answer, error) { return nil, wrong })
		if !errors.Is(err, wrong) {
			l.Errorf("got %v", err)
		}
		_, err = cache.Get(l.Context(), l.answers, "a", func(context.Context, cache.View) (answer, error) { panic("broken") })
		if e := models.AsError(err); e.Class != models.Internal || !strings.Contains(e.Cause.Error(), "panic: broken") || strings.Contains(e.Error(), "broken") {
			l.Errorf("got %v", err)
		}
		l.want("a", 0, 1)
	})
}

// TestTodayIsPartOfTheKey turns the clock past midnight.
func TestTodayIsPartOfTheKey(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("", 7*60*60)
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		var now atomic.Int64
		l := newLab(t, url(t), cache.Options{Now: func() time.Time { return time.Unix(now.Load(), 0).In(zone) }})
		l.follow(l.answers, func(error) {})
		for i, at := range []time.Time{
			time.Date(2026, 12, 31, 6, 59, 59, 0, zone),
			time.Date(2026, 12, 31, 7, 0, 0, 0, zone), // midnight elsewhere
			time.Date(2026, 12, 31, 23, 59, 59, 0, zone),
			time.Date(2027, 1, 1, 0, 0, 0, 0, zone),
		} {
			now.Store(at.Unix())
			l.want("a", 0, 1+i/3)
		}
	})
}

// TestGet_BoundsMemory fills the cache several times over.
func TestGet_BoundsMemory(t *testing.T) {
	t.Parallel()
	sized := func(size int) compute {
		return func(context.Context, cache.View) (answer, error) { return make(answer, size), nil }
	}
	eachLab(t, cache.Options{Bytes: 8 * 4096}, func(l *lab) {
		const answers, size, fit = 40, 3600, 8
		for range 2 {
			for n := range answers {
				l.get(strconv.Itoa(n), sized(size))
			}
		}
		if hits := l.answers.Stats().Hits; hits > 2*fit {
			l.Errorf("%d of %d answers were in memory, where %d fit", hits, answers, fit)
		}
		before := l.answers.Stats().Misses
		for range 2 {
			l.get("larger than its share", sized(4097))
		}
		if got := l.answers.Stats().Misses - before; got != 2 {
			l.Errorf("an answer that leaves no room for others was kept")
		}
	})
}
