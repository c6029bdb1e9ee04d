package reports

import (
	"math/big"

	"lifecycle-sync/repositories/pmo/catalog"
	"lifecycle-sync/services/products"
)

// Share is the part of the products that has a stage, segment or category in common.
type Share struct {
	Label

	Count      int64    `json:"count"`
	Percentage Tenths   `json:"percentage"` // of all that are counted
	Value      *big.Int `json:"value"`      // rupiah
}

// Sum is the value of the products of a stage.
type Sum struct {
	Label

	Value *big.Int `json:"value"` // rupiah
}

// LabelledCount is how many products or transitions there are of a stage.
type LabelledCount struct {
	Label

	Count int64 `json:"count"`
}

// SegmentRow is how many products of a segment are in which stage.
type SegmentRow struct {
	LabelledCount

	Stages []LabelledCount `json:"stages"`
}

// products fills in what is known from the products alone.
func (d *Dashboard) products(groups []catalog.ProductGroup, lists products.DropdownLists, c catalog.Calendar) {
	stages, segments, categories := newAxis(), newAxis(), newAxis()
	for _, s := range lists.Stages {
		stages.add(&s.ID, s.Name)
	}
	for _, s := range lists.Segments {
		segments.add(&s.ID, s.Name)
	}
	for _, c := range lists.Categories {
		categories.add(&c.ID, c.Name)
	}
	for _, g := range groups {
		stages.see(g.StageID)
		segments.see(g.SegmentID)
		categories.see(g.CategoryID)
	}
	stages.complete()
	segments.complete()
	categories.complete()
	byStage, bySegment, byCategory := stages.tally(), segments.tally(), categories.tally()
	matrix := make([]tally, len(segments.labels))
	for i := range matrix {
		matrix[i] = stages.tally()
	}
	s, months := &d.Statistics, make([]int64, len(c.Days)-1)
	s.TotalValue = new(big.Int)
	var days, started int64
	for _, g := range groups {
		value := valueOf(g)
		byStage.add(stages.at(g.StageID), g.Count, value)
		bySegment.add(segments.at(g.SegmentID), g.Count, value)
		byCategory.add(categories.at(g.CategoryID), g.Count, value)
		matrix[segments.at(g.SegmentID)].add(stages.at(g.StageID), g.Count, value)
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
	d.Charts.ValueByStage = byStage.sums()
	d.Charts.LaunchesByMonth = monthCounts(c, months)
	d.Charts.SegmentByStage = make([]SegmentRow, len(matrix))
	for i, row := range matrix {
		d.Charts.SegmentByStage[i] = SegmentRow{LabelledCount{segments.labels[i], bySegment.counts[i]}, row.labelledCounts()}
	}
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
}

// tally counts along an axis.
type tally struct {
	axis   *axis
	counts []int64
	values []*big.Int
}

func (a *axis) tally() tally {
	t := tally{axis: a, counts: make([]int64, len(a.labels)), values: make([]*big.Int, len(a.labels))}
	for i := range t.values {
		t.values[i] = new(big.Int)
	}
	return t
}

func (t tally) add(at int, count int64, value *big.Int) {
	t.counts[at] += count
	t.values[at].Add(t.values[at], value)
}

func (t tally) shares() []Share {
	shares, percent := make([]Share, len(t.counts)), percentages(t.counts)
	for i := range shares {
		shares[i] = Share{t.axis.labels[i], t.counts[i], percent[i], t.values[i]}
	}
	return shares
}

func (t tally) sums() []Sum {
	sums := make([]Sum, len(t.values))
	for i := range sums {
		sums[i] = Sum{t.axis.labels[i], t.values[i]}
	}
	return sums
}

func (t tally) labelledCounts() []LabelledCount {
	counts := make([]LabelledCount, len(t.counts))
	for i := range counts {
		counts[i] = LabelledCount{t.axis.labels[i], t.counts[i]}
	}
	return counts
}

// valueOf puts the sum of the prices together.
func valueOf(g catalog.ProductGroup) *big.Int {
	high := whole(g.ValueHigh)
	return high.Lsh(high, 32).Add(high, whole(g.ValueLow))
}
