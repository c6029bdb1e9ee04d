package mirror_test

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/test/kit/testdb"
)

var (
	onlySeed = flag.Uint64("seed", 0, "the only seed that TestSync_RandomHistories runs")
	seeds    = flag.Uint64("seeds", 2, "the number of seeds that TestSync_RandomHistories runs on each database system")
)

// TestSync_RandomHistories checks the mirror after every step against an oracle that reads both databases in Go.
func TestSync_RandomHistories(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		for seed := uint64(1); seed <= *seeds; seed++ {
			if *onlySeed != 0 {
				seed = *onlySeed
			}
			t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
				t.Parallel()
				l := newFixture(t, url(t), url(t))
				l.Migrate()
				if seed%2 == 0 {
					l.mode, l.settles = models.IncrementalRun, l.kind == database.Postgres
				}
				l.live(seed)
			})
			if *onlySeed != 0 {
				break
			}
		}
	})
}

// live makes random changes in a few steps, with a run after each.
func (l *fixture) live(seed uint64) {
	l.Helper()
	h := &history{l, hostile{rand.New(rand.NewPCG(seed, 0)), l.kind}, map[string][]int64{}}
	h.begin()
	for range 4 {
		l.syncAsForecast()
		h.step()
	}
}

// syncAsForecast makes a run and compares its results with the oracle.
func (l *fixture) syncAsForecast() {
	l.Helper()
	want := l.forecast()
	verification, all := l.verify()
	if int64(len(all)) != want.differences || verification.Equal != (want.differences == 0) {
		l.Fatalf("verify found %d differences, must find %d: %+v", len(all), want.differences, all)
	}
	var allow []int64
	if want.trips {
		l.refusedDeletes(want.deletes)
		l.refusedDeletes(want.deletes, want.deletes-1)
		allow = []int64{want.deletes}
	}
	got := l.sync(allow...)
	l.equal()
	for _, t := range l.Tables {
		if got[t.Name] != want.counts[t.Name] {
			l.Fatalf("%s: got %+v, want %+v", t.Name, got[t.Name], want.counts[t.Name])
		}
	}
	l.lastSource = l.judge().source
	if verification, all := l.verify(); !verification.Equal || len(all) > 0 {
		l.Fatalf("verify right after a run: %+v", all)
	}
	l.idle()
}

// history is a random sequence of changes to lifecycle_db. ids are the existing rows by source table.
type history struct {
	*fixture
	hostile
	ids map[string][]int64
}

// begin fills the tables.
func (h *history) begin() {
	h.Helper()
	for i, n := range []int{5, 4, 5, 60, 40} {
		for range n {
			h.insert(h.Tables[i])
		}
	}
}

// step makes a few random changes.
func (h *history) step() {
	h.Helper()
	for range 1 + h.IntN(12) {
		t := h.Tables[h.IntN(len(h.Tables))]
		switch what := h.IntN(20); {
		case what < 7:
			h.insert(t)
		case what < 16:
			h.edit(t)
		case what < 19:
			h.remove(t, 1)
		default:
			h.remove(t, 1+h.IntN(20))
		}
	}
}

// insert uses the next id, sometimes a special one.
func (h *history) insert(t *models.Table) {
	h.Helper()
	id := int64(1)
	if n := len(h.ids[t.Source]); n > 0 {
		id = max(slices.Max(h.ids[t.Source])+1+int64(h.IntN(3)), 1)
	}
	if special := []int64{0, -1, -1 << 31, 1 << 30}[h.IntN(4)]; h.IntN(20) == 0 && !slices.Contains(h.ids[t.Source], special) {
		id = special
	}
	values := []string{fmt.Sprint(id)}
	for _, c := range t.Columns[1:] {
		values = append(values, h.hostile.value(c, h.ids[c.References]))
	}
	h.change(fmt.Sprintf("INSERT INTO %s (%s) %s VALUES (%s)", t.Source, strings.Join(t.ColumnNames(), ", "),
		on(h.fixture, "OVERRIDING SYSTEM VALUE", ""), strings.Join(values, ", ")))
	h.ids[t.Source] = append(h.ids[t.Source], id)
}

// edit changes a few columns of a row, with or without its updated_at.
func (h *history) edit(t *models.Table) {
	h.Helper()
	if len(h.ids[t.Source]) == 0 {
		return
	}
	set := map[string]string{}
	for range 1 + h.IntN(3) {
		c := t.Columns[1+h.IntN(len(t.Columns)-1)]
		set[c.Name] = h.hostile.value(c, h.ids[c.References])
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(set)) {
		parts = append(parts, name+" = "+set[name])
	}
	h.change(fmt.Sprintf("UPDATE %s SET %s WHERE id = %d", t.Source, strings.Join(parts, ", "), h.ids[t.Source][h.IntN(len(h.ids[t.Source]))]))
}

// remove deletes n rows, but never the last one.
func (h *history) remove(t *models.Table, n int) {
	h.Helper()
	for ; n > 0 && len(h.ids[t.Source]) > 1; n-- {
		i := h.IntN(len(h.ids[t.Source]))
		h.change(fmt.Sprintf("DELETE FROM %s WHERE id = %d", t.Source, h.ids[t.Source][i]))
		h.ids[t.Source] = slices.Delete(h.ids[t.Source], i, i+1)
	}
}

// hostile generates difficult values of every type as SQL literals.
type hostile struct {
	*rand.Rand
	kind database.Kind
}

func (h hostile) pick(from []string) string { return from[h.IntN(len(from))] }

// literal quotes a text.
func literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

var texts = []string{
	"", " ", "nan", "NaT", "NULL", "null", "a", "A", "a ", "a\t", "\\", `\N`, `\.`, "a\nb", "a\r\nb", "'", `"`, "%_", "0", "01", "1e5",
	"💡🇮🇩👩‍👩‍👧‍👦", "\u202eעברית العربية", "caf\u00e9", "cafe\u0301", "\ufeff", "\u0000x"[1:], "\U0010ffff", strings.Repeat("é", 255),
}

var timestamps = []string{
	"2024-01-01 00:00:00+07", "2024-01-01 00:00:00.000001+00", "2024-01-01 00:00:00.999999+00", "1970-01-01 00:00:00+00",
	"0001-01-01 00:00:00+00", "9999-12-31 23:59:59.999999+00", "1883-11-18 12:03:58+00", "2024-02-29 23:59:59.5-11",
}

var unfitTimestamps = []string{"infinity", "-infinity", "0044-03-15 12:00:00+00 BC", "10000-01-01 00:00:00+00", "0001-01-01 00:00:00+14", "9999-12-31 23:59:59-01"}

var dates = []string{"2024-02-29", "0001-01-01", "9999-12-31", "1970-01-01", "1582-10-10"}

var unfitDates = []string{"infinity", "-infinity", "0001-12-31 BC", "10000-01-01"}

var documents = []string{
	`{}`, `[]`, `[1,2]`, `1`, `1.00`, `"1"`, `null`, `true`, `""`, `1e400`, `-0.0`, `9223372036854775808`, `0.1000000000000000055511151231257827`,
	`{"a": {"b": [1.10, {"c": "\ud83d\ude00 \\ \" \n"}]}}`, `{"b": 1, "a": 2, "a": 3}`, strings.Repeat("[", 500) + strings.Repeat("]", 500),
}

var prices = []string{"0", "1", "-1", "4294967296", "4294967297", "9007199254740993", "9223372036854775807", "-9223372036854775808"}

// value returns a literal for a column: one in twelve is unfit, one in eight is NULL if allowed.
func (h hostile) value(c models.Column, ids []int64) string {
	bad := h.IntN(12) == 0
	switch {
	case !c.NotNull && h.IntN(8) == 0:
		return "NULL"
	case c.References != "":
		return h.reference(ids)
	case c.Kind == models.KindInt:
		if bad && h.kind == database.SQLite {
			return h.pick([]string{"1.5", "'seribu'", "x'00'"})
		}
		return h.pick(prices)
	case c.Kind == models.KindTimestamp:
		return h.zoned(h.either(bad, timestamps, unfitTimestamps, "'NaT'", "''", "x'00'", "'2024'", "'15:04'", "'2024-01-01 00:00:00.1234567'", "2460000"))
	case c.Kind == models.KindDate:
		return h.either(bad, dates, unfitDates, "'2024-02-30'", "''", "x'00'", "'2024-02-29 noon'", "'2024-02-29 12:00:00'", "2460000")
	case c.Kind == models.KindJSON:
		return h.either(bad, documents, documents, "'{'", "''", "x'00'", "CAST(x'22ff22' AS TEXT)", "'{a: 1}'")
	default:
		return h.either(bad, texts, texts, "CAST(x'ff' AS TEXT)", "CAST(x'61c3' AS TEXT)", "x'616263'", "CAST(x'610062' AS TEXT)")
	}
}

// either picks a good or a bad text, or on SQLite a bad expression that PostgreSQL would refuse.
func (h hostile) either(bad bool, good, wrong []string, sqlite ...string) string {
	switch {
	case bad && h.kind == database.SQLite && h.IntN(2) == 0:
		return h.pick(sqlite)
	case bad:
		return literal(h.pick(wrong))
	default:
		return literal(h.pick(good))
	}
}

var hours = regexp.MustCompile(`([+-]\d\d)('| BC)`)

// zoned writes time zones in SQLite's format.
func (h hostile) zoned(literal string) string {
	if h.kind == database.SQLite {
		return hours.ReplaceAllString(literal, "$1:00$2")
	}
	return literal
}

// reference usually returns the id of an existing row.
func (h hostile) reference(ids []int64) string {
	if len(ids) == 0 || h.IntN(15) == 0 {
		return h.pick([]string{"0", "-1", "999999", "2147483647"})
	}
	return fmt.Sprint(ids[h.IntN(len(ids))])
}
