package databasetest_test

import (
	"testing"

	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/database/databasetest"
)

func TestEachGivesDatabasesOfTheirOwn(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, url func(testing.TB) string) {
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
