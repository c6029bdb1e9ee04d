package reports_test

import (
	"testing"
	"time"
	_ "time/tzdata"

	"lifecycle-sync/services/reports"
)

func TestCalendar(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ now, zone, today, yearAgo, first, firstAt, end, endAt string }{
		{"2026-11-24T10:00:00Z", "UTC", "2026-11-24", "2025-11-24", "2024-12-01", "2024-12-01T00:00:00Z", "2026-12-01", "2026-12-01T00:00:00Z"},
		{"2026-12-31T17:00:00Z", "Asia/Jakarta", "2027-01-01", "2026-01-01", "2025-02-01", "2025-01-31T17:00:00Z", "2027-02-01", "2027-01-31T17:00:00Z"},
		{"2024-02-29T12:00:00Z", "America/New_York", "2024-02-29", "2023-02-28", "2022-03-01", "2022-03-01T05:00:00Z", "2024-03-01", "2024-03-01T05:00:00Z"},
		{"2026-07-31T23:30:00Z", "America/New_York", "2026-07-31", "2025-07-31", "2024-08-01", "2024-08-01T04:00:00Z", "2026-08-01", "2026-08-01T04:00:00Z"},
	} {
		zone, err := time.LoadLocation(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		now, err := time.Parse(time.RFC3339, c.now)
		if err != nil {
			t.Fatal(err)
		}
		got := reports.CalendarOf(now.In(zone))
		if len(got.Days) != 25 || len(got.Times) != 25 {
			t.Fatalf("%d days, %d times", len(got.Days), len(got.Times))
		}
		for what, pair := range map[string][2]string{
			"today": {got.Today.String(), c.today}, "a year ago": {got.YearAgo.String(), c.yearAgo},
			"first": {got.Days[0].String(), c.first}, "first at": {got.Times[0].UTC().Format(time.RFC3339), c.firstAt},
			"end": {got.Days[24].String(), c.end}, "end at": {got.Times[24].UTC().Format(time.RFC3339), c.endAt},
		} {
			if pair[0] != pair[1] {
				t.Errorf("%s in %s: %s is %s, want %s", c.now, c.zone, what, pair[0], pair[1])
			}
		}
	}
}
