package overview

import (
	"math/big"

	"lifecycle-sync/services/reports"
	"lifecycle-sync/web"
)

// months is a chart with a column for each month, and the table of the same figures.
type months struct {
	ID, Title string
	Total     int64
	Top, Half uint64 // of the scale
	Columns   []column
	Marks     []string // months under the chart, at equal distances
}

// column stands in a picture that is 100 high, and 10 wide for each month.
type column struct {
	Month        string
	Count        int64
	X, Y, Height int64
}

// monthsBetweenMarks is as many as leave room for the words on a phone.
const monthsBetweenMarks = 6

func monthsOf(id, title string, counts []reports.MonthCount) months {
	m := months{ID: id, Title: title}
	highest := int64(0)
	for _, c := range counts {
		highest = max(highest, c.Count)
	}
	m.Top = scaleFor(highest)
	m.Half = m.Top / 2
	top := new(big.Int).SetUint64(m.Top)
	for i, c := range counts {
		height := hundredths(big.NewInt(c.Count), top)
		m.Columns = append(m.Columns, column{Month: web.Month(c.Month), Count: c.Count, X: int64(i) * 10, Y: 100 - height, Height: height})
		m.Total += c.Count
		if i%monthsBetweenMarks == 0 {
			m.Marks = append(m.Marks, web.Month(c.Month))
		}
	}
	return m
}

// scaleFor is where a scale ends: an even round number that is not less than the highest figure.
func scaleFor(highest int64) uint64 {
	for unit := uint64(1); ; unit *= 10 {
		for _, times := range []uint64{2, 4, 6, 8, 10} {
			if top := times * unit; top >= uint64(max(highest, 0)) {
				return top
			}
		}
	}
}
