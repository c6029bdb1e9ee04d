package database_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/test/kit/testdb"
)

func open(t testing.TB, url string) *database.DB {
	t.Helper()
	db, err := database.Open(url, database.Options{Name: "pmo_db", MaxConns: 4, ConnectTimeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func TestAddRange(t *testing.T) {
	t.Parallel()
	var ranges []database.Range
	for _, r := range []database.Range{{-64, -33}, {-32, -1}, {0, 31}, {64, 95}, {64, 80}, {1<<31 - 32, 1<<31 - 1}} {
		ranges = database.AddRange(ranges, r)
	}
	if got, want := fmt.Sprint(ranges), "[{-64 31} {64 95} {2147483616 2147483647}]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestRows reads NULLs, empty texts and every kind of value as text, in as many ranges as are asked for.
func TestRows(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		db := open(t, url(t))
		conn, err := db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := conn.Exec(t.Context(), "CREATE TABLE x (id integer PRIMARY KEY, a text)"); err != nil {
			t.Fatal(err)
		}
		for _, values := range []string{"(-2147483648, NULL)", "(-1, '')", "(0, 'nol')", "(40, '💡')", "(41, ' ')", "(2147483647, 'akhir')"} {
			if _, err := conn.Exec(t.Context(), "INSERT INTO x VALUES "+values); err != nil {
				t.Fatal(err)
			}
		}
		for _, c := range []struct {
			ranges []database.Range
			want   string
		}{
			{database.AllIDs(), `-2147483648 NULL, -1 "", 0 "nol", 40 "💡", 41 " ", 2147483647 "akhir"`},
			{[]database.Range{{0, 40}}, `0 "nol", 40 "💡"`},
			{[]database.Range{{-1 << 31, -2}, {-1, -1}, {41, 50}, {1<<31 - 1, 1<<31 - 1}}, `-2147483648 NULL, -1 "", 41 " ", 2147483647 "akhir"`},
		} {
			query, args := db.InRanges(c.ranges, "id", func(condition string) string {
				return "SELECT id, a FROM x WHERE " + condition + " ORDER BY id"
			})
			var got []string
			for cells, err := range conn.Rows(t.Context(), query, args...) {
				if err != nil {
					t.Fatal(err)
				}
				text := "NULL"
				if cells[1] != nil {
					text = fmt.Sprintf("%q", cells[1])
				}
				got = append(got, string(cells[0])+" "+text)
			}
			if strings.Join(got, ", ") != c.want {
				t.Errorf("%v: got %s, want %s", c.ranges, strings.Join(got, ", "), c.want)
			}
		}
		for range conn.Rows(t.Context(), "SELECT id FROM x") {
			break // the connection is still good
		}
		if _, err := conn.Exec(t.Context(), "DELETE FROM x"); err != nil {
			t.Error(err)
		}
	})
}

// TestTransactions rolls back what was not committed, also by a mere Close, and keeps a reader's state.
func TestTransactions(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		db := open(t, url(t))
		if _, err := db.SQL.ExecContext(t.Context(), "CREATE TABLE x (id integer PRIMARY KEY)"); err != nil {
			t.Fatal(err)
		}
		count := func(c *database.Conn) (n int) {
			if err := c.QueryRow(t.Context(), "SELECT count(*) FROM x", nil, &n); err != nil {
				t.Fatal(err)
			}
			return n
		}
		for i, end := range []func(*database.Conn){
			func(c *database.Conn) { c.Close() },
			func(c *database.Conn) { c.Rollback(t.Context()); c.Close() },
			func(c *database.Conn) {
				if err := c.Commit(t.Context()); err != nil {
					t.Error(err)
				}
				c.Close()
			},
		} {
			reader, err := db.BeginConn(t.Context(), database.ReadOnly)
			if err != nil {
				t.Fatal(err)
			}
			before := count(reader)
			writer, err := db.BeginConn(t.Context(), database.Write)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := writer.Exec(t.Context(), fmt.Sprintf("INSERT INTO x VALUES (%d)", i)); err != nil {
				t.Fatal(err)
			}
			end(writer)
			if n := count(reader); n != before {
				t.Errorf("%d: the reader sees %d rows, saw %d", i, n, before)
			}
			reader.Close()
		}
		var n int
		if err := db.SQL.QueryRowContext(t.Context(), "SELECT count(*) FROM x").Scan(&n); err != nil || n != 1 {
			t.Errorf("%d rows were kept, %v", n, err)
		}
	})
}

// TestErrorClasses translates what a database says.
func TestErrorClasses(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		db := open(t, url(t))
		for _, statement := range []string{"CREATE TABLE p (id integer PRIMARY KEY)", "CREATE TABLE x (id integer PRIMARY KEY, p integer REFERENCES p (id), n text NOT NULL)", "INSERT INTO x VALUES (1, NULL, 'satu')"} {
			if _, err := db.SQL.ExecContext(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
		for statement, want := range map[string]models.Class{
			"INSERT INTO x VALUES (1, NULL, 'lagi')": models.Constraint,
			"INSERT INTO x VALUES (2, 99, 'yatim')":  models.Constraint,
			"INSERT INTO x VALUES (3, NULL, NULL)":   models.Constraint,
			"SELECT * FROM tidak_ada":                models.Schema,
			"SELECT tidak_ada FROM x":                models.Schema,
		} {
			_, err := db.SQL.ExecContext(t.Context(), statement)
			if e := models.AsError(db.Translate(err)); e == nil || e.Class != want || strings.Contains(e.Error(), "yatim") {
				t.Errorf("%s: %v", statement, e)
			}
		}
	})
}

// TestAppendCopyText writes what PostgreSQL reads back unchanged.
func TestAppendCopyText(t *testing.T) {
	t.Parallel()
	db := open(t, testdb.Postgres(t))
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Exec(t.Context(), "CREATE TEMPORARY TABLE x (id integer, a text)"); err != nil {
		t.Fatal(err)
	}
	texts := []string{"", `\N`, `\.`, "\\", "a\tb\nc\rd", "\b\f\v\x01", "💡", `\x41`, " ", "NULL"}
	var lines []byte
	for i, text := range texts {
		lines = database.AppendCopyText(lines, fmt.Append(nil, i), []byte(text))
	}
	lines = database.AppendCopyText(lines, []byte("99"), nil)
	if n, err := conn.CopyIn(t.Context(), strings.NewReader(string(lines)), "x (id, a)", "text"); err != nil || n != int64(len(texts)+1) {
		t.Fatalf("%d rows, %v", n, err)
	}
	for cells, err := range conn.Rows(t.Context(), "SELECT id, a FROM x WHERE id < 99 ORDER BY id") {
		if err != nil {
			t.Fatal(err)
		}
		if want := texts[0]; string(cells[1]) != want || cells[1] == nil {
			t.Errorf("%q came back as %q", want, cells[1])
		}
		texts = texts[1:]
	}
}

// TestTextLimit reads lengths from types.
func TestTextLimit(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]int{"character varying(255)": 255, "character varying": 0, "text": 0, "character(9)": 0} {
		if got := database.TextLimit(name); got != want {
			t.Errorf("%s: %d", name, got)
		}
	}
}
