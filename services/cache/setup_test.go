package cache_test

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"gorm.io/gorm"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/pmo"
	"lifecycle-sync/services/cache"
	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/databases"
	"lifecycle-sync/test/kit/testdb"
)

// lab has a pmo_db whose one segment bears a number as its name.
type lab struct {
	*testing.T

	db      *database.DB
	store   *pmo.Store
	answers *cache.Answers
	made    atomic.Int64 // calls of read
}

// eachLab runs a test on each database system, with answers that are kept.
func eachLab(t *testing.T, o cache.Options, fn func(l *lab)) {
	t.Helper()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		l := newLab(t, url(t), o)
		l.follow(l.answers, func(error) {})
		fn(l)
	})
}

func newLab(t *testing.T, url string, o cache.Options) *lab {
	t.Helper()
	l := &lab{T: t, db: openDB(t, url)}
	l.store = pmo.New(l.db, models.Tables())
	if _, err := l.store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.exec("INSERT INTO tbl_segmen_lifecycle (id, segmen) VALUES (1, '0')")
	l.answers = cache.New(l.store, o)
	return l
}

func openDB(t *testing.T, url string) *database.DB {
	t.Helper()
	return databases.Open(t, url, "pmo_db")
}

// follow lets answers be kept until the test ends, and waits until they are. report is told what
// Follow reports.
func (l *lab) follow(answers *cache.Answers, report func(error)) {
	l.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ready, once := make(chan struct{}), sync.Once{}
	var following sync.WaitGroup
	following.Go(func() {
		answers.Follow(ctx, func(err error) {
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

func (l *lab) exec(statement string) {
	l.Helper()
	kit.Exec(l, l.db.SQL, statement)
}

// write commits a number and the mirror's next version, as another process would, and returns the version.
func (l *lab) write(n int) (version int64) {
	err := l.db.Transaction(func(tx *gorm.DB) error {
		if err := tx.Exec("UPDATE tbl_segmen_lifecycle SET segmen = ?", strconv.Itoa(n)).Error; err != nil {
			return err
		}
		if err := tx.Raw("UPDATE lifecycle_mirror_version SET version = version + 1 RETURNING version").Scan(&version).Error; err != nil {
			return err
		}
		if l.store.DB.Kind() == database.SQLite {
			return nil
		}
		return tx.Exec("SELECT pg_notify('lifecycle_mirror', ?)", strconv.FormatInt(version, 10)).Error
	})
	if err != nil {
		l.Error(err)
	}
	return version
}

// read makes the answer: the number.
func (l *lab) read(ctx context.Context, v cache.View) (answer, error) {
	l.made.Add(1)
	segments, err := v.Segments(ctx)
	if err != nil {
		return nil, err
	}
	return answer(*segments[0].Name), nil
}

// answer is the text of an answer.
type answer []byte

// Size returns the size in bytes.
func (a answer) Size() int { return len(a) }

type compute = func(ctx context.Context, v cache.View) (answer, error)

func (l *lab) get(key string, read compute) string {
	l.Helper()
	got, err := cache.Get(l.Context(), l.answers, key, read)
	if err != nil {
		l.Error(err)
	}
	return string(got)
}

// want gets the answer and holds it, and how many were made until then, against what they should be.
func (l *lab) want(key string, number, made int) {
	l.Helper()
	if got := l.get(key, l.read); got != strconv.Itoa(number) || l.made.Load() != int64(made) {
		l.Errorf("%s: got %s, with %d answers made until now; want %d and %d", key, got, l.made.Load(), number, made)
	}
}

// eventually waits until a condition holds.
func (l *lab) eventually(what string, holds func() bool) {
	l.Helper()
	kit.Eventually(l, what, holds, kit.Text(func() string { return fmt.Sprint(l.answers.Stats()) }))
}
