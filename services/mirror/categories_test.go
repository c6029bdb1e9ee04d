package mirror_test

import (
	"testing"

	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/database/databasetest"
)

// TestSync_WithAndWithoutCategories mirrors a source without tbl_kategori, which is added later.
func TestSync_WithAndWithoutCategories(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		l := newLab(t, url)
		l.change("DROP TABLE tbl_kategori")
		if l.kind == database.Postgres { // as another's script may have named it
			l.edit(`ALTER TABLE tbl_produk_lifecycle RENAME CONSTRAINT tbl_produk_lifecycle_id_kategori_fkey TO "fk Kategori"`)
		}
		l.fill(l.tables[0], 1, parentRows)
		l.fill(l.tables[1], 1, parentRows)
		l.fill(l.tables[3], 1, 40)
		if got := l.sync(); got["products"].Inserted != 40 || len(got) != 4 {
			l.Fatalf("%+v", got)
		}
		l.equal()
		l.idle()
		if l.keys()["fk Kategori"] != "" {
			l.Error("the products still have a foreign key to the categories")
		}
		l.change("CREATE TABLE tbl_kategori (id integer PRIMARY KEY, kategori varchar NOT NULL, created_at " + on(l, "timestamptz", "timestamp") +
			", updated_at " + on(l, "timestamptz", "timestamp") + ", icon_light varchar, icon_dark varchar)")
		l.change("INSERT INTO tbl_kategori (id, kategori) VALUES (1, 'satu'), (2, 'dua')")
		// A third of the products has category 3, which is not there.
		if e := l.refused("mass_delete"); l.allowed(e) != 13 {
			l.Errorf("%v", e)
		}
		l.change("INSERT INTO tbl_kategori (id, kategori) VALUES (3, 'tiga')")
		l.sync()
		l.equal()
		l.idle()
		if l.kind == database.Postgres && l.keys()["tbl_produk_lifecycle_id_kategori_fkey"] == "" {
			l.Error("the foreign key to the categories was not added")
		}
	})
}

// keys reads the foreign keys and indexes of pmo_db's mirror by name, as their definitions.
func (l *lab) keys() map[string]string {
	l.Helper()
	out := map[string]string{}
	query := on(l, `SELECT conname, conrelid::regclass || ' ' || pg_get_constraintdef(oid) || ' ' || convalidated FROM pg_constraint WHERE conrelid::regclass::text LIKE '%_lifecycle'
		UNION ALL SELECT indexname, indexdef FROM pg_indexes WHERE tablename LIKE '%_lifecycle'`,
		"SELECT name, coalesce(sql, '') FROM sqlite_schema WHERE tbl_name LIKE '%_lifecycle' AND type = 'index'")
	rows, err := l.target.QueryContext(l.Context(), query)
	if err != nil {
		l.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var name, definition string
		if err := rows.Scan(&name, &definition); err != nil {
			l.Fatal(err)
		}
		out[name] += definition
	}
	return out
}
