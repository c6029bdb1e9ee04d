// Package overview has the console's overview page with figures about products.
package overview

import (
	"context"
	"time"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers"
	"lifecycle-sync/handlers/pages"
	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
	"lifecycle-sync/services/cache"
	"lifecycle-sync/services/products"
	"lifecycle-sync/services/reports"
)

// Pages are the handlers.
type Pages struct {
	Site *pages.Site
	Now  func() time.Time // in the configured time zone
}

// overview is the data of the template.
type overview struct {
	Filters     pages.Filters
	Total       int64
	Tiles       []tile
	Missing     []tile
	Shares      []bars
	Heat        heat
	Months      []months
	Value, Time bars
	Products    []models.ListedProduct
	Moves       []models.ListedRecord
}

// tile is a single figure. Address is the list of the counted products, "" for none.
type tile struct {
	Figure  string
	Text    models.Text
	Address string
	Tone    string // warn if the products need work
	Wide    bool
}

// Show shows the figures of the products that match the filters.
func (h *Pages) Show(c *fiber.Ctx) error {
	q := request.ParseQuery(c, request.ProductFilters()...)
	query := products.Query{Filter: request.ProductFilter(q)}
	ch := charts{pages.NewFilterQuery(q, request.ProductFilters()...), handlers.PrinterOf(c)}
	page := pages.Page{Template: "overview/overview", Title: models.NewText("console.nav_overview", nil), Section: "overview"}
	validationErr := q.Err(query.Check)
	return h.Site.ShowFiltered(c, page, validationErr, func(ctx context.Context, v cache.View) (any, *pages.Filters, error) {
		lists, err := products.Dropdowns(ctx, v)
		o := &overview{Filters: pages.ProductFilters("/", ch.FilterQuery, lists)}
		if err != nil || validationErr != nil {
			return o, &o.Filters, err
		}
		d, err := reports.Read(ctx, v, query.Filter, h.Now())
		if o.Total = d.Statistics.TotalProducts; o.Total > 0 {
			ch.fill(o, d)
		}
		return o, nil, err
	})
}

func (ch charts) fill(o *overview, d reports.Dashboard) {
	s, c := d.Statistics, d.Charts
	o.Tiles, o.Missing = ch.tiles(s), ch.missingTiles(s.Completeness)
	o.Shares = []bars{ch.shares(stage, c.ProductsByStage), ch.shares(segment, c.ProductsBySegment), ch.shares(category, c.ProductsByCategory)}
	o.Heat = ch.heat(c.SegmentByStage, c.ProductsByStage, s.TotalProducts)
	o.Months = []months{
		ch.months("launches", models.NewText("console_overview.launches_by_month", nil), c.LaunchesByMonth),
		ch.months("transitions", models.NewText("console_overview.moves_by_month", nil), c.MovesByMonth),
	}
	o.Value, o.Time = ch.values(c.ValueByStage), ch.durations(c.TimeInStage)
	o.Products, o.Moves = d.RecentProducts, d.RecentMoves
}

func (ch charts) tiles(s reports.Statistics) []tile {
	overdue := tile{Figure: ch.Number(s.Overdue), Text: models.NewText("console_overview.overdue", nil)}
	if s.Overdue > 0 {
		overdue.Address, overdue.Tone = ch.Products("overdue", "true"), "warn"
	}
	return []tile{
		{Figure: ch.Number(s.TotalProducts), Text: models.NewText("console_overview.products", nil), Address: ch.Products()},
		overdue,
		{Figure: ch.Rupiah(s.TotalValue), Text: models.NewText("console_overview.total_value", nil), Wide: true},
		{Figure: ch.Number(s.LaunchedLast12Months), Text: models.NewText("console_overview.launched", nil)},
		{Figure: ch.Tenths(s.AverageDaysInStage), Text: models.NewText("console_overview.days_in_stage", nil)},
	}
}

// missingTiles returns the numbers of products without a field, with links to them, and of implausible launch dates, if any.
func (ch charts) missingTiles(c reports.Completeness) []tile {
	counts := map[string]int64{"segment": c.Segment, "stage": c.Stage, "category": c.Category, "price": c.Price, "launchDate": c.LaunchDate}
	var tiles []tile
	for _, name := range pages.MissingFields() {
		t := tile{Figure: ch.Number(counts[name]), Text: models.NewText("console_missing."+name, nil)}
		if counts[name] > 0 {
			t.Address, t.Tone = ch.Products("missing", name), "warn"
		}
		tiles = append(tiles, t)
	}
	if c.ImplausibleLaunchDate > 0 {
		tiles = append(tiles, tile{
			Figure: ch.Number(c.ImplausibleLaunchDate), Text: models.NewText("console_overview.implausible_launch", nil),
			Address: ch.Products("implausible", "launchDate"), Tone: "warn",
		})
	}
	return tiles
}
