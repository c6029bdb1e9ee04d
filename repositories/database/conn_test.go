package database_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/test/kit/testdb"
)

func open(t testing.TB, url string, options ...database.Options) *database.DB {
	t.Helper()
	o := database.Options{MaxConns: 5, ConnectTimeout: 5 * time.Second}
	if options != nil {
		o = options[0]
	}
	o.Name = "pmo_db"
	db, err := database.Open(url, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// conn takes a connection until the test ends.
func conn(t testing.TB, db *database.DB) *database.Conn {
	t.Helper()
	c, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func begin(t testing.TB, db *database.DB, mode database.TxMode) *database.Conn {
	t.Helper()
	c, err := db.BeginConn(t.Context(), mode)
	if err != nil {
		t.Fatalf("%v: %v", err, models.AsError(err).Cause)
	}
	return c
}

func exec(t testing.TB, c *database.Conn, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		if _, err := c.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

func one(t testing.TB, c *database.Conn, query string) (value string) {
	t.Helper()
	if err := c.QueryRow(t.Context(), query, nil, &value); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return value
}

// TestTransactions_CommitRollbackAndSnapshot also rolls back by Close, and keeps a reader's snapshot.
func TestTransactions_CommitRollbackAndSnapshot(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		db := open(t, url(t))
		exec(t, conn(t, db), "CREATE TABLE x (id integer PRIMARY KEY)")
		const count = "SELECT count(*) FROM x"
		for i, end := range []func(*database.Conn){
			func(*database.Conn) {},
			func(c *database.Conn) { c.Rollback(t.Context()) },
			func(c *database.Conn) {
				if err := c.Commit(t.Context()); err != nil {
					t.Error(err)
				}
			},
		} {
			reader := begin(t, db, database.ReadOnly)
			before := one(t, reader, count)
			writer := begin(t, db, database.Write)
			exec(t, writer, fmt.Sprintf("INSERT INTO x VALUES (%d)", i))
			end(writer)
			writer.Close()
			if n := one(t, reader, count); n != before {
				t.Errorf("%d: the reader sees %s rows, saw %s", i, n, before)
			}
			if _, err := reader.Exec(t.Context(), "DELETE FROM x"); err == nil && db.Kind() == database.Postgres {
				t.Error("a reader deleted rows")
			}
			reader.Close()
		}
		if n := one(t, conn(t, db), count); n != "1" {
			t.Errorf("%s rows were kept", n)
		}
	})
}

// TestCommit_NotSent leaves no open transaction, whose locks others would wait for.
func TestCommit_NotSent(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		db := open(t, url(t))
		exec(t, conn(t, db), "CREATE TABLE t (id integer PRIMARY KEY, n integer)", "INSERT INTO t VALUES (1, 1)")
		late := begin(t, db, database.Write)
		exec(t, late, "UPDATE t SET n = 2")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := late.Commit(ctx); err == nil {
			t.Error("the commit succeeded")
		}
		late.Close()

		ctx, cancel = context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		for range 2 {
			next := begin(t, db, database.Write)
			defer next.Close()
			if _, err := next.Exec(ctx, "UPDATE t SET n = n + 1"); err != nil {
				t.Fatal(err)
			}
			if err := next.Commit(ctx); err != nil {
				t.Fatal(err)
			}
		}
		if n := one(t, conn(t, db), "SELECT n FROM t"); n != "3" {
			t.Errorf("n is %s", n)
		}
	})
}

// TestBeginConn_SkipsDeadConnections terminates all connections of the pool just before they are used.
func TestBeginConn_SkipsDeadConnections(t *testing.T) {
	t.Parallel()
	url := testdb.Postgres(t)
	db, other := open(t, url), conn(t, open(t, url))
	for _, mode := range []database.TxMode{database.Write, database.ReadOnly} {
		var conns []*database.Conn
		for range 5 {
			conns = append(conns, begin(t, db, mode))
		}
		for _, c := range conns {
			c.Close()
		}
		exec(t, other, "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
		var readers sync.WaitGroup
		for range 5 {
			readers.Go(func() {
				c, err := db.BeginConn(t.Context(), mode)
				if err != nil {
					t.Errorf("%v: %v", err, models.AsError(err).Cause)
					return
				}
				c.Close()
			})
		}
		readers.Wait()
	}
	if _, err := open(t, unreachable).BeginConn(t.Context(), database.Write); models.AsError(err) == nil || !models.AsError(err).Transient {
		t.Errorf("a server that is down: %v", err)
	}
}

// TestConn_Terminated ends a connection while it is in use.
func TestConn_Terminated(t *testing.T) {
	t.Parallel()
	db := open(t, testdb.Postgres(t))
	c := conn(t, db)
	exec(t, conn(t, db), "SELECT pg_terminate_backend("+one(t, c, "SELECT pg_backend_pid()")+", 5000)")
	for range 3 { // the first error may contain the reason, the others are about a closed connection
		if _, err := c.Exec(t.Context(), "SELECT 1"); models.AsError(err) == nil || models.AsError(err).Class != models.Connection {
			t.Errorf("%v", err)
		}
	}
}

// TestRows_StreamsRangesAsText reads NULL, empty text and the extreme ids.
func TestRows_StreamsRangesAsText(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		db := open(t, url(t))
		c := conn(t, db)
		exec(t, c, "CREATE TABLE x (id integer PRIMARY KEY, a text)",
			"INSERT INTO x VALUES (-2147483648, NULL), (-1, ''), (0, 'nol'), (40, '💡'), (41, ' '), (2147483647, 'akhir')")
		for _, test := range []struct {
			ranges []database.Range
			want   string
		}{
			{database.AllIDs(), `-2147483648 NULL, -1 "", 0 "nol", 40 "💡", 41 " ", 2147483647 "akhir"`},
			{[]database.Range{{0, 40}}, `0 "nol", 40 "💡"`},
			{[]database.Range{{-1 << 31, -2}, {-1, -1}, {41, 50}, {1<<31 - 1, 1<<31 - 1}}, `-2147483648 NULL, -1 "", 41 " ", 2147483647 "akhir"`},
			{scattered(database.MaxRanges, 1), `0 "nol", 40 "💡"`},
			{scattered(1100, 1000), `0 "nol", 40 "💡", 41 " "`},
		} {
			query, args := db.InRanges(test.ranges, "id", func(condition string) string {
				return "SELECT id, a FROM x WHERE " + condition + " ORDER BY id"
			})
			var got []string
			for cells, err := range c.Rows(t.Context(), query, args...) {
				if err != nil {
					t.Fatal(err)
				}
				text := "NULL"
				if cells[1] != nil {
					text = fmt.Sprintf("%q", cells[1])
				}
				got = append(got, string(cells[0])+" "+text)
			}
			if strings.Join(got, ", ") != test.want {
				t.Errorf("%v: got %s, want %s", test.ranges, strings.Join(got, ", "), test.want)
			}
		}
		for range c.Rows(t.Context(), "SELECT id FROM x") {
			break // the connection remains usable
		}
		exec(t, c, "DELETE FROM x")
	})
}

// scattered returns ranges of some length that begin at every multiple of twice that length.
func scattered(count int, length int64) []database.Range {
	ranges := make([]database.Range, count)
	for i := range ranges {
		ranges[i].Lo = 2 * length * int64(i)
		ranges[i].Hi = ranges[i].Lo + length - 1
	}
	return ranges
}

func TestAddRange_JoinsTouchingRanges(t *testing.T) {
	t.Parallel()
	var ranges []database.Range
	for _, r := range []database.Range{{-64, -33}, {-32, -1}, {0, 31}, {64, 95}, {64, 80}, {1<<31 - 32, 1<<31 - 1}} {
		ranges = database.AddRange(ranges, r)
	}
	if got, want := fmt.Sprint(ranges), "[{-64 31} {64 95} {2147483616 2147483647}]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestAppendCopyText_IsReadBackUnchanged(t *testing.T) {
	t.Parallel()
	c := conn(t, open(t, testdb.Postgres(t)))
	exec(t, c, "CREATE TEMPORARY TABLE x (id integer, a text)")
	texts := []string{"", `\N`, `\.`, "\\", "a\tb\nc\rd", "\b\f\v\x01", "💡", `\x41`, " ", "NULL"}
	var lines []byte
	for i, text := range texts {
		lines = database.AppendCopyText(lines, fmt.Append(nil, i), []byte(text))
	}
	lines = database.AppendCopyText(lines, []byte("99"), nil)
	if n, err := c.CopyIn(t.Context(), strings.NewReader(string(lines)), "x (id, a)", "text"); err != nil || n != int64(len(texts)+1) {
		t.Fatalf("%d rows, %v", n, err)
	}
	for cells, err := range c.Rows(t.Context(), "SELECT id, a FROM x WHERE id < 99 ORDER BY id") {
		if err != nil {
			t.Fatal(err)
		}
		if want := texts[0]; string(cells[1]) != want || cells[1] == nil {
			t.Errorf("%q came back as %q", want, cells[1])
		}
		texts = texts[1:]
	}
}

func TestTextLimit(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]int{"character varying(255)": 255, "character varying": 0, "text": 0, "character(9)": 0} {
		if got := database.TextLimit(name); got != want {
			t.Errorf("%s: %d", name, got)
		}
	}
}
