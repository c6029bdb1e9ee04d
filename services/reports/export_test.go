package reports

import (
	"math/big"
	"time"

	"lifecycle-sync/repositories/pmo/catalog"
)

// What the tests of the arithmetic look at.

func AverageOf(sum *big.Int, count, unit int64) Average { return average(sum, count, unit) }

func Percentages(counts []int64) []Tenths { return percentages(counts) }

func CalendarOf(now time.Time) catalog.Calendar { return calendarOf(now) }
