package cache_test

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/pmo"
	"lifecycle-sync/services/cache"
	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/databases"
	"lifecycle-sync/test/kit/testdb"
)

// fixture has a pmo_db whose one segment has a number as its name, which the responses repeat.
type fixture struct {
	*testing.T

	db        *database.DB
	store     *pmo.Store
	responses *cache.Responses
	computed  atomic.Int64 // responses
}

// each runs a test in parallel on each database system, with a cache that follows the mirror.
func each(t *testing.T, o cache.Options, fn func(l *fixture)) {
	t.Helper()
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		l := newFixture(t, url(t), o)
		l.follow(l.responses, func(error) {})
		fn(l)
	})
}

func newFixture(t *testing.T, url string, o cache.Options) *fixture {
	t.Helper()
	l := &fixture{T: t}
	l.db, l.store = databases.PMO(t, url)
	l.responses = cache.New(l.store, o)
	kit.Exec(t, l.db.SQL, "INSERT INTO tbl_segmen_lifecycle (id, segmen) VALUES (1, '0')")
	return l
}

// follow makes a cache follow the mirror until the test ends, and waits until it does.
func (l *fixture) follow(responses *cache.Responses, report func(error)) {
	l.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ready, once := make(chan struct{}), sync.Once{}
	var following sync.WaitGroup
	following.Go(func() {
		responses.Follow(ctx, func(err error) {
			if err == nil {
				once.Do(func() { close(ready) })
			}
			report(err)
		})
	})
	l.Cleanup(func() {
		cancel()
		following.Wait()
	})
	<-ready
}

// write commits a number and the next version of the mirror, like another process, and returns the version.
func (l *fixture) write(n int) (version int64) {
	l.Helper()
	statements := fmt.Sprintf("UPDATE tbl_segmen_lifecycle SET segmen = '%d'; UPDATE lifecycle_mirror_version SET version = version + 1", n)
	if l.db.Kind() == database.SQLite {
		statements = "BEGIN IMMEDIATE; " + statements + "; COMMIT"
	} else {
		statements += "; SELECT pg_notify('lifecycle_mirror', version::text) FROM lifecycle_mirror_version"
	}
	kit.Exec(l, l.db.SQL, statements)
	return kit.One[int64](l, l.db.SQL, "SELECT version FROM lifecycle_mirror_version")
}

// compute computes the response: the number.
func (l *fixture) compute(ctx context.Context, v cache.View) (response, error) {
	l.computed.Add(1)
	segments, err := v.Segments(ctx)
	if err != nil {
		return nil, err
	}
	return response(*segments[0].Name), nil
}

// response is the text of a response.
type response []byte

// Size returns the size in bytes.
func (a response) Size() int { return len(a) }

func (l *fixture) get(key string, compute func(context.Context, cache.View) (response, error)) string {
	l.Helper()
	got, err := cache.Get(l.Context(), l.responses, key, compute)
	if err != nil {
		l.Error(err)
	}
	return string(got)
}

// want compares a response and the number of responses that were computed until then.
func (l *fixture) want(key string, number, computed int) {
	l.Helper()
	if got := l.get(key, l.compute); got != strconv.Itoa(number) || l.computed.Load() != int64(computed) {
		l.Errorf("%s: got %s after %d computed responses, want %d after %d", key, got, l.computed.Load(), number, computed)
	}
}
