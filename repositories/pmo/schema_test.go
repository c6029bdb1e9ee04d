package pmo_test

import (
	"slices"
	"strings"
	"testing"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/pmo"
	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/databases"
	"lifecycle-sync/test/kit/testdb"
)

// types are the types of the models' columns in the tables, if they are called otherwise there.
var types = map[database.Kind]map[string]string{
	database.SQLite:   {"varchar": "text", "varchar(255)": "text", "timestamptz": "timestamp", "jsonb": "text"},
	database.Postgres: {"varchar": "character varying", "varchar(255)": "character varying(255)", "timestamptz": "timestamp(6) with time zone"},
}

// columns lists a table's columns with type and NOT NULL. The mirror's id is no identity.
var columns = map[database.Kind]string{
	database.SQLite: `SELECT group_concat(name || ' ' || lower(type) || CASE WHEN "notnull" OR pk THEN ' NOT NULL' ELSE '' END, char(10)) FROM pragma_table_info(?)`,
	database.Postgres: `SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod) || CASE WHEN attnotnull THEN ' NOT NULL' ELSE '' END, E'\n')
		FROM pg_attribute WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped AND attidentity = ''`,
}

// references counts the foreign keys from a table's column to the id of another table.
var references = map[database.Kind]string{
	database.SQLite: `SELECT count(*) FROM pragma_foreign_key_list(?1) WHERE "from" = ?2 AND "table" = ?3 AND "to" = 'id'`,
	database.Postgres: `SELECT count(*) FROM pg_constraint f JOIN pg_attribute a ON a.attrelid = f.conrelid AND f.conkey = ARRAY[a.attnum]
		WHERE f.contype = 'f' AND f.convalidated AND f.conrelid = $1::text::regclass AND a.attname = $2 AND f.confrelid = $3::text::regclass`,
}

// TestMigrate_FollowsTheModels compares the tables with the models: the same columns, types and NULLs, and a foreign key for
// every reference. It then refuses to touch the tables of a newer binary.
func TestMigrate_FollowsTheModels(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		db, store := databases.PMO(t, url(t))
		if n, err := store.Migrate(t.Context()); err != nil || n != 0 {
			t.Fatalf("again: %d migrations, %v", n, err)
		}
		for _, table := range models.Tables() {
			got := strings.Split(kit.One[string](t, db.SQL, columns[db.Kind()], table.Mirror), "\n")
			var want []string
			for _, c := range table.Columns {
				line := c.Name + " " + c.Type
				if other, ok := types[db.Kind()][c.Type]; ok {
					line = c.Name + " " + other
				}
				if c.NotNull {
					line += " NOT NULL"
				}
				want = append(want, line)
			}
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("%s is\n%v\nmust be\n%v", table.Mirror, got, want)
			}
			for _, c := range table.References() {
				there := kit.One[int](t, db.SQL, references[db.Kind()], table.Mirror, c.Name, c.References+"_lifecycle") == 1
				if wanted := db.Kind() == database.Postgres || c.References != "tbl_kategori"; there != wanted {
					t.Errorf("%s.%s refers to %s: %t", table.Mirror, c.Name, c.References, there)
				}
			}
		}
		kit.Exec(t, db.SQL, "INSERT INTO lifecycle_sync_migrations (version_id, is_applied) VALUES (9999, true)")
		if _, err := store.Migrate(t.Context()); models.AsError(err) == nil || models.AsError(err).Class != models.Schema {
			t.Errorf("migrating ended with %v", err)
		}
	})
}

// TestMigrate_RunsConcurrently starts several at the same time. On SQLite one process migrates at a time.
func TestMigrate_RunsConcurrently(t *testing.T) {
	t.Parallel()
	url := testdb.Postgres(t)
	done := make(chan error, 4)
	for range cap(done) {
		store := pmo.New(databases.Open(t, url, "pmo_db"), models.Tables())
		go func() { _, err := store.Migrate(t.Context()); done <- err }()
	}
	for range cap(done) {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
