package lifecycle_test

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"testing"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/lifecycle"
	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/databases"
	"lifecycle-sync/test/kit/testdb"
)

// opened returns an empty database and the source in it.
func opened(t testing.TB, url string) (*database.DB, *lifecycle.Source) {
	t.Helper()
	db := databases.Open(t, url, "lifecycle_db")
	return db, lifecycle.New(db)
}

// seeded is opened, with count rows in every table.
func seeded(t testing.TB, url string, count int64) (*database.DB, *lifecycle.Source) {
	t.Helper()
	db, source := opened(t, url)
	if err := source.Seed(t.Context(), fillings(count), nil); err != nil {
		t.Fatal(err)
	}
	return db, source
}

// fillings puts count rows with the ids 2, 4, 6 … into every table, made of texts that COPY must
// escape and of NULL wherever it may stand.
func fillings(count int64) []lifecycle.SeedTable {
	var out []lifecycle.SeedTable
	for _, m := range models.Tables() {
		out = append(out, lifecycle.SeedTable{Table: m, Rows: awkwardRows(m, count), Count: count})
	}
	return out
}

const awkward = "a\tb\nc\rd\\e\\N 'f' \"g\" é "

func awkwardRows(m *models.Table, count int64) iter.Seq[models.Row] {
	return func(yield func(models.Row) bool) {
		for i := int64(1); i <= count; i++ {
			row := models.Row{ID: 2 * i, Cells: make([][]byte, len(m.Columns))}
			for j, c := range m.Columns {
				switch {
				case c.Kind == models.KindText && (i%2 == 1 || c.NotNull):
					row.Cells[j] = []byte(awkward)
				case c.Kind == models.KindInt && c.NotNull:
					row.Cells[j] = strconv.AppendInt(nil, row.ID, 10)
				}
			}
			if !yield(row) {
				return
			}
		}
	}
}

func wantEmpty(t *testing.T, source *lifecycle.Source, want bool) {
	t.Helper()
	if empty, err := source.Empty(t.Context()); err != nil || empty != want {
		t.Errorf("empty is %t, %v", empty, err)
	}
}

// TestSeed_FillsEmptyTables keeps every byte, advances the identities and reports progress.
func TestSeed_FillsEmptyTables(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		db, source := seeded(t, url(t), 0)
		wantEmpty(t, source, true)
		for _, count := range []int64{1, 250, 251, 5000} { // SQLite's batch and around it
			var reported []int64
			if err := source.Seed(t.Context(), fillings(count), func(done, _ int64) { reported = append(reported, done) }); err != nil {
				t.Fatal(err)
			}
			wantEmpty(t, source, false)
			if want := []int64{10_000, 20_000, 25_000}; count == 5000 && !slices.Equal(reported, want) {
				t.Errorf("reported %v, want %v", reported, want)
			}
			const rows = " || ' ' || count(*) || ' ' || coalesce(max(produk), '') FROM tbl_produk WHERE id % 4 = "
			for query, want := range map[string]string{"SELECT 'awkward'" + rows + "2": fmt.Sprint("awkward ", (count+1)/2, " ", awkward), "SELECT 'NULL'" + rows + "0": fmt.Sprint("NULL ", count/2, " ")} {
				if got := kit.One[string](t, db.SQL, query); got != want {
					t.Errorf("got %q, want %q", got, want)
				}
			}
			if id := kit.One[int64](t, db.SQL, "INSERT INTO tbl_produk (produk) VALUES ('next') RETURNING id"); id <= 2*count {
				t.Errorf("after %d rows the next id is %d", count, id)
			}
			for _, m := range models.Tables() {
				if n := kit.One[int64](t, db.SQL, "SELECT count(*) FROM "+m.Source+" WHERE id <= $1", 2*count); n != count {
					t.Errorf("%s has %d rows, want %d", m.Source, n, count)
				}
				kit.Exec(t, db.SQL, "DELETE FROM "+m.Source)
			}
		}
	})
}

func TestSeed_RefusesTablesWithRows(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		db, source := seeded(t, url(t), 0)
		for _, m := range models.Tables() {
			kit.Exec(t, db.SQL, "INSERT INTO "+m.Source+" ("+m.Columns[1].Name+") VALUES (7)")
			e := models.AsError(source.Seed(t.Context(), fillings(3), nil))
			if e == nil || e.Class != models.Constraint || !strings.Contains(e.Error(), m.Source) {
				t.Errorf("with a row in %s: %v", m.Source, e)
			}
			if n := kit.One[int64](t, db.SQL, "SELECT count(*) FROM "+m.Source); n != 1 {
				t.Errorf("%s holds %d rows after the refusal", m.Source, n)
			}
			kit.Exec(t, db.SQL, "DELETE FROM "+m.Source)
		}
	})
}

// TestSeed_IsAllOrNothing leaves not even tables if one does not match, the context ends, or a row lacks columns.
func TestSeed_IsAllOrNothing(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		db, source := opened(t, url(t))
		kit.Exec(t, db.SQL, "CREATE TABLE tbl_stage (id integer PRIMARY KEY, name text)")
		mismatch := models.AsError(source.Seed(t.Context(), fillings(3), nil))
		if mismatch == nil || mismatch.Class != models.Schema || !strings.Contains(fmt.Sprint(mismatch.Problems), "tbl_stage.stage") {
			t.Errorf("%v", mismatch)
		}
		kit.Exec(t, db.SQL, "DROP TABLE tbl_stage")
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		if err := source.Seed(ctx, fillings(3000), func(int64, int64) { cancel() }); models.AsError(err) == nil || models.AsError(err).Class != models.Canceled {
			t.Errorf("%v", err)
		}
		broken := fillings(600)
		broken[3].Rows = awkwardRows(broken[2].Table, 600) // too few columns
		if err := source.Seed(t.Context(), broken, nil); err == nil {
			t.Error("rows without all their columns were taken")
		}
		for _, m := range models.Tables() {
			if db.Migrator().HasTable(m.Source) {
				t.Errorf("%s is there", m.Source)
			}
		}
		wantEmpty(t, source, true)
		if err := source.Seed(t.Context(), fillings(3), nil); err != nil {
			t.Error(err)
		}
	})
}
