package reports

import (
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo/catalog"
)

// shownMonths is how many months the charts go back, the present one included.
const shownMonths = 24

// MonthCount is how much happened in a month.
type MonthCount struct {
	Month string `json:"month"` // "2026-03"
	Count int64  `json:"count"`
}

// calendarOf tells the days and months as they are in now's time zone.
func calendarOf(now time.Time) catalog.Calendar {
	year, month, day := now.Date()
	c := catalog.Calendar{Today: models.NewDate(year, month, day), YearAgo: models.NewDate(year-1, month, min(day, lastDay(year-1, month)))}
	for i := range shownMonths + 1 {
		first := time.Date(year, month-shownMonths+1+time.Month(i), 1, 0, 0, 0, 0, now.Location())
		y, m, _ := time.Date(year, month-shownMonths+1+time.Month(i), 1, 0, 0, 0, 0, time.UTC).Date()
		c.Days, c.Times = append(c.Days, models.NewDate(y, m, 1)), append(c.Times, first)
	}
	return c
}

func lastDay(year int, month time.Month) int {
	return time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// countMonth counts what lies in one of the calendar's months.
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
