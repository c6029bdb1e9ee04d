package pages

import (
	"cmp"
	"context"
	"time"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
	"lifecycle-sync/services/cache"
	"lifecycle-sync/services/products"
	"lifecycle-sync/services/reports"
	"lifecycle-sync/web"
)

// Overview is the page of figures about the products.
type Overview struct {
	site *Site
	now  func() time.Time // in the time zone whose days and months count
}

// NewOverview returns the handlers.
func NewOverview(site *Site, now func() time.Time) *Overview { return &Overview{site, now} }

// overview is what the page shows.
type overview struct {
	Filters     filters
	Total       int64
	Tiles       []tile
	Missing     []tile
	Shares      []bars
	Heat        heat
	Months      []months
	Value, Time bars
	Products    []models.ListedProduct
	Transitions []models.ListedTransition
}

// tile is a single figure, and the list of the products that it counts; Address is "" where there is none.
type tile struct {
	Figure, Text, Address string
	Tone                  string // warn where somebody should do something
	Wide                  bool
}

// Show shows the figures of the products that the filters let through.
func (h *Overview) Show(c *fiber.Ctx) error {
	q := request.ParseQuery(c, request.ProductFilters()...)
	asked := products.Query{Filter: request.ProductFilter(q)}
	n := narrowOf(q)
	if err := cmp.Or(q.Err(), asked.Check()); err != nil {
		return h.refuse(c, n, err)
	}
	return h.site.Read(c, Page{Template: "overview/overview", Section: "overview"}, func(ctx context.Context, v cache.View) (string, any, error) {
		lists, err := products.Dropdowns(ctx, v)
		if err != nil {
			return "", nil, err
		}
		d, err := reports.Read(ctx, v, asked.Filter, h.now())
		return "Overview", n.overview(d, lists), err
	})
}

// refuse shows the filters again, with what is wrong with them.
func (h *Overview) refuse(c *fiber.Ctx, n narrow, err error) error {
	lists, readErr := h.site.lists(c)
	if readErr != nil {
		return readErr
	}
	o := overview{Filters: filtersOf("/", n, lists)}
	return h.site.Show(c, o.Filters.refuse(h.site.texts, err), Page{Template: "overview/overview", Title: "Overview", Section: "overview", Data: o})
}

func (n narrow) overview(d reports.Dashboard, lists products.DropdownLists) overview {
	s, charts := d.Statistics, d.Charts
	o := overview{Filters: filtersOf("/", n, lists), Total: s.TotalProducts}
	if o.Total == 0 {
		return o
	}
	o.Tiles, o.Missing = n.tiles(s), n.missing(s.Completeness)
	o.Shares = []bars{n.shares("stage", charts.ProductsByStage), n.shares("segment", charts.ProductsBySegment), n.shares("category", charts.ProductsByCategory)}
	o.Heat = n.heat(charts.SegmentByStage, charts.ProductsByStage, s.TotalProducts)
	o.Months = []months{
		monthsOf("launches", "Launches by month", charts.LaunchesByMonth),
		monthsOf("transitions", "Transitions by month", charts.TransitionsByMonth),
	}
	o.Value, o.Time = n.values(charts.ValueByStage), n.speeds(charts.TransitionSpeed)
	o.Products, o.Transitions = d.RecentProducts, d.RecentTransitions
	return o
}

func (n narrow) tiles(s reports.Statistics) []tile {
	overdue := tile{Figure: web.Number(s.Overdue), Text: "overdue: past the end of their stage"}
	if s.Overdue > 0 {
		overdue.Address, overdue.Tone = n.list("overdue", "true"), "warn"
	}
	return []tile{
		{Figure: web.Number(s.TotalProducts), Text: "products", Address: n.list()},
		overdue,
		{Figure: web.Rupiah(s.TotalValue), Text: "total value", Wide: true},
		{Figure: web.Number(s.LaunchedLast12Months), Text: "launched in the last 12 months"},
		{Figure: web.Tenths(s.AverageDaysInStage), Text: "days in the present stage on average"},
	}
}

// missing says how many products lack what, and leads to the list of them.
func (n narrow) missing(c reports.Completeness) []tile {
	counts := map[string]int64{"segment": c.Segment, "stage": c.Stage, "category": c.Category, "price": c.Price, "launchDate": c.LaunchDate}
	var tiles []tile
	for _, m := range lacks() {
		t := tile{Figure: web.Number(counts[m.filter]), Text: "without a " + m.text}
		if counts[m.filter] > 0 {
			t.Address, t.Tone = n.list("missing", m.filter), "warn"
		}
		tiles = append(tiles, t)
	}
	return tiles
}
