package schedule

import (
	"strings"
	"testing"
	"time"

	"lifecycle-sync/models"
)

func mustParse(t testing.TB, text string) Cron {
	t.Helper()
	c, err := ParseCron(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return c
}

// TestCron_Next starts on Wednesday, 2026-07-01 13:30:00 in Jakarta.
func TestCron_Next(t *testing.T) {
	t.Parallel()
	after := time.Date(2026, time.July, 1, 13, 30, 0, 0, zone(t, "Asia/Jakarta"))
	for text, want := range map[string]string{
		"0 * * * *":       "2026-07-01 14:00:00",
		"0 2 * * *":       "2026-07-02 02:00:00",
		"30 13 * * *":     "2026-07-02 13:30:00",
		"*/7 * * * *":     "2026-07-01 13:35:00",
		"0 9-17 * * 1-5":  "2026-07-01 14:00:00",
		"0 0 * * SUN":     "2026-07-05 00:00:00",
		"0 0 * * 0":       "2026-07-05 00:00:00",
		"15,45 1 1 jan *": "2027-01-01 01:15:00",
		"0 0 29 2 *":      "2028-02-29 00:00:00",
		"  0   2 * * *  ": "2026-07-02 02:00:00",
		"0\t2 * * ?":      "2026-07-02 02:00:00",
		"*/20 * * * * *":  "2026-07-01 13:30:20",
		"@hourly":         "2026-07-01 14:00:00",
		"@daily":          "2026-07-02 00:00:00",
		"@monthly":        "2026-08-01 00:00:00",
	} {
		if got := mustParse(t, text).Next(after); got.Format(time.DateTime) != want || got.Location() != after.Location() {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	if next := mustParse(t, "off").Next(after); !next.IsZero() {
		t.Errorf("off: %s", next)
	}
}

// badCrons are invalid expressions; some of them make the library panic.
var badCrons = []string{
	"", " ", "OFF", "never", "60", "0 2 * *", "0 2 * * * * *", "60 * * * *", "0 24 * * *", "0 0 0 * *", "0 0 32 * *", "0 0 * 13 *", "0 0 * * 7", "-1 * * * *",
	"*/0 * * * *", "5-1 * * * *", "1-2-3 * * * *", "1/2/3 * * * *", "x * * * *", "0 2 * * * root", "02:00", ", * * * *", "0 2 * , *",
	"0 0 30 2 *", "0 0 31 4,6,9,11 *", "99999999999999999999 * * * *", "@every 1h", "@every", "@reboot", "@", "0 2 * * *; rm", "０ 2 * * *", "\x00 2 * * *",
	"TZ=0", "TZ=", "CRON_TZ=UTC", "TZ=UTC 0 2 * * *", "CRON_TZ=Asia/Jakarta 0 2 * * *", "TZ=Nowhere 0 2 * * *", "TZ=../../etc 0 2 * * *",
}

func TestParseCron_RefusesInvalidExpressions(t *testing.T) {
	t.Parallel()
	for _, text := range badCrons {
		if c, err := ParseCron(text); err == nil || err.Error() == "" {
			t.Errorf("%q is taken for %+v", text, c)
		}
	}
	for text, code := range map[string]string{
		"0 0 30 2 *": "schedule.never", "TZ=UTC 0 2 * * *": "schedule.time_zone", ", * * * *": "schedule.empty_field", "@every 1h": "schedule.every", "TZ=0": "schedule.syntax",
	} {
		if _, err := ParseCron(text); models.AsError(err).Text.Code != code {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// FuzzParseCron expects a next time for each expression that is accepted.
func FuzzParseCron(f *testing.F) {
	for _, text := range append(badCrons, "0 * * * *", "*/5 0-6/2 1,15 * 1-5", "30 0 2 * * *", "@weekly", off) {
		f.Add(text)
	}
	after := time.Date(2026, time.July, 1, 13, 30, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ParseCron(text)
		if next := c.Next(after); err == nil && text != off && !next.After(after) {
			t.Errorf("%q: next %s", text, next)
		}
	})
}

// TestCron_DaylightSavingTime uses Berlin, where clocks go from 02:00 to 03:00 in spring and back in autumn.
func TestCron_DaylightSavingTime(t *testing.T) {
	t.Parallel()
	berlin := zone(t, "Europe/Berlin")
	for _, night := range []struct {
		cron, from, until string // until is not included
		want              string
	}{
		{"0 2 * * *", "2026-03-28 12:00", "2026-03-30 12:00", "29T03:00+02 30T02:00+02"},
		{"30 2 * * *", "2026-03-28 12:00", "2026-03-30 12:00", "29T03:30+02 30T02:30+02"},
		{"0 * * * *", "2026-03-29 00:30", "2026-03-29 04:30", "29T01:00+01 29T03:00+02 29T04:00+02"},
		{"*/30 * * * *", "2026-03-29 01:00", "2026-03-29 04:00", "29T01:30+01 29T03:00+02 29T03:30+02"},
		{"0 3 * * *", "2026-10-24 12:00", "2026-10-26 12:00", "25T03:00+01 26T03:00+01"},
		{"0 * * * *", "2026-10-25 00:30", "2026-10-25 04:00", "25T01:00+02 25T02:00+02 25T02:00+01 25T03:00+01"},
	} {
		parse := func(text string) time.Time {
			at, err := time.ParseInLocation("2006-01-02 15:04", text, berlin)
			if err != nil {
				t.Fatal(err)
			}
			return at
		}
		var got []string
		c := mustParse(t, night.cron)
		for at := c.Next(parse(night.from)); at.Before(parse(night.until)); at = c.Next(at) {
			got = append(got, at.Format("02T15:04-07"))
		}
		if strings.Join(got, " ") != night.want {
			t.Errorf("%s after %s: %v, want %s", night.cron, night.from, got, night.want)
		}
	}
}

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}
