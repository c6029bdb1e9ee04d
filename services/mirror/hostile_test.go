package mirror_test

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
)

// hostile makes values of every kind a column may hold, the worst included, as SQL literals.
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

// value returns a literal for a column; one in twelve does not fit, one in eight is NULL where it may.
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

// either picks a good or a bad text, or on SQLite a bad expression, which PostgreSQL would not take.
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

// zoned writes a zone as SQLite wants it.
func (h hostile) zoned(literal string) string {
	if h.kind == database.SQLite {
		return hours.ReplaceAllString(literal, "$1:00$2")
	}
	return literal
}

// reference is mostly the id of a row that is there.
func (h hostile) reference(ids []int64) string {
	if len(ids) == 0 || h.IntN(15) == 0 {
		return h.pick([]string{"0", "-1", "999999", "2147483647"})
	}
	return fmt.Sprint(ids[h.IntN(len(ids))])
}
