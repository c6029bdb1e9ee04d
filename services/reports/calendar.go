package reports

import (
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo/catalog"
)

// shownMonths is the number of months in charts, including the current one.
const shownMonths = 24

// MonthCount is a month's number of launches or moves.
type MonthCount struct {
	Month string `json:"month"` // "2026-03"
	Count int64  `json:"count"`
}

// calendarOf returns the days and months in now's time zone.
func calendarOf(now time.Time) catalog.Calendar {
	year, month, day := now.Date()
	c := catalog.Calendar{Today: models.NewDate(year, month, day), YearAgo: models.NewDate(year-1, month, min(day, lastDay(year-1, month)))}
	for i := range shownMonths + 1 {
		m := month - shownMonths + 1 + time.Month(i)
		c.Days, c.Times = append(c.Days, models.NewDate(year, m, 1)), append(c.Times, time.Date(year, m, 1, 0, 0, 0, 0, now.Location()))
	}
	return c
}

func lastDay(year int, month time.Month) int {
	return time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// countMonth adds to a month of the calendar, the first of which is 1.
func countMonth(months []int64, month *int, count int64) {
	if month != nil && *month >= 1 && *month <= len(months) {
		months[*month-1] += count
	}
}

func monthCounts(c catalog.Calendar, counts []int64) []MonthCount {
	out := make([]MonthCount, len(counts))
	for i, count := range counts {
		out[i] = MonthCount{c.Days[i].Time().Format("2006-01"), count}
	}
	return out
}
