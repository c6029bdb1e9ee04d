package overview

import (
	"cmp"
	"context"
	"time"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers/pages"
	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
	"lifecycle-sync/services/cache"
	"lifecycle-sync/services/products"
	"lifecycle-sync/services/reports"
	"lifecycle-sync/web"
)

// Pages has the page of figures about the products.
type Pages struct {
	site *pages.Site
	now  func() time.Time // in the time zone whose days and months count
}

// New returns the handlers.
func New(site *pages.Site, now func() time.Time) *Pages { return &Pages{site, now} }

// charts makes the figures; their links keep the filters.
type charts struct{ pages.FilterQuery }

// overview is what the page shows.
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
	Transitions []models.ListedTransition
}

// tile is a single figure, and the list of the products that it counts; Address is "" where there is none.
type tile struct {
	Figure, Text, Address string
	Tone                  string // warn where somebody should do something
	Wide                  bool
}

// Show shows the figures of the products that the filters let through.
func (h *Pages) Show(c *fiber.Ctx) error {
	q := request.ParseQuery(c, request.ProductFilters()...)
	asked := products.Query{Filter: request.ProductFilter(q)}
	n := charts{pages.NewFilterQuery(q, request.ProductFilters())}
	if err := cmp.Or(q.Err(), asked.Check()); err != nil {
		return h.refuse(c, n, err)
	}
	return h.site.ShowCached(c, pages.Page{Template: "overview/overview", Section: "overview"}, func(ctx context.Context, v cache.View) (string, any, error) {
		lists, err := products.Dropdowns(ctx, v)
		if err != nil {
			return "", nil, err
		}
		d, err := reports.Read(ctx, v, asked.Filter, h.now())
		return "Overview", n.overview(d, lists), err
	})
}

// refuse shows the filters again, with what is wrong with them.
func (h *Pages) refuse(c *fiber.Ctx, n charts, err error) error {
	lists, readErr := h.site.Dropdowns(c)
	if readErr != nil {
		return readErr
	}
	o := overview{Filters: pages.ProductFilters("/", n.FilterQuery, lists)}
	return h.site.RefuseFilters(c, pages.Page{Template: "overview/overview", Title: "Overview", Section: "overview", Data: &o}, &o.Filters, err)
}

func (n charts) overview(d reports.Dashboard, lists products.DropdownLists) overview {
	s, charts := d.Statistics, d.Charts
	o := overview{Filters: pages.ProductFilters("/", n.FilterQuery, lists), Total: s.TotalProducts}
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

func (n charts) tiles(s reports.Statistics) []tile {
	overdue := tile{Figure: web.Number(s.Overdue), Text: "overdue: past the end of their stage"}
	if s.Overdue > 0 {
		overdue.Address, overdue.Tone = n.Products("overdue", "true"), "warn"
	}
	return []tile{
		{Figure: web.Number(s.TotalProducts), Text: "products", Address: n.Products()},
		overdue,
		{Figure: web.Rupiah(s.TotalValue), Text: "total value", Wide: true},
		{Figure: web.Number(s.LaunchedLast12Months), Text: "launched in the last 12 months"},
		{Figure: web.Tenths(s.AverageDaysInStage), Text: "days in the present stage on average"},
	}
}

// missing says how many products lack what, and leads to the list of them.
func (n charts) missing(c reports.Completeness) []tile {
	counts := map[string]int64{"segment": c.Segment, "stage": c.Stage, "category": c.Category, "price": c.Price, "launchDate": c.LaunchDate}
	var tiles []tile
	for _, m := range pages.MissingFields() {
		t := tile{Figure: web.Number(counts[m.Filter]), Text: "without a " + m.Text}
		if counts[m.Filter] > 0 {
			t.Address, t.Tone = n.Products("missing", m.Filter), "warn"
		}
		tiles = append(tiles, t)
	}
	return tiles
}
