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
	"lifecycle-sync/repositories/pmo"
	"lifecycle-sync/services/cache"
	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/databases"
	"lifecycle-sync/test/kit/testdb"
)

// TestGet_CachesUntilAWrite has a write of this process, and one of another, after which Advance is not called.
func TestGet_CachesUntilAWrite(t *testing.T) {
	each(t, cache.Options{}, func(l *fixture) {
		l.want("a", 0, 1)
		l.want("a", 0, 1)
		l.want("b", 0, 2)
		l.responses.Advance(l.write(7))
		l.want("a", 7, 3)
		l.want("a", 7, 3)
		if got, want := l.responses.Stats(), (cache.Stats{Hits: 2, Misses: 3}); got != want {
			l.Errorf("got %+v, want %+v", got, want)
		}
		l.write(8)
		kit.Eventually(l, "the other process's write", func() bool { return l.get("a", l.compute) == "8" })
		l.want("a", 8, 4)
	})
}

// TestGet_IsNeverStale compares every response with what was committed before it was asked for.
func TestGet_IsNeverStale(t *testing.T) {
	each(t, cache.Options{Bytes: 1000}, func(l *fixture) {
		var committed atomic.Int64
		ctx, stop := context.WithCancel(l.Context())
		var readers sync.WaitGroup
		for i := range 8 {
			readers.Go(func() {
				for n := i; ctx.Err() == nil; n++ {
					least := committed.Load()
					if got, err := strconv.ParseInt(l.get(strconv.Itoa(n%4), l.compute), 10, 64); err != nil || got < least {
						l.Errorf("got %d (%v) after %d was committed", got, err, least)
						return
					}
				}
			})
		}
		for n := 1; n <= 200; n++ {
			l.responses.Advance(l.write(n))
			committed.Store(int64(n))
			if got := l.get("writer", l.compute); got != strconv.Itoa(n) {
				l.Errorf("got %s after %d was written", got, n)
			}
		}
		stop()
		readers.Wait()
	})
}

// TestGet_DropsAnswersFromBeforeAWrite finishes a response after a write that it has not seen.
func TestGet_DropsAnswersFromBeforeAWrite(t *testing.T) {
	each(t, cache.Options{}, func(l *fixture) {
		hasRead, proceed, old := make(chan struct{}), make(chan struct{}), make(chan string)
		go func() {
			old <- l.get("a", func(ctx context.Context, v cache.View) (response, error) {
				response, err := l.compute(ctx, v)
				close(hasRead)
				<-proceed
				return response, err
			})
		}()
		<-hasRead
		l.responses.Advance(l.write(1))
		l.want("a", 1, 2) // and does not wait for the old one
		close(proceed)
		if got := <-old; got != "0" {
			l.Errorf("the request from before the write got %s", got)
		}
		l.want("a", 1, 2)
	})
}

// TestGet_ComputesOnceForConcurrentCallers also cancels the first caller, whose response the others get all the same.
func TestGet_ComputesOnceForConcurrentCallers(t *testing.T) {
	t.Parallel()
	l := newFixture(t, testdb.SQLite(t), cache.Options{})
	l.follow(l.responses, func(error) {})
	ctx, cancel := context.WithCancel(l.Context())
	begun, proceed, first := make(chan struct{}), make(chan struct{}), make(chan error)
	go func() {
		_, err := cache.Get(ctx, l.responses, "a", func(ctx context.Context, v cache.View) (response, error) {
			close(begun)
			<-proceed
			return l.compute(ctx, v)
		})
		first <- err
	}()
	<-begun
	const callers = 20
	var waiting sync.WaitGroup
	for range callers {
		waiting.Go(func() {
			if got := l.get("a", l.compute); got != "0" {
				l.Errorf("got %s", got)
			}
		})
	}
	kit.Eventually(l, "all have asked", func() bool { return l.responses.Stats().Misses == 1+callers })
	cancel()
	if err := <-first; models.AsError(err).Class != models.Canceled {
		l.Errorf("got %v", err)
	}
	close(proceed)
	waiting.Wait()
	l.want("a", 0, 1)
}

// TestGet_DoesNotCacheErrors includes a panic, which does not end the process.
func TestGet_DoesNotCacheErrors(t *testing.T) {
	t.Parallel()
	l := newFixture(t, testdb.SQLite(t), cache.Options{})
	l.follow(l.responses, func(error) {})
	notFound := models.NewError(models.NotFound, "products.not_found", nil)
	_, err := cache.Get(l.Context(), l.responses, "a", func(context.Context, cache.View) (response, error) { return nil, notFound })
	if !errors.Is(err, notFound) {
		l.Errorf("got %v", err)
	}
	_, err = cache.Get(l.Context(), l.responses, "a", func(context.Context, cache.View) (response, error) { panic("broken") })
	if e := models.AsError(err); e.Class != models.Internal || !strings.Contains(e.Cause.Error(), "panic: broken") || strings.Contains(e.Error(), "broken") {
		l.Errorf("got %v", err)
	}
	l.want("a", 0, 1)
}

func TestGet_ComputesAgainAfterMidnight(t *testing.T) {
	zone := time.FixedZone("", 7*60*60)
	times := []time.Time{
		time.Date(2026, 12, 31, 6, 59, 59, 0, zone), time.Date(2026, 12, 31, 7, 0, 0, 0, zone), // midnight UTC
		time.Date(2026, 12, 31, 23, 59, 59, 0, zone), time.Date(2027, 1, 1, 0, 0, 0, 0, zone),
	}
	t.Parallel()
	var now atomic.Int64
	l := newFixture(t, testdb.SQLite(t), cache.Options{Now: func() time.Time { return times[now.Load()] }})
	l.follow(l.responses, func(error) {})
	for i := range times {
		now.Store(int64(i))
		l.want("a", 0, 1+i/3)
	}
}

// TestGet_BoundsMemory fills the cache several times over.
func TestGet_BoundsMemory(t *testing.T) {
	t.Parallel()
	l := newFixture(t, testdb.SQLite(t), cache.Options{Bytes: 8 * 4096})
	l.follow(l.responses, func(error) {})
	sized := func(size int) func(context.Context, cache.View) (response, error) {
		return func(context.Context, cache.View) (response, error) { return make(response, size), nil }
	}
	const responses, size, fit = 40, 3600, 8
	kit.Eventually(l, "most of the responses were evicted", func() bool { // which happens in the background
		before := l.responses.Stats().Hits
		for n := range responses {
			l.get(strconv.Itoa(n), sized(size))
		}
		return l.responses.Stats().Misses > responses && l.responses.Stats().Hits-before <= fit
	})
	before := l.responses.Stats().Misses
	for range 2 {
		l.get("larger than its share", sized(4097))
	}
	if got := l.responses.Stats().Misses - before; got != 2 {
		l.Errorf("a response that leaves no room for others was cached")
	}
}

func TestGet_DoesNotCacheWithoutFollow(t *testing.T) {
	t.Parallel()
	l := newFixture(t, testdb.SQLite(t), cache.Options{})
	l.want("a", 0, 1)
	l.write(1)
	l.want("a", 1, 2)
	l.want("a", 1, 3)
	if got, want := l.responses.Stats(), (cache.Stats{Bypassed: 3}); got != want {
		l.Errorf("got %+v, want %+v", got, want)
	}
}

// TestFollow_ListenerIsKilled expects no caching until there is a listener again.
func TestFollow_ListenerIsKilled(t *testing.T) {
	t.Parallel()
	l := newFixture(t, testdb.Postgres(t), cache.Options{})
	lost, proceed := make(chan error), make(chan struct{})
	l.follow(l.responses, func(err error) {
		if err != nil {
			lost <- err
			<-proceed
		}
	})
	l.want("a", 0, 1)
	l.want("a", 0, 1)
	kit.Exec(l, l.db.SQL, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'lifecycle-sync listener'")
	if e := models.AsError(<-lost); e.Class != models.Connection {
		t.Errorf("got %v", e)
	}
	l.write(1) // its notification is lost
	l.want("a", 1, 2)
	l.want("a", 1, 3)
	l.responses.Advance(l.write(2))
	l.want("a", 2, 4)
	close(proceed)
	kit.Eventually(l, "the cache responds again", func() bool {
		before := l.responses.Stats().Hits
		return l.get("a", l.compute) == "2" && l.responses.Stats().Hits > before
	})
}

// TestFollow_RestoredDatabase sets the mirror back to a version of which there are responses.
func TestFollow_RestoredDatabase(t *testing.T) {
	t.Parallel()
	l := newFixture(t, testdb.Postgres(t), cache.Options{})
	l.follow(l.responses, func(error) {})
	l.write(1)
	kit.Eventually(l, "the write", func() bool { return l.get("a", l.compute) == "1" })
	kit.Exec(l, l.db.SQL, "UPDATE tbl_segmen_lifecycle SET segmen = '9'; UPDATE lifecycle_mirror_version SET version = 1")
	kit.Eventually(l, "the restored state", func() bool { return l.get("a", l.compute) == "9" })
}

// TestFollow_HalfOpenListener makes the listener's connection fall silent, as when a firewall forgets it.
func TestFollow_HalfOpenListener(t *testing.T) {
	t.Parallel()
	target := testdb.Postgres(t)
	l := newFixture(t, target, cache.Options{})
	network, lost := testdb.NewLink(t, target), make(chan error, 100)
	responses := cache.New(pmo.New(databases.Open(t, network.URL, "pmo_db"), models.Tables()), cache.Options{})
	l.follow(responses, func(err error) {
		if err != nil {
			lost <- err
		}
	})
	network.AddFaults(testdb.LoseResponses, testdb.LoseRequests)
	if e := models.AsError(<-lost); e.Class != models.Timeout && e.Class != models.Connection {
		t.Errorf("got %v", e)
	}
}
