// Package reports makes the figures about the products: what they are, what stages they are in, and
// how they move through them.
package reports

import (
	"context"
	"math/big"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo/catalog"
	"lifecycle-sync/services/products"
)

// recent is how many of the newest products and transitions are shown.
const recent = 10

// Reader reads, all in one state of the mirror. Errors: connection, timeout, schema.
type Reader interface {
	products.DropdownReader
	ProductGroups(ctx context.Context, f catalog.DatedFilter, c catalog.Calendar) ([]catalog.ProductGroup, error)
	TransitionGroups(ctx context.Context, f catalog.DatedFilter, c catalog.Calendar) ([]catalog.TransitionGroup, error)
	RecentProducts(ctx context.Context, f catalog.DatedFilter, limit int) ([]models.ListedProduct, error)
	RecentTransitions(ctx context.Context, f catalog.DatedFilter, of int64, limit int) ([]models.ListedRecord, error)
	LastSync(ctx context.Context) (*models.Instant, error)
}

// Dashboard is all that the dashboard shows. What belongs to a stage, segment or category is listed for
// each of them, and last for those that have none, if there are any.
type Dashboard struct {
	Statistics        Statistics             `json:"statistics"`
	Charts            Charts                 `json:"charts"`
	RecentProducts    []models.ListedProduct `json:"recentProducts"`
	StageTransitions  []TransitionsFrom      `json:"stageTransitions"`
	RecentTransitions []models.ListedRecord  `json:"recentTransitions"`
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

// Completeness is how many products lack what.
type Completeness struct {
	Segment    int64 `json:"missingSegment"`
	Stage      int64 `json:"missingStage"`
	Category   int64 `json:"missingCategory"`
	Price      int64 `json:"missingPrice"`
	LaunchDate int64 `json:"missingLaunchDate"`
}

// Charts are series of figures.
type Charts struct {
	ProductsByStage    []Share      `json:"productsByStage"`
	ProductsBySegment  []Share      `json:"productsBySegment"`
	ProductsByCategory []Share      `json:"productsByCategory"`
	SegmentByStage     []SegmentRow `json:"segmentByStage"`
	TransitionSpeed    []Speed      `json:"transitionSpeed"`
	LaunchesByMonth    []MonthCount `json:"launchesByMonth"`
	TransitionsByMonth []MonthCount `json:"transitionsByMonth"`
	ValueByStage       []Sum        `json:"valueByStage"`
}

// transitionsIn is how many transitions there are.
func transitionsIn(groups []catalog.TransitionGroup) (n int64) {
	for _, g := range groups {
		n += g.Count
	}
	return n
}

// Read makes the dashboard of the products that a filter lets through, for the day and time zone of now.
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
	transitions, err := from.TransitionGroups(ctx, asked, calendar)
	if err != nil {
		return d, err
	}
	if d.RecentProducts, err = from.RecentProducts(ctx, asked, recent); err != nil {
		return d, err
	}
	if d.RecentTransitions, err = from.RecentTransitions(ctx, asked, transitionsIn(transitions), recent); err != nil {
		return d, err
	}
	d.products(products, lists, calendar)
	d.transitions(transitions, lists.Stages, calendar)
	d.Statistics.LastSyncAt, err = from.LastSync(ctx)
	return d, err
}
