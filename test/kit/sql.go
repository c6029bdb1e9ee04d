package kit

import (
	"context"
	"database/sql"
	"sync"
	"testing"
)

// Exec runs a statement, also in a test's cleanup.
func Exec(t testing.TB, db *sql.DB, statement string, args ...any) {
	t.Helper()
	if _, err := db.ExecContext(context.WithoutCancel(t.Context()), statement, args...); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// One reads the one value that a query returns.
func One[T any](t testing.TB, db *sql.DB, query string, args ...any) (value T) {
	t.Helper()
	if err := db.QueryRowContext(context.WithoutCancel(t.Context()), query, args...).Scan(&value); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return value
}

// Lock takes a lock of PostgreSQL in a transaction of its own. release ends that transaction, as the test's end does;
// awaited reports whether another session of the database waits for it. Sessions of other databases do not count: to
// create a replication slot, they wait for every transaction of the server.
func Lock(t testing.TB, db *sql.DB, statement string) (release func(), awaited func() bool) {
	t.Helper()
	tx, err := db.BeginTx(context.WithoutCancel(t.Context()), nil)
	if err != nil {
		t.Fatal(err)
	}
	release = sync.OnceFunc(func() { _ = tx.Rollback() })
	t.Cleanup(release)
	var pid int64
	if err := tx.QueryRowContext(t.Context(), "SELECT pg_backend_pid()").Scan(&pid); err != nil {
		t.Fatal(err)
	}
	if _, err := tx.ExecContext(t.Context(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	return release, func() (waits bool) {
		err := db.QueryRow("SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND $1 = ANY (pg_blocking_pids(pid)))", pid).Scan(&waits)
		return err == nil && waits
	}
}
