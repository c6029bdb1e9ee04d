package reports_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"slices"
	"testing"
	"time"
	_ "time/tzdata"

	"lifecycle-sync/services/reports"
)

func TestTenths(t *testing.T) {
	t.Parallel()
	for tenths, want := range map[reports.Tenths]string{0: "0", 1: "0.1", 10: "1", 123: "12.3", 1000: "100", -1: "-0.1", -25: "-2.5"} {
		if got, err := json.Marshal(tenths); err != nil || string(got) != want {
			t.Errorf("%d: %s, %v", int64(tenths), got, err)
		}
	}
}

func TestAverage(t *testing.T) {
	t.Parallel()
	huge, _ := new(big.Int).SetString("1000000000000000000000000", 10)
	for _, c := range []struct {
		sum         *big.Int
		count, unit int64
		want        string
	}{
		{big.NewInt(7), 0, 1, "null"},
		{big.NewInt(0), 5, 1, "0"},
		{big.NewInt(10), 4, 1, "2.5"},
		{big.NewInt(1), 3, 1, "0.3"},
		{big.NewInt(2), 3, 1, "0.7"},
		{big.NewInt(1), 20, 1, "0.1"}, // halves go up
		{big.NewInt(1), 21, 1, "0"},
		{big.NewInt(86400 * 3), 2, 86400, "1.5"},
		{huge, 1_000_000_000_000, 1_000_000, "1000000"},
	} {
		if got, err := json.Marshal(reports.AverageOf(c.sum, c.count, c.unit)); err != nil || string(got) != c.want {
			t.Errorf("%v / %d / %d: %s, %v, want %s", c.sum, c.count, c.unit, got, err, c.want)
		}
	}
}

func TestPercentages(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		counts []int64
		want   []reports.Tenths
	}{
		{nil, []reports.Tenths{}},
		{[]int64{0, 0}, []reports.Tenths{0, 0}},
		{[]int64{5}, []reports.Tenths{1000}},
		{[]int64{1, 1, 1}, []reports.Tenths{334, 333, 333}},
		{[]int64{2, 1}, []reports.Tenths{667, 333}},
		{[]int64{1, 999_999}, []reports.Tenths{0, 1000}},
		{[]int64{0, 3, 0, 4}, []reports.Tenths{0, 429, 0, 571}},
	} {
		if got := reports.Percentages(c.counts); !slices.Equal(got, c.want) {
			t.Errorf("%v: %v, want %v", c.counts, got, c.want)
		}
	}
}

// TestPercentagesMakeAHundred also holds each against the exact part.
func TestPercentagesMakeAHundred(t *testing.T) {
	t.Parallel()
	for seed := range int64(500) {
		counts, total := make([]int64, 1+seed%9), int64(0)
		for i := range counts {
			counts[i] = (seed*7919 + int64(i)*104729) * (int64(i) + 3) % 1009
			total += counts[i]
		}
		var sum reports.Tenths
		for i, p := range reports.Percentages(counts) {
			sum += p
			if exact := 1000 * float64(counts[i]) / math.Max(float64(total), 1); math.Abs(exact-float64(p)) >= 1 {
				t.Errorf("%v: %d tenths, exactly %f", counts, p, exact)
			}
		}
		if total > 0 && sum != 1000 {
			t.Errorf("%v: %d tenths", counts, sum)
		}
	}
}

func TestCalendar(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ now, zone, want string }{
		{"2026-11-24T10:00:00Z", "UTC", "2026-11-24, a year ago 2025-11-24, from 2024-12-01 (2024-12-01T00:00:00Z) to 2026-12-01 (2026-12-01T00:00:00Z)"},
		{"2026-12-31T17:00:00Z", "Asia/Jakarta", "2027-01-01, a year ago 2026-01-01, from 2025-02-01 (2025-01-31T17:00:00Z) to 2027-02-01 (2027-01-31T17:00:00Z)"},
		{"2024-02-29T12:00:00Z", "America/New_York", "2024-02-29, a year ago 2023-02-28, from 2022-03-01 (2022-03-01T05:00:00Z) to 2024-03-01 (2024-03-01T05:00:00Z)"},
		{"2026-07-31T23:30:00Z", "America/New_York", "2026-07-31, a year ago 2025-07-31, from 2024-08-01 (2024-08-01T04:00:00Z) to 2026-08-01 (2026-08-01T04:00:00Z)"},
	} {
		zone, err := time.LoadLocation(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		now, err := time.Parse(time.RFC3339, c.now)
		if err != nil {
			t.Fatal(err)
		}
		of := reports.CalendarOf(now.In(zone))
		if len(of.Days) != 25 || len(of.Times) != 25 {
			t.Fatalf("%d days, %d times", len(of.Days), len(of.Times))
		}
		at := func(i int) string { return of.Times[i].UTC().Format(time.RFC3339) }
		if got := fmt.Sprintf("%s, a year ago %s, from %s (%s) to %s (%s)", of.Today, of.YearAgo, of.Days[0], at(0), of.Days[24], at(24)); got != c.want {
			t.Errorf("%s in %s: %s, want %s", c.now, c.zone, got, c.want)
		}
	}
}
