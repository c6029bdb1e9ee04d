package database_test

import (
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3"

	"lifecycle-sync/test/kit/testdb"
)

// TestSQLite_ReadsTimestampsAsTimeFormatAuto compares every form of a timestamp with the driver's own parser.
func TestSQLite_ReadsTimestampsAsTimeFormatAuto(t *testing.T) {
	t.Parallel()
	c := conn(t, open(t, testdb.SQLite(t)))
	accepted := 0
	for _, day := range []string{"2024-02-29", "0001-01-01", "9999-12-31", "2023-02-29", "0000-06-01", "2024-2-29", "2024-02-30", "2024-13-01", "20240229"} {
		for _, separator := range []string{"", " ", "T", "t", "  ", "_"} {
			for _, clock := range []string{"", "00:00", "23:59", "07:08:09", "7:08:09", "23:59:59.1", "23:59:59.123456", "23:59:59.1234567", "23:59:59.120000000",
				"24:00:00", "23:60:00", "07:08:60", "07:08:09,5", "07:08:09.", "07", "70809"} {
				for _, zone := range []string{"", "Z", "z", "+00:00", "-00:00", "+07:00", "-23:59", "+24:00", "+0700", "+07", " +07:00", " UTC", " "} {
					text := day + separator + clock + zone
					var got *string
					if err := c.QueryRow(t.Context(), "SELECT canonical_timestamp(?)", []any{text}, &got); err != nil {
						t.Fatal(err)
					}
					want := autoTimestamp(text)
					if (got == nil) != (want == "") || got != nil && *got != want {
						t.Errorf("%q: got %v, want %q", text, got, want)
					}
					if got != nil {
						accepted++
					}
				}
			}
		}
	}
	if accepted < 100 {
		t.Errorf("only %d texts are timestamps", accepted)
	}
}

// autoTimestamp is the canonical text of a timestamp, "" for another text.
func autoTimestamp(text string) string {
	if len(text) < 10 || text[4] != '-' || text[7] != '-' {
		return ""
	}
	parsed, err := sqlite3.TimeFormatAuto.Decode(text)
	utc := parsed.UTC()
	if err != nil || utc.Year() < 1 || utc.Year() > 9999 || utc.Nanosecond()%int(time.Microsecond) != 0 {
		return ""
	}
	return utc.Format("2006-01-02T15:04:05.000000Z07:00")
}
