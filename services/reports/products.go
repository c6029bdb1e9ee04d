package reports

import (
	"math/big"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo/catalog"
	"lifecycle-sync/services/products"
)

// Share is the products of one stage, segment or category.
type Share struct {
	Label

	Count      int64    `json:"count"`
	Percentage Tenths   `json:"percentage"` // of all products
	Value      *big.Int `json:"value"`      // rupiah
}

// Sum is the value of the products of a stage.
type Sum struct {
	Label

	Value *big.Int `json:"value"` // rupiah
}

// LabelledCount is a number of products or moves.
type LabelledCount struct {
	Label

	Count int64 `json:"count"`
}

// SegmentRow counts the products of a segment by stage.
type SegmentRow struct {
	LabelledCount

	Stages []LabelledCount `json:"stages"`
}

func stageLabel(s models.Stage) Label { return Label{&s.ID, s.Name} }

// addProducts computes the figures that follow from the products alone.
func (d *Dashboard) addProducts(groups []catalog.ProductGroup, lists products.DropdownLists, c catalog.Calendar) {
	stages := newAxis(lists.Stages, stageLabel, groups, func(g catalog.ProductGroup) *int64 { return g.StageID })
	segments := newAxis(lists.Segments, func(s models.Segment) Label { return Label{&s.ID, s.Name} },
		groups, func(g catalog.ProductGroup) *int64 { return g.SegmentID })
	categories := newAxis(lists.Categories, func(c models.Category) Label { return Label{&c.ID, c.Name} },
		groups, func(g catalog.ProductGroup) *int64 { return g.CategoryID })
	byStage, bySegment, byCategory := newTally(stages), newTally(segments), newTally(categories)
	matrix := along(segments, func(int, Label) []int64 { return make([]int64, len(stages.labels)) })
	s, months := &d.Statistics, make([]int64, len(c.Days)-1)
	s.TotalValue = new(big.Int)
	var days, started int64
	for _, g := range groups {
		value := valueOf(g)
		byStage.add(g.StageID, g.Count, value)
		bySegment.add(g.SegmentID, g.Count, value)
		byCategory.add(g.CategoryID, g.Count, value)
		matrix[segments.at(g.SegmentID)][stages.at(g.StageID)] += g.Count
		countMonth(months, g.Month, g.Count)
		s.TotalProducts += g.Count
		s.TotalValue.Add(s.TotalValue, value)
		s.LaunchedLast12Months += g.New
		s.Overdue += g.Overdue
		days, started = days+g.Days, started+g.Started
		s.Completeness.add(g)
	}
	s.AverageDaysInStage = average(big.NewInt(days), started, 1)
	d.Charts.ProductsByStage, d.Charts.ProductsBySegment, d.Charts.ProductsByCategory = byStage.shares(), bySegment.shares(), byCategory.shares()
	s.ByStage = d.Charts.ProductsByStage
	d.Charts.ValueByStage = along(stages, func(i int, l Label) Sum { return Sum{l, byStage.values[i]} })
	d.Charts.LaunchesByMonth = monthCounts(c, months)
	d.Charts.SegmentByStage = along(segments, func(i int, l Label) SegmentRow {
		return SegmentRow{LabelledCount{l, bySegment.counts[i]}, along(stages, func(j int, l Label) LabelledCount { return LabelledCount{l, matrix[i][j]} })}
	})
}

func (c *Completeness) add(g catalog.ProductGroup) {
	lack := func(missing bool, count *int64) {
		if missing {
			*count += g.Count
		}
	}
	lack(g.SegmentID == nil, &c.Segment)
	lack(g.StageID == nil, &c.Stage)
	lack(g.CategoryID == nil, &c.Category)
	lack(g.Month == nil, &c.LaunchDate)
	c.Price += g.Count - g.Priced
	c.ImplausibleLaunchDate += g.Implausible
}

// tally counts products and adds up their values along an axis.
type tally struct {
	axis   *axis
	counts []int64
	values []*big.Int
}

func newTally(a *axis) tally {
	return tally{a, make([]int64, len(a.labels)), along(a, func(int, Label) *big.Int { return new(big.Int) })}
}

func (t tally) add(id *int64, count int64, value *big.Int) {
	i := t.axis.at(id)
	t.counts[i] += count
	t.values[i].Add(t.values[i], value)
}

func (t tally) shares() []Share {
	percent := percentages(t.counts)
	return along(t.axis, func(i int, l Label) Share { return Share{l, t.counts[i], percent[i], t.values[i]} })
}

// valueOf returns the sum of a group's prices, which the database adds up in two halves.
func valueOf(g catalog.ProductGroup) *big.Int {
	high := whole(g.ValueHigh)
	return high.Lsh(high, 32).Add(high, whole(g.ValueLow))
}
