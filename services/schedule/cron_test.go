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

// TestCron_Next lists the times in a range. In Berlin, clocks go from 02:00 to 03:00 in spring and back in autumn.
func TestCron_Next(t *testing.T) {
	t.Parallel()
	jakarta, berlin := [2]string{"2026-07-01 13:30:00 Asia/Jakarta", ""}, func(from, until string) [2]string {
		return [2]string{"2026-" + from + ":00 Europe/Berlin", "2026-" + until}
	}
	for _, c := range []struct {
		cron  string
		times [2]string // after, and until; only the first time if until is empty
		want  string
	}{
		{"0 * * * *", jakarta, "2026-07-01T14:00:00+07"},
		{"0 2 * * *", jakarta, "2026-07-02T02:00:00+07"},
		{"30 13 * * *", jakarta, "2026-07-02T13:30:00+07"},
		{"*/7 * * * *", jakarta, "2026-07-01T13:35:00+07"},
		{"0 9-17 * * 1-5", jakarta, "2026-07-01T14:00:00+07"},
		{"0 0 * * SUN", jakarta, "2026-07-05T00:00:00+07"},
		{"0 0 * * 0", jakarta, "2026-07-05T00:00:00+07"},
		{"15,45 1 1 jan *", jakarta, "2027-01-01T01:15:00+07"},
		{"0 0 29 2 *", jakarta, "2028-02-29T00:00:00+07"},
		{"  0   2 * * *  ", jakarta, "2026-07-02T02:00:00+07"},
		{"0\t2 * * ?", jakarta, "2026-07-02T02:00:00+07"},
		{"*/20 * * * * *", jakarta, "2026-07-01T13:30:20+07"},
		{"@hourly", jakarta, "2026-07-01T14:00:00+07"},
		{"@daily", jakarta, "2026-07-02T00:00:00+07"},
		{"@monthly", jakarta, "2026-08-01T00:00:00+07"},
		{"off", jakarta, ""},
		{"0 2 * * *", berlin("03-28 12:00", "03-30T12"), "2026-03-29T03:00:00+02 2026-03-30T02:00:00+02"},
		{"30 2 * * *", berlin("03-28 12:00", "03-30T12"), "2026-03-29T03:30:00+02 2026-03-30T02:30:00+02"},
		{"0 * * * *", berlin("03-29 00:30", "03-29T04:30"), "2026-03-29T01:00:00+01 2026-03-29T03:00:00+02 2026-03-29T04:00:00+02"},
		{"*/30 * * * *", berlin("03-29 01:00", "03-29T04"), "2026-03-29T01:30:00+01 2026-03-29T03:00:00+02 2026-03-29T03:30:00+02"},
		{"0 3 * * *", berlin("10-24 12:00", "10-26T12"), "2026-10-25T03:00:00+01 2026-10-26T03:00:00+01"},
		{"0 * * * *", berlin("10-25 00:30", "10-25T04"), "2026-10-25T01:00:00+02 2026-10-25T02:00:00+02 2026-10-25T02:00:00+01 2026-10-25T03:00:00+01"},
	} {
		clock, zone := c.times[0][:len(time.DateTime)], c.times[0][len(time.DateTime)+1:]
		location, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		after, err := time.ParseInLocation(time.DateTime, clock, location)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		cron := mustParse(t, c.cron)
		for at := cron.Next(after); !at.IsZero(); at = cron.Next(at) {
			text := at.Format("2006-01-02T15:04:05-07")
			if got != nil && text >= c.times[1] { // the end is a local time
				break
			}
			got = append(got, text)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s after %s: %v, want %s", c.cron, after, got, c.want)
		}
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
