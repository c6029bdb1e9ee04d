package web

import (
	"strconv"
	"time"

	"lifecycle-sync/models"
)

// months are the months' short names in Indonesia.
func months() [12]string {
	return [12]string{"Jan", "Feb", "Mar", "Apr", "Mei", "Jun", "Jul", "Agu", "Sep", "Okt", "Nov", "Des"}
}

func dayOf(t time.Time) string {
	return strconv.Itoa(t.Day()) + " " + months()[t.Month()-1] + " " + strconv.Itoa(t.Year())
}

// Day writes a date as 1 Mei 2026; nil is a dash.
func Day(d *models.Date) string {
	if d == nil {
		return dash
	}
	return dayOf(d.Time())
}

// Month writes a month that is given as 2026-05 as Mei 2026.
func Month(month string) string {
	t, err := time.Parse("2006-01", month)
	if err != nil {
		return month
	}
	return months()[t.Month()-1] + " " + strconv.Itoa(t.Year())
}

// clock writes times in a zone.
type clock struct{ zone *time.Location }

// timeOf is the time that a value is, of the types that rows have; false for nil.
func timeOf(v any) (time.Time, bool) {
	switch t := v.(type) {
	case time.Time:
		return t, true
	case *time.Time:
		if t != nil {
			return *t, true
		}
	case models.Instant:
		return t.Time(), true
	case *models.Instant:
		if t != nil {
			return t.Time(), true
		}
	}
	return time.Time{}, false
}

// moment writes a time as 1 Mei 2026 14.30 WIB; nil is a dash.
func (c clock) moment(v any) string {
	t, ok := timeOf(v)
	if !ok {
		return dash
	}
	t = t.In(c.zone)
	return dayOf(t) + " " + t.Format("15.04 MST")
}

// date writes the day of a time as 1 Mei 2026; nil is a dash.
func (c clock) date(v any) string {
	t, ok := timeOf(v)
	if !ok {
		return dash
	}
	return dayOf(t.In(c.zone))
}

// stamp is a time for machines, as <time datetime> has it; "" for nil.
func (clock) stamp(v any) string {
	t, ok := timeOf(v)
	if !ok {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// Took writes how long something lasted, as 0,25 s, 12,3 s, 5 min 7 s, 2 h 5 min.
func Took(d time.Duration) string {
	switch {
	case d < time.Second:
		return "0," + twoDigits(d.Milliseconds()/10) + " s"
	case d < time.Minute:
		return Tenths(d.Milliseconds()/100) + " s"
	case d < time.Hour:
		return strconv.Itoa(int(d.Minutes())) + " min " + strconv.Itoa(int(d.Seconds())%60) + " s"
	default:
		return Number(int64(d.Hours())) + " h " + strconv.Itoa(int(d.Minutes())%60) + " min"
	}
}

func twoDigits(n int64) string {
	if n < 10 {
		return "0" + strconv.FormatInt(n, 10)
	}
	return strconv.FormatInt(n, 10)
}

// Ago says how long ago something was, in words. What is in the future, by a clock that differs a little, is
// just now.
func Ago(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return "just now"
	case d < time.Minute:
		return Number(int64(d.Seconds())) + " seconds ago"
	case d < time.Hour:
		return Plural(int64(d.Minutes()), "minute", "minutes") + " ago"
	case d < 48*time.Hour:
		return Plural(int64(d.Hours()), "hour", "hours") + " ago"
	default:
		return Number(int64(d.Hours()/24)) + " days ago"
	}
}
