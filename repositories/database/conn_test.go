package database_test

import (
	"context"
	"testing"
	"time"

	"lifecycle-sync/repositories/database"
	"lifecycle-sync/test/kit/testdb"
)

// TestCommitThatWasNotSent leaves no transaction open behind it, whose locks others would wait for.
func TestCommitThatWasNotSent(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		db := open(t, url(t))
		if err := db.Exec("CREATE TABLE t (id integer PRIMARY KEY, n integer)").Error; err != nil {
			t.Fatal(err)
		}
		if err := db.Exec("INSERT INTO t VALUES (1, 1)").Error; err != nil {
			t.Fatal(err)
		}
		late, err := db.BeginConn(t.Context(), database.Write)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := late.Exec(t.Context(), "UPDATE t SET n = 2"); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := late.Commit(ctx); err == nil {
			t.Error("the commit succeeded")
		}
		late.Close()

		ctx, cancel = context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		for range 2 {
			next, err := db.BeginConn(ctx, database.Write)
			if err != nil {
				t.Fatal(err)
			}
			defer next.Close()
			if _, err := next.Exec(ctx, "UPDATE t SET n = n + 1"); err != nil {
				t.Fatal(err)
			}
			if err := next.Commit(ctx); err != nil {
				t.Fatal(err)
			}
		}
		var n int
		if err := db.Raw("SELECT n FROM t").Scan(&n).Error; err != nil || n != 3 {
			t.Errorf("n is %d, %v", n, err)
		}
	})
}
