package pmo_test

import (
	"database/sql"
	"slices"
	"strings"
	"testing"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/pmo"
	"lifecycle-sync/test/kit/databases"
	"lifecycle-sync/test/kit/testdb"
)

func open(t testing.TB, url string) *database.DB {
	t.Helper()
	return databases.Open(t, url, "pmo_db")
}

// sqliteTypes are the types by which SQLite's migrations call those of the models.
var sqliteTypes = map[string]string{"varchar": "text", "varchar(255)": "text", "timestamptz": "timestamp", "jsonb": "text"}

// postgresTypes are the names that PostgreSQL's catalogue has for those of the models.
var postgresTypes = map[string]string{"varchar": "character varying", "varchar(255)": "character varying(255)", "timestamptz": "timestamp(6) with time zone"}

// TestSchema holds the migrated tables against the models: the same columns, types
// and NULLs, id the only key, and a foreign key for every reference.
func TestSchema(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		db := open(t, url(t))
		if n, err := pmo.New(db, models.Tables()).Migrate(t.Context()); err != nil || n == 0 {
			t.Fatalf("%d migrations, %v", n, err)
		}
		if n, err := pmo.New(db, models.Tables()).Migrate(t.Context()); err != nil || n != 0 {
			t.Fatalf("again: %d migrations, %v", n, err)
		}
		types := sqliteTypes
		if db.Kind() == database.Postgres {
			types = postgresTypes
		}
		for _, table := range models.Tables() {
			got := columns(t, db, table.Mirror)
			var want []string
			for _, c := range table.Columns {
				name := c.Type
				if other, ok := types[c.Type]; ok {
					name = other
				}
				line := c.Name + " " + name
				if c.NotNull {
					line += " NOT NULL"
				}
				want = append(want, line)
			}
			slices.Sort(got)
			slices.Sort(want)
			if strings.Join(got, "\n") != strings.Join(want, "\n") {
				t.Errorf("%s is\n%v\nmust be\n%v", table.Mirror, got, want)
			}
			for _, c := range table.References() {
				parent := c.References + "_lifecycle"
				there := references(t, db, table.Mirror, c.Name, parent)
				if wanted := db.Kind() == database.Postgres || c.References != "tbl_kategori"; there != wanted {
					t.Errorf("%s.%s refers to %s: %t", table.Mirror, c.Name, parent, there)
				}
			}
		}
	})
}

func columns(t *testing.T, db *database.DB, table string) []string {
	t.Helper()
	query := `SELECT attname || ' ' || format_type(atttypid, atttypmod) || CASE WHEN attnotnull THEN ' NOT NULL' ELSE '' END
		FROM pg_attribute WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped AND attidentity = '' ORDER BY attnum`
	if db.Kind() == database.SQLite {
		query = `SELECT name || ' ' || lower(type) || CASE WHEN "notnull" OR pk THEN ' NOT NULL' ELSE '' END FROM pragma_table_info(?) ORDER BY cid`
	}
	rows, err := db.SQL.QueryContext(t.Context(), query, table)
	if err != nil {
		t.Fatal(err)
	}
	return texts(t, rows)
}

func texts(t *testing.T, rows *sql.Rows) (out []string) {
	t.Helper()
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			t.Fatal(err)
		}
		out = append(out, text)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

func references(t *testing.T, db *database.DB, table, column, parent string) bool {
	t.Helper()
	query := `SELECT count(*) FROM pg_constraint f JOIN pg_attribute a ON a.attrelid = f.conrelid AND f.conkey = ARRAY[a.attnum]
		WHERE f.contype = 'f' AND f.convalidated AND f.conrelid = $1::text::regclass AND a.attname = $2 AND f.confrelid = $3::text::regclass`
	if db.Kind() == database.SQLite {
		query = `SELECT count(*) FROM pragma_foreign_key_list(?1) WHERE "from" = ?2 AND "table" = ?3 AND "to" = 'id'`
	}
	var n int
	if err := db.SQL.QueryRowContext(t.Context(), query, table, column, parent).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n == 1
}

// TestMigrate_RunsConcurrently starts several at the same time. On SQLite one process migrates at a time.
func TestMigrate_RunsConcurrently(t *testing.T) {
	t.Parallel()
	url := testdb.Postgres(t)
	done := make(chan error, 4)
	for range cap(done) {
		store := pmo.New(open(t, url), models.Tables())
		go func() { _, err := store.Migrate(t.Context()); done <- err }()
	}
	for range cap(done) {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// TestMigrate_RefusesNewerSchema refuses to touch the tables of a newer binary.
func TestMigrate_RefusesNewerSchema(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		db := open(t, url(t))
		store := pmo.New(db, models.Tables())
		if _, err := store.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		applied := "true"
		if db.Kind() == database.SQLite {
			applied = "1"
		}
		if _, err := db.SQL.ExecContext(t.Context(), "INSERT INTO lifecycle_sync_migrations (version_id, is_applied) VALUES (9999, "+applied+")"); err != nil {
			t.Fatal(err)
		}
		if _, err := store.Migrate(t.Context()); models.AsError(err) == nil || models.AsError(err).Class != models.Schema {
			t.Errorf("migrating ended with %v", err)
		}
	})
}
