package cache_test

import (
	"testing"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo"
	"lifecycle-sync/services/cache"
	"lifecycle-sync/test/kit/testdb"
)

// TestNothingIsKeptUnlessFollowed: without news of the mirror every answer is made.
func TestNothingIsKeptUnlessFollowed(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		l := newLab(t, url(t), cache.Options{})
		l.want("a", 0, 1)
		l.write(1)
		l.want("a", 1, 2)
		l.want("a", 1, 3)
		if got, want := l.answers.Stats(), (cache.Stats{Bypassed: 3}); got != want {
			l.Errorf("got %+v, want %+v", got, want)
		}
	})
}

const killListener = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
	WHERE datname = current_database() AND application_name = 'lifecycle-sync listener'`

// TestListenerIsKilled has answers made afresh while nobody listens, and kept again afterwards.
func TestListenerIsKilled(t *testing.T) {
	t.Parallel()
	l := newLab(t, testdb.Postgres(t), cache.Options{})
	lost, goOn := make(chan error), make(chan struct{})
	l.follow(l.answers, func(err error) {
		if err != nil {
			lost <- err
			<-goOn
		}
	})
	l.want("a", 0, 1)
	l.want("a", 0, 1)
	l.exec(killListener)
	if e := models.AsError(<-lost); e.Class != models.Connection {
		t.Errorf("got %v", e)
	}
	l.write(1) // of which nobody tells us
	l.want("a", 1, 2)
	l.want("a", 1, 3)
	l.answers.Advance(l.write(2))
	l.want("a", 2, 4)
	close(goOn)
	l.eventually("kept again", func() bool {
		before := l.answers.Stats().Hits
		return l.get("a", l.read) == "2" && l.answers.Stats().Hits > before
	})
}

// TestRestoredDatabase has the mirror go back to a version that answers were kept of.
func TestRestoredDatabase(t *testing.T) {
	t.Parallel()
	l := newLab(t, testdb.Postgres(t), cache.Options{})
	l.follow(l.answers, func(error) {})
	l.write(1)
	l.eventually("the write", func() bool { return l.get("a", l.read) == "1" })
	l.exec("UPDATE tbl_segmen_lifecycle SET segmen = '9'; UPDATE lifecycle_mirror_version SET version = 1")
	l.eventually("the restored state", func() bool { return l.get("a", l.read) == "9" })
}

// TestHalfOpenListener has the listener's connection fall silent, as when a firewall forgets it.
func TestHalfOpenListener(t *testing.T) {
	t.Parallel()
	target := testdb.Postgres(t)
	l := newLab(t, target, cache.Options{})
	network := testdb.NewLink(t, target)
	lost := make(chan error, 100)
	answers := cache.New(pmo.New(openDB(t, network.URL), models.Tables()), cache.Options{})
	l.follow(answers, func(err error) {
		if err != nil {
			lost <- err
		}
	})
	network.Spoil(testdb.Swallowed, testdb.Unheard)
	if e := models.AsError(<-lost); e.Class != models.Timeout && e.Class != models.Connection {
		t.Errorf("got %v", e)
	}
}
