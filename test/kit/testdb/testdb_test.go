package testdb_test

import (
	"testing"

	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/testdb"
)

func TestEach_CreatesIndependentDatabases(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		for range 2 {
			kit.Exec(t, testdb.Open(t, url(t)), "CREATE TABLE mine (id integer)")
		}
	})
}

// TestCluster restarts and crashes a server, and reads its standby.
func TestCluster(t *testing.T) {
	t.Parallel()
	primary := testdb.NewCluster(t)
	url := primary.Database(t)
	databases := func(url string) int {
		return kit.One[int](t, testdb.Open(t, url), "SELECT count(*) FROM pg_database WHERE datname LIKE 'test%'")
	}
	standby := primary.Standby(t)
	for _, mode := range []string{"fast", "immediate"} {
		primary.Stop(mode)
		primary.Start()
		if n := databases(url); n != 1 {
			t.Errorf("%s: %d databases", mode, n)
		}
	}
	if n := databases(standby.At(url)); n != 1 {
		t.Errorf("%d databases on the standby", n)
	}
}
