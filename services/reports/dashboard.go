// Package reports computes figures about products: how many there are of which kind, and how they move through stages.
package reports

import (
	"cmp"
	"context"
	"math/big"
	"slices"
	"strconv"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo/catalog"
	"lifecycle-sync/services/products"
)

// recent is the number of newest products and moves on the dashboard.
const recent = 10

// Reader reads from one snapshot of the mirror. Errors: connection, timeout, schema.
type Reader interface {
	products.DropdownReader
	ProductGroups(ctx context.Context, f catalog.DatedFilter, c catalog.Calendar) ([]catalog.ProductGroup, error)
	MoveGroups(ctx context.Context, f catalog.DatedFilter, c catalog.Calendar) ([]catalog.MoveGroup, error)
	RecentProducts(ctx context.Context, f catalog.DatedFilter, limit int) ([]models.ListedProduct, error)
	RecentStageRecords(ctx context.Context, f catalog.DatedFilter, of int64, limit int) ([]models.ListedRecord, error)
	LastSync(ctx context.Context) (*models.Instant, error)
}

// Dashboard is the content of the dashboard. Figures by stage, segment or category have an entry for each of them, and a
// last one for products without, if there are any.
type Dashboard struct {
	Statistics     Statistics             `json:"statistics"`
	Charts         Charts                 `json:"charts"`
	RecentProducts []models.ListedProduct `json:"recentProducts"`
	StageMoves     []MovesFrom            `json:"stageTransitions"`
	RecentMoves    []models.ListedRecord  `json:"recentTransitions"`
}

// Statistics are single figures.
type Statistics struct {
	TotalProducts        int64           `json:"totalProducts"`
	TotalValue           *big.Int        `json:"totalValue"` // rupiah
	ByStage              []Share         `json:"byStage"`
	LaunchedLast12Months int64           `json:"launchedLast12Months"`
	Overdue              int64           `json:"overdue"`
	AverageDaysInStage   Average         `json:"averageDaysInStage"`
	Completeness         Completeness    `json:"completeness"`
	LastSyncAt           *models.Instant `json:"lastSyncAt"`
}

// Completeness counts the products that lack a value. An implausible launch date counts as missing, too.
type Completeness struct {
	Segment    int64 `json:"missingSegment"`
	Stage      int64 `json:"missingStage"`
	Category   int64 `json:"missingCategory"`
	Price      int64 `json:"missingPrice"`
	LaunchDate int64 `json:"missingLaunchDate"`

	ImplausibleLaunchDate int64 `json:"implausibleLaunchDate"`
}

// Charts are series of figures.
type Charts struct {
	ProductsByStage    []Share      `json:"productsByStage"`
	ProductsBySegment  []Share      `json:"productsBySegment"`
	ProductsByCategory []Share      `json:"productsByCategory"`
	SegmentByStage     []SegmentRow `json:"segmentByStage"`
	TimeInStage        []Speed      `json:"transitionSpeed"`
	LaunchesByMonth    []MonthCount `json:"launchesByMonth"`
	MovesByMonth       []MonthCount `json:"transitionsByMonth"`
	ValueByStage       []Sum        `json:"valueByStage"`
}

// Read computes the dashboard of the products that match a filter, for the day and time zone of now.
// Errors: connection, timeout, schema.
func Read(ctx context.Context, from Reader, f catalog.ProductFilter, now time.Time) (d Dashboard, err error) {
	lists, err := products.Dropdowns(ctx, from)
	if err != nil {
		return d, err
	}
	asked, calendar := f.On(now), calendarOf(now)
	products, err := from.ProductGroups(ctx, asked, calendar)
	if err != nil {
		return d, err
	}
	moves, err := from.MoveGroups(ctx, asked, calendar)
	if err != nil {
		return d, err
	}
	if d.RecentProducts, err = from.RecentProducts(ctx, asked, recent); err != nil {
		return d, err
	}
	total := int64(0)
	for _, g := range moves {
		total += g.Count
	}
	if d.RecentMoves, err = from.RecentStageRecords(ctx, asked, total, recent); err != nil {
		return d, err
	}
	d.addProducts(products, lists, calendar)
	d.addMoves(moves, lists.Stages, calendar)
	d.Statistics.LastSyncAt, err = from.LastSync(ctx)
	return d, err
}

// Label names what a figure is about. Both are nil for products or moves without a stage, segment or category.
type Label struct {
	ID   *int64  `json:"id"`
	Name *string `json:"label"`
}

// axis is the stages, segments or categories of a chart: those in the mirror's lists, then other ids in use, then none.
type axis struct {
	labels []Label
	places map[int64]int
}

// newAxis returns the axis of a list and of the ids that groups have.
func newAxis[T, G any](list []T, label func(T) Label, groups []G, idOf func(G) *int64) *axis {
	a, none, unlisted := &axis{labels: []Label{}, places: map[int64]int{}}, false, []int64{}
	add := func(l Label) {
		if l.ID != nil {
			a.places[*l.ID] = len(a.labels)
		}
		a.labels = append(a.labels, l)
	}
	for _, item := range list {
		add(label(item))
	}
	for _, g := range groups {
		if id := idOf(g); id == nil {
			none = true
		} else if _, listed := a.places[*id]; !listed {
			unlisted = append(unlisted, *id)
		}
	}
	slices.Sort(unlisted)
	for _, id := range slices.Compact(unlisted) {
		add(Label{ID: &id})
	}
	if none {
		add(Label{})
	}
	return a
}

// at returns the place of an id in use; that of nil is the last.
func (a *axis) at(id *int64) int {
	if id == nil {
		return len(a.labels) - 1
	}
	return a.places[*id]
}

// along returns a figure for each place of an axis.
func along[T any](a *axis, figure func(i int, l Label) T) []T {
	out := make([]T, len(a.labels))
	for i, l := range a.labels {
		out[i] = figure(i, l)
	}
	return out
}

// Tenths is a figure with one decimal, in tenths.
type Tenths int64

// MarshalJSON writes a JSON number, as 12.5.
func (t Tenths) MarshalJSON() ([]byte, error) {
	sign := ""
	if t < 0 {
		sign, t = "-", -t
	}
	out := sign + strconv.FormatInt(int64(t/10), 10)
	if t%10 != 0 {
		out += "." + strconv.FormatInt(int64(t%10), 10)
	}
	return []byte(out), nil
}

// Average is an average to one decimal, nil for no values.
type Average *Tenths

// average divides a sum, which is not negative, by the number of values and by the size of a unit. It rounds halves up.
func average(sum *big.Int, count, unit int64) Average {
	if count == 0 {
		return nil
	}
	divisor := new(big.Int).Mul(big.NewInt(count), big.NewInt(unit))
	twice := new(big.Int).Mul(sum, big.NewInt(20))
	twice.Add(twice, divisor)
	tenths := Tenths(twice.Div(twice, divisor.Lsh(divisor, 1)).Int64())
	return &tenths
}

// percentages returns each count's part of their sum. The parts add up to exactly 100 unless all counts are 0: each is
// rounded down, and the missing tenths go to those that lost most, the first of equals.
func percentages(counts []int64) []Tenths {
	var total int64
	for _, c := range counts {
		total += c
	}
	out := make([]Tenths, len(counts))
	if total == 0 {
		return out
	}
	missing, order := int64(1000), make([]int, len(counts))
	for i, c := range counts {
		order[i], out[i] = i, Tenths(c*1000/total)
		missing -= int64(out[i])
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(counts[b]*1000%total, counts[a]*1000%total) })
	for _, i := range order[:missing] {
		out[i]++
	}
	return out
}

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
