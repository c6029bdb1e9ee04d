package testdb_test

import (
	"testing"

	"lifecycle-sync/repositories/database"
	"lifecycle-sync/test/kit/testdb"
)

func TestEachGivesDatabasesOfTheirOwn(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		for range 2 {
			db, err := database.Open(url(t), database.Options{Name: "test", MaxConns: 1})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = db.Close() })
			if err := db.Exec("CREATE TABLE mine (id integer)").Error; err != nil {
				t.Error(err)
			}
		}
	})
}

// TestCluster restarts and crashes a server, and reads its standby.
func TestCluster(t *testing.T) {
	t.Parallel()
	primary := testdb.NewCluster(t)
	url := primary.Database(t)
	names := func(url string) (n int) {
		db, err := database.Open(url, database.Options{Name: "test", MaxConns: 1})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = db.Close() }()
		if err := db.Raw("SELECT count(*) FROM pg_database WHERE datname LIKE 'test%'").Scan(&n).Error; err != nil {
			t.Fatal(err)
		}
		return n
	}
	standby := primary.Standby(t)
	for _, mode := range []string{"fast", "immediate"} {
		primary.Stop(mode)
		primary.Start()
		if n := names(url); n != 1 {
			t.Errorf("%s: %d databases", mode, n)
		}
	}
	if n := names(standby.At(url)); n != 1 {
		t.Errorf("%d databases on the standby", n)
	}
}
