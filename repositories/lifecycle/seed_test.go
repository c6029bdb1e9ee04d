package lifecycle_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"testing"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/lifecycle"
	"lifecycle-sync/test/kit/databases"
	"lifecycle-sync/test/kit/testdb"
)

// opened returns an empty database and the source in it.
func opened(t testing.TB, url string) (*database.DB, *lifecycle.Source) {
	t.Helper()
	db := databases.Open(t, url, "lifecycle_db")
	return db, lifecycle.New(db)
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

func countRows(t testing.TB, db *database.DB, table string) int64 {
	t.Helper()
	var n int64
	if err := db.SQL.QueryRowContext(t.Context(), "SELECT count(*) FROM "+table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// clearRows empties the tables that are there.
func clearRows(t testing.TB, db *database.DB) {
	t.Helper()
	for _, m := range models.Tables() {
		if !db.Migrator().HasTable(m.Source) {
			continue
		}
		if err := db.Exec("DELETE FROM " + m.Source).Error; err != nil {
			t.Fatal(err)
		}
	}
}

func class(err error) models.Class {
	if e, ok := errors.AsType[*models.Error](err); ok {
		return e.Class
	}
	return ""
}

func TestSeed_FillsTablesAndAdvancesIDs(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		db, source := opened(t, url(t))
		for _, count := range []int64{0, 1, 250, 251, 1003} { // SQLite's batch and around it
			clearRows(t, db)
			if err := source.Seed(t.Context(), fillings(count), nil); err != nil {
				t.Fatal(err)
			}
			for _, m := range models.Tables() {
				if n := countRows(t, db, m.Source); n != count {
					t.Errorf("%s has %d rows, want %d", m.Source, n, count)
				}
			}
			var id int64
			err := db.SQL.QueryRowContext(t.Context(), "INSERT INTO tbl_produk (produk) VALUES ('next') RETURNING id").Scan(&id)
			if err != nil || id <= 2*count {
				t.Errorf("after %d rows the next id is %d (%v)", count, id, err)
			}
		}
	})
}

func TestSeed_KeepsEveryByte(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		db, source := opened(t, url(t))
		if err := source.Seed(t.Context(), fillings(2), nil); err != nil {
			t.Fatal(err)
		}
		var odd string
		var even *string
		query := "SELECT max(produk), (SELECT produk FROM tbl_produk WHERE id = 4) FROM tbl_produk WHERE id = 2"
		if err := db.SQL.QueryRowContext(t.Context(), query).Scan(&odd, &even); err != nil {
			t.Fatal(err)
		}
		if odd != awkward || even != nil {
			t.Errorf("%q and %v", odd, even)
		}
	})
}

func TestSeed_RefusesTablesWithRows(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		db, source := opened(t, url(t))
		if err := source.Seed(t.Context(), fillings(0), nil); err != nil {
			t.Fatal(err)
		}
		for _, m := range models.Tables() {
			clearRows(t, db)
			insert := "INSERT INTO " + m.Source + " (" + m.Columns[1].Name + ") VALUES (7)"
			if err := db.Exec(insert).Error; err != nil {
				t.Fatal(err)
			}
			err := source.Seed(t.Context(), fillings(3), nil)
			if class(err) != models.Constraint || !strings.Contains(err.Error(), m.Source) {
				t.Errorf("with a row in %s: %v", m.Source, err)
			}
			if n := countRows(t, db, m.Source); n != 1 {
				t.Errorf("%s holds %d rows after the refusal", m.Source, n)
			}
		}
	})
}

func TestSeed_RefusesMismatchedTables(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		db, source := opened(t, url(t))
		if err := db.Exec("CREATE TABLE tbl_stage (id integer PRIMARY KEY, name text)").Error; err != nil {
			t.Fatal(err)
		}
		err := source.Seed(t.Context(), fillings(3), nil)
		if class(err) != models.Schema || !strings.Contains(fmt.Sprint(models.AsError(err).Problems), "tbl_stage.stage") {
			t.Errorf("%v", err)
		}
		if err := db.Exec("SELECT * FROM tbl_produk").Error; err == nil {
			t.Error("tbl_produk was created all the same")
		}
	})
}

// A seed that ends midway leaves nothing, not even the tables.
func TestSeed_IsAllOrNothing(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		db, source := opened(t, url(t))
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		err := source.Seed(ctx, fillings(30_000), func(done, total int64) {
			if done > total/2 {
				cancel()
			}
		})
		if class(err) != models.Canceled {
			t.Errorf("%v", err)
		}
		broken := fillings(600)
		broken[3].Rows = awkwardRows(broken[2].Table, 600) // too few columns
		if err := source.Seed(t.Context(), broken, nil); err == nil {
			t.Error("rows without all their columns were taken")
		}
		if err := db.Exec("SELECT * FROM tbl_segmen").Error; err == nil {
			t.Error("tbl_segmen is there")
		}
		if empty, err := source.Empty(t.Context()); err != nil || !empty {
			t.Errorf("empty: %t, %v", empty, err)
		}
		if err := source.Seed(t.Context(), fillings(3), nil); err != nil {
			t.Error(err)
		}
	})
}

func TestSeed_ReportsProgress(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		_, source := opened(t, url(t))
		last, calls := int64(0), 0
		err := source.Seed(t.Context(), fillings(5000), func(done, total int64) {
			if total != 25_000 || done <= last {
				t.Errorf("%d of %d after %d", done, total, last)
			}
			last = done
			calls++
		})
		if err != nil || last != 25_000 || calls != 3 {
			t.Errorf("%d calls up to %d (%v)", calls, last, err)
		}
	})
}

func TestSource_Empty(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		_, source := opened(t, url(t))
		check := func(when string, want bool) {
			t.Helper()
			if empty, err := source.Empty(t.Context()); err != nil || empty != want {
				t.Errorf("%s: empty is %t (%v)", when, empty, err)
			}
		}
		check("without tables", true)
		for _, count := range []int64{0, 1} {
			if err := source.Seed(t.Context(), fillings(count), nil); err != nil {
				t.Fatal(err)
			}
			check("with "+strconv.FormatInt(count, 10)+" rows", count == 0)
		}
	})
}
