// Package databasetest gives tests databases of their own: a file for SQLite, and on the server of
// TEST_POSTGRES_URL a fresh database for PostgreSQL.
package databasetest

import (
	"crypto/rand"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"       // the driver "pgx"
	_ "github.com/ncruces/go-sqlite3/driver" // the driver "sqlite3"
)

// Each runs fn once for each database system, in a subtest of its own. url makes an empty database
// of that system and returns its URL; several calls make several databases.
func Each(t *testing.T, fn func(t *testing.T, url func(testing.TB) string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { fn(t, SQLite) })
	t.Run("postgres", func(t *testing.T) {
		server(t)
		fn(t, Postgres)
	})
}

// SQLite returns the URL of a file that is not there yet, in a folder that goes with the test.
func SQLite(t testing.TB) string {
	t.Helper()
	return "file:" + filepath.Join(t.TempDir(), "test.db")
}

// Postgres creates an empty database, which is dropped when the test ends, and returns its URL. It
// skips the test when there is no server, and fails it in CI.
func Postgres(t testing.TB) string {
	t.Helper()
	server := server(t)
	created := create(t, server)
	u, err := url.Parse(created)
	if err != nil {
		t.Fatal("the test server's URL is none")
	}
	name := strings.TrimPrefix(u.Path, "/")
	t.Cleanup(func() {
		// A replication slot would keep the database.
		const slots = " FROM pg_replication_slots WHERE database = '%s'"
		run(t, server, fmt.Sprintf("SELECT pg_terminate_backend(active_pid, 10000)"+slots+" AND active", name))
		run(t, server, fmt.Sprintf("SELECT pg_drop_replication_slot(slot_name)"+slots, name))
		run(t, server, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)")
	})
	return created
}

// Open opens the database of a URL, past the program, until the test ends.
func Open(t testing.TB, address string) *sql.DB {
	t.Helper()
	driver := "pgx"
	if !strings.HasPrefix(address, "postgres") {
		driver, address = "sqlite3", address+"?_pragma=busy_timeout(10000)&_pragma=journal_mode(wal)"
	}
	db, err := sql.Open(driver, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// create makes an empty database on a server and returns its URL.
func create(t testing.TB, server *url.URL, options ...string) string {
	t.Helper()
	name := "test_" + strings.ToLower(rand.Text())
	// From template0, because template1 may have whatever encoding and contents.
	options = append([]string{"CREATE DATABASE " + name + " TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C.UTF-8' LC_CTYPE 'C.UTF-8'"}, options...)
	run(t, server, strings.Join(options, " "))
	database := *server
	database.Path = "/" + name
	return database.String()
}

func server(t testing.TB) *url.URL {
	t.Helper()
	text := os.Getenv("TEST_POSTGRES_URL")
	switch {
	case text == "" && os.Getenv("CI") != "":
		t.Fatal("no PostgreSQL: set TEST_POSTGRES_URL or run make test")
	case text == "":
		t.Skip("SKIPPED: no PostgreSQL: set TEST_POSTGRES_URL or run make test")
	}
	server, err := url.Parse(text)
	if err != nil { // its text may hold the password
		t.Fatal("TEST_POSTGRES_URL is not a URL")
	}
	return server
}

func run(t testing.TB, server *url.URL, statement string) {
	t.Helper()
	db, err := sql.Open("pgx", server.String())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}
