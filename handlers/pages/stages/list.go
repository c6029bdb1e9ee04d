package stages

import (
	"cmp"
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers/pages"
	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
	"lifecycle-sync/services/cache"
	"lifecycle-sync/services/reports"
	"lifecycle-sync/services/stages"
)

// Pages are the pages of the stage history.
type Pages struct {
	site    *pages.Site
	checker request.Checker
	writer  historyWriter
	zone    *time.Location // whose days count, and in which times are typed
}

// New returns the handlers on their use cases.
func New(site *pages.Site, w historyWriter, zone *time.Location) *Pages {
	return &Pages{site, request.NewChecker(), w, zone}
}

type historyList struct {
	Filters     pages.Filters
	ProductID   int64 // whose history it is, 0 for that of all
	Transitions []historyRow
	Pager       pages.Pager
}

// historyRow is a transition as the list shows it.
type historyRow struct {
	ID, ProductID int64
	Product       string
	ChangedAt     *models.Instant
	From, To      string // names of stages, "" for none
	Notes         *pages.Value
	Metrics       []pages.Value
}

// List lists the transitions that the filters let through, newest first.
func (h *Pages) List(c *fiber.Ctx) error {
	q := request.ParseQuery(c, append(request.MoveFilters(), "page", "limit")...)
	asked := request.Moves(q)
	n := pages.NewFilterQuery(q, request.MoveFilters())
	if err := cmp.Or(q.Err(), asked.Check()); err != nil {
		return h.refuse(c, n, asked.ProductID, err)
	}
	address := strings.Clone(c.OriginalURL())
	return h.site.ShowCached(c, pages.Page{Template: "stages/list", Section: "stages"}, func(ctx context.Context, v cache.View) (string, any, error) {
		page, err := stages.List(ctx, v, asked, h.zone)
		if err != nil {
			return "", nil, err
		}
		filters, err := historyFilters(ctx, v, n, asked.ProductID)
		return "Stage history", historyList{filters, asked.ProductID, historyRows(page.Transitions), pages.NewPager(address, page.Pagination)}, err
	})
}

// refuse shows the filters again, with what is wrong with them.
func (h *Pages) refuse(c *fiber.Ctx, n pages.FilterQuery, product int64, err error) error {
	var list historyList
	readErr := h.site.View(c, func(ctx context.Context, v cache.View) (err error) {
		list.Filters, err = historyFilters(ctx, v, n, product)
		return err
	})
	if readErr != nil {
		return readErr
	}
	return h.site.RefuseFilters(c, pages.Page{Template: "stages/list", Title: "Stage history", Section: "stages", Data: &list}, &list.Filters, err)
}

// historyFilters are the list's filters; product is the one whose history is asked for, or 0. Errors: connection, timeout.
func historyFilters(ctx context.Context, v cache.View, n pages.FilterQuery, product int64) (pages.Filters, error) {
	stages, err := v.Stages(ctx)
	if err != nil {
		return pages.Filters{}, err
	}
	of := pages.SetFilter{Name: "productId", Label: "Product"}
	if product != 0 {
		found, err := v.Product(ctx, product)
		if e := models.AsError(err); e != nil && e.Class != models.NotFound {
			return pages.Filters{}, err
		}
		of.Text = pages.Named(found.Name, &product)
	}
	f := pages.Filters{Page: "/stage-history", Search: pages.FilterField{Label: "Product", Blank: "A part of the product's name"}, Fields: []pages.FilterField{
		pages.StageFilter("fromStageId", "From stage", stages), pages.StageFilter("toStageId", "To stage", stages),
		{Name: "since", Label: "Since", Kind: "date"}, {Name: "until", Label: "Until", Kind: "date"},
	}}
	return f.Fill(n, of), nil
}

func historyRows(transitions []models.ListedTransition) []historyRow {
	shown := make([]historyRow, len(transitions))
	for i, t := range transitions {
		shown[i] = historyRowOf(t)
	}
	return shown
}

func historyRowOf(t models.ListedTransition) historyRow {
	shown := historyRow{
		ID: t.ID, ProductID: t.ProductID, Product: pages.Named(t.Product, &t.ProductID), ChangedAt: t.ChangedAt,
		From: pages.Named(t.PreviousStageName, t.PreviousStageID), To: pages.Named(t.StageName, t.StageID),
		Metrics: pages.MetricValues(t.Metrics),
	}
	if t.Notes != nil && strings.TrimSpace(*t.Notes) != "" {
		notes := pages.Fold(pages.Value{Text: *t.Notes})
		shown.Notes = &notes
	}
	return shown
}

// historyMatrix is how many products went from which stage to which. Every cell leads to its transitions.
type historyMatrix struct {
	To    []string
	Rows  []matrixRow
	Sums  []int64 // of each column
	Total int64
}

type matrixRow struct {
	From  string
	Cells []matrixCell
	Sum   int64
}

type matrixCell struct {
	To      string
	Count   int64
	Average reports.Average
	Address string // "" where the list cannot be filtered so
}

// Matrix shows the transitions from each stage to each, and how long the products had been in the stage that they left.
func (h *Pages) Matrix(c *fiber.Ctx) error {
	if err := request.ParseQuery(c).Err(); err != nil {
		return err
	}
	return h.site.ShowCached(c, pages.Page{Template: "stages/matrix", Section: "stages"}, func(ctx context.Context, v cache.View) (string, any, error) {
		rows, err := reports.Transitions(ctx, v, time.Now().In(h.zone))
		return "Transition matrix", matrixOf(rows), err
	})
}

func matrixOf(rows []reports.TransitionsFrom) (m historyMatrix) {
	for i, from := range rows {
		row := matrixRow{From: stageName(from.Label), Sum: from.Count}
		for j, to := range from.To {
			if i == 0 {
				m.To, m.Sums = append(m.To, stageName(to.Label)), append(m.Sums, 0)
			}
			cell := matrixCell{To: m.To[j], Count: to.Count, Average: to.Average}
			if from.ID != nil && to.ID != nil {
				cell.Address = "/stage-history?fromStageId=" + strconv.FormatInt(*from.ID, 10) + "&toStageId=" + strconv.FormatInt(*to.ID, 10)
			}
			row.Cells = append(row.Cells, cell)
			m.Sums[j] += to.Count
		}
		m.Rows, m.Total = append(m.Rows, row), m.Total+from.Count
	}
	return m
}

// stageName names a stage, also one that a transition does not have.
func stageName(of reports.Label) string {
	if of.ID == nil {
		return "No stage"
	}
	return pages.Named(of.Name, of.ID)
}
