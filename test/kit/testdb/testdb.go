// Package testdb creates the databases of tests: a file for SQLite, and a database on the server of
// TEST_POSTGRES_URL for PostgreSQL.
package testdb

import (
	"cmp"
	"crypto/rand"
	"database/sql"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"       // the driver "pgx"
	_ "github.com/ncruces/go-sqlite3/driver" // the driver "sqlite3"

	"lifecycle-sync/test/kit"
)

// Each runs fn in a subtest for each database system. url creates an empty database of that system and returns its URL;
// each call creates another one.
func Each(t *testing.T, fn func(t *testing.T, url func(testing.TB) string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { fn(t, SQLite) })
	t.Run("postgres", func(t *testing.T) {
		server(t)
		fn(t, Postgres)
	})
}

// Daily is Each for slow scenarios of the whole program: it runs fn on one database system, alternating daily. make test-long
// runs it on both.
func Daily(t *testing.T, fn func(t *testing.T, url func(testing.TB) string)) {
	t.Helper()
	systems := map[string]func(testing.TB) string{"sqlite": SQLite, "postgres": Postgres}
	for _, name := range kit.Daily(t, 1, slices.Sorted(maps.Keys(systems))...) {
		t.Run(name, func(t *testing.T) { fn(t, systems[name]) })
	}
}

// SQLite returns the URL of a file that does not exist yet, in the test's temporary folder.
func SQLite(t testing.TB) string {
	t.Helper()
	return "file:" + filepath.Join(t.TempDir(), "test.db")
}

// Postgres returns the URL of an empty database, which is dropped or recycled when the test ends. Without
// a server the test is skipped, and fails in CI.
func Postgres(t testing.TB) string {
	t.Helper()
	server := server(t)
	database := recycled.take()
	if database == "" {
		database = create(t, server, plain)
	}
	t.Cleanup(func() {
		if !recycled.put(t, database) {
			drop(t, database)
		}
	})
	return database
}

// drop drops a database. A replication slot would keep it.
func drop(t testing.TB, database string) {
	t.Helper()
	server, name := serverOf(database)
	const slots = " FROM pg_replication_slots WHERE database = '"
	run(t, server, "SELECT pg_terminate_backend(active_pid, 10000)"+slots+name+"' AND active",
		"SELECT pg_drop_replication_slot(slot_name)"+slots+name+"'", "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)")
}

// serverOf splits a database's URL into the URL of its server's database postgres and its name.
func serverOf(database string) (server, name string) {
	u, err := url.Parse(database)
	if err != nil {
		panic("the test server's URL is invalid") // its text may hold the password
	}
	name = strings.TrimPrefix(u.Path, "/")
	u.Path = "/postgres"
	return u.String(), name
}

// Open opens a database until the test ends, independently of the code under test.
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

// Created creates a PostgreSQL database with options of CREATE DATABASE, and drops it when the test ends.
func Created(t testing.TB, options string) string {
	t.Helper()
	database := create(t, server(t), options)
	t.Cleanup(func() { drop(t, database) })
	return database
}

// Rename gives a database another name until the test ends, and returns its new URL.
func Rename(t testing.TB, database string) string {
	t.Helper()
	server, name := serverOf(database)
	rename := func(from, to string) {
		run(t, server, "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = '"+from+"'", "ALTER DATABASE "+from+" RENAME TO "+to)
	}
	rename(name, name+"_renamed")
	t.Cleanup(func() { rename(name+"_renamed", name) })
	return strings.Replace(database, "/"+name, "/"+name+"_renamed", 1)
}

// Role creates a role that may log in until the test ends, and returns its name and the database's URL for it.
func Role(t testing.TB, database string) (role, as string) {
	t.Helper()
	role = "test_" + strings.ToLower(rand.Text())
	run(t, database, "CREATE ROLE "+role+" LOGIN PASSWORD 'rahasia'")
	t.Cleanup(func() { run(t, database, "DROP OWNED BY "+role+" CASCADE", "DROP ROLE "+role) })
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal("the test server's URL is invalid")
	}
	u.User = url.UserPassword(role, "rahasia")
	return role, u.String()
}

// plain are the options of an empty database: template1 may have any encoding and contents.
const plain = "TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C.UTF-8' LC_CTYPE 'C.UTF-8'"

// create creates a database on a server and returns its URL.
func create(t testing.TB, server *url.URL, options string) string {
	t.Helper()
	name := "test_" + strings.ToLower(rand.Text())
	run(t, server.String(), "CREATE DATABASE "+name+" "+options)
	database := *server
	database.Path = "/" + name
	return database.String()
}

func server(t testing.TB) *url.URL {
	t.Helper()
	text := os.Getenv("TEST_POSTGRES_URL")
	if text == "" {
		kit.Missing(t, "no PostgreSQL: set TEST_POSTGRES_URL or run make test")
	}
	server, err := url.Parse(text)
	if err != nil { // its text may hold the password
		t.Fatal("TEST_POSTGRES_URL is not a URL")
	}
	server.RawQuery = cmp.Or(server.RawQuery, "sslmode=prefer") // tests append to it
	return server
}

func run(t testing.TB, database string, statements ...string) {
	t.Helper()
	db, err := sql.Open("pgx", database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, statement := range statements {
		if _, err := db.Exec(statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}
