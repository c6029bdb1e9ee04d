// Package reports computes figures about products: how many there are of which kind, and how they move through stages.
package reports

import (
	"context"
	"math/big"
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
	TransitionGroups(ctx context.Context, f catalog.DatedFilter, c catalog.Calendar) ([]catalog.TransitionGroup, error)
	RecentProducts(ctx context.Context, f catalog.DatedFilter, limit int) ([]models.ListedProduct, error)
	RecentTransitions(ctx context.Context, f catalog.DatedFilter, of int64, limit int) ([]models.ListedRecord, error)
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

// Completeness counts the products that lack a value.
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
	moves, err := from.TransitionGroups(ctx, asked, calendar)
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
	if d.RecentMoves, err = from.RecentTransitions(ctx, asked, total, recent); err != nil {
		return d, err
	}
	d.addProducts(products, lists, calendar)
	d.addMoves(moves, lists.Stages, calendar)
	d.Statistics.LastSyncAt, err = from.LastSync(ctx)
	return d, err
}
