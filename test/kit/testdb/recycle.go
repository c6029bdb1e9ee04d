package testdb

import (
	"database/sql"
	"sync"
	"testing"
)

// recycled are databases of ended tests, emptied for reuse: creating one takes longer than most tests.
var recycled idle

type idle struct {
	mu      sync.Mutex
	enabled bool
	urls    []string
}

// Recycle makes the tests of a package reuse PostgreSQL databases. TestMain runs what it returns instead of m.
func Recycle(m interface{ Run() int }) Recycling { return Recycling{m} }

// Recycling is a testing.M after which no database is left.
type Recycling struct{ m interface{ Run() int } }

// Run runs the tests.
func (r Recycling) Run() int {
	recycled.enabled = true
	code := r.m.Run()
	recycled.dropAll()
	return code
}

func (i *idle) take() (database string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if n := len(i.urls); n > 0 {
		database, i.urls = i.urls[n-1], i.urls[:n-1]
	}
	return database
}

// put empties a database and keeps it. It returns false if that is not possible.
func (i *idle) put(t testing.TB, database string) bool {
	t.Helper()
	if !i.enabled || t.Failed() || !emptied(database) {
		return false
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.urls = append(i.urls, database)
	return true
}

// isPlain is true if nothing outside the schema public distinguishes a database from a new one.
const isPlain = `SELECT datacl IS NULL AND datconnlimit = -1 AND datallowconn AND pg_get_userbyid(datdba) = current_user
	AND NOT EXISTS (SELECT FROM pg_namespace WHERE nspname NOT IN ('public', 'information_schema') AND left(nspname, 3) <> 'pg_')
	AND NOT EXISTS (SELECT FROM pg_db_role_setting WHERE setdatabase = d.oid)
	AND NOT EXISTS (SELECT FROM pg_prepared_xacts WHERE database = d.datname)
	AND NOT EXISTS (SELECT FROM pg_extension WHERE extname <> 'plpgsql')
	AND NOT EXISTS (SELECT FROM pg_publication) AND NOT EXISTS (SELECT FROM pg_event_trigger) AND NOT EXISTS (SELECT FROM pg_default_acl)
	AND NOT EXISTS (SELECT FROM pg_largeobject_metadata) AND NOT EXISTS (SELECT FROM pg_foreign_data_wrapper)
	FROM pg_database d WHERE datname = current_database()`

// emptied ends all other sessions and makes a database like a new one, if it can be.
func emptied(database string) bool {
	db, err := sql.Open("pgx", database)
	if err != nil {
		return false
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	for _, statement := range []string{
		"SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
		"SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = current_database()",
	} {
		if _, err := db.Exec(statement); err != nil {
			return false
		}
	}
	var plain bool
	if err := db.QueryRow(isPlain).Scan(&plain); err != nil || !plain {
		return false
	}
	_, err = db.Exec(`SET client_min_messages = warning; DROP SCHEMA public CASCADE; CREATE SCHEMA public;
		DO $$ BEGIN
			IF current_setting('server_version_num')::int >= 150000 THEN
				ALTER SCHEMA public OWNER TO pg_database_owner;
				GRANT USAGE ON SCHEMA public TO PUBLIC;
			ELSE
				GRANT ALL ON SCHEMA public TO PUBLIC;
			END IF;
		END $$`)
	return err == nil
}

// dropAll drops the databases as far as possible: one that is left over disturbs no later test.
func (i *idle) dropAll() {
	for _, database := range i.urls {
		server, name := serverOf(database)
		if db, err := sql.Open("pgx", server); err == nil {
			_, _ = db.Exec("DROP DATABASE IF EXISTS " + name + " WITH (FORCE)")
			_ = db.Close()
		}
	}
}
