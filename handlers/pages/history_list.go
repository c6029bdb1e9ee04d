package pages

import (
	"cmp"
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
	"lifecycle-sync/services/cache"
	"lifecycle-sync/services/reports"
	"lifecycle-sync/services/stages"
)

// Histories are the pages of the stage history.
type Histories struct {
	site *Site
	zone *time.Location // whose days count
}

// NewHistories returns the handlers. zone is the time zone whose days count.
func NewHistories(site *Site, zone *time.Location) *Histories { return &Histories{site, zone} }

type historyList struct {
	Filters     filters
	ProductID   int64 // whose history it is, 0 for that of all
	Transitions []historyRow
	Pager       pager
}

// historyRow is a transition as the list shows it.
type historyRow struct {
	ID, ProductID int64
	Product       string
	ChangedAt     *models.Instant
	From, To      string // names of stages, "" for none
	Notes         *value
	Metrics       []value
}

// List lists the transitions that the filters let through, newest first.
func (h *Histories) List(c *fiber.Ctx) error {
	q := request.ParseQuery(c, append(request.TransitionFilters(), "page", "limit")...)
	asked := request.Transitions(q)
	n := narrow{query: given(q, request.TransitionFilters()...)}
	if err := cmp.Or(q.Err(), asked.Check()); err != nil {
		return h.refuse(c, n, asked.ProductID, err)
	}
	address := strings.Clone(c.OriginalURL())
	return h.site.Read(c, Page{Template: "stage-history/list", Section: "stage-history"}, func(ctx context.Context, v cache.View) (string, any, error) {
		page, err := stages.List(ctx, v, asked, h.zone)
		if err != nil {
			return "", nil, err
		}
		filters, err := historyFilters(ctx, v, n, asked.ProductID)
		return "Stage history", historyList{filters, asked.ProductID, historyRows(page.Transitions), pagerOf(address, page.Pagination)}, err
	})
}

// refuse shows the filters again, with what is wrong with them.
func (h *Histories) refuse(c *fiber.Ctx, n narrow, product int64, err error) error {
	var list historyList
	readErr := h.site.look(c, func(ctx context.Context, v cache.View) (err error) {
		list.Filters, err = historyFilters(ctx, v, n, product)
		return err
	})
	if readErr != nil {
		return readErr
	}
	return h.site.Show(c, list.Filters.refuse(h.site.texts, err), Page{Template: "stage-history/list", Title: "Stage history", Section: "stage-history", Data: list})
}

// historyFilters are the list's filters; product is the one whose history is asked for, or 0. Errors: connection, timeout.
func historyFilters(ctx context.Context, v cache.View, n narrow, product int64) (filters, error) {
	stages, err := v.Stages(ctx)
	if err != nil {
		return filters{}, err
	}
	of := setFilter{Name: "productId", Label: "Product"}
	if product != 0 {
		found, err := v.Product(ctx, product)
		if e := models.AsError(err); e != nil && e.Class != models.NotFound {
			return filters{}, err
		}
		of.Text = named(found.Name, &product)
	}
	f := filters{Page: "/stage-history", Search: filterField{Label: "Product", Blank: "A part of the product's name"}, Fields: []filterField{
		stageField("fromStageId", "From stage", stages), stageField("toStageId", "To stage", stages),
		{Name: "since", Label: "Since", Kind: "date"}, {Name: "until", Label: "Until", Kind: "date"},
	}}
	return f.filled(n, of), nil
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
		ID: t.ID, ProductID: t.ProductID, Product: named(t.Product, &t.ProductID), ChangedAt: t.ChangedAt,
		From: named(t.PreviousStageName, t.PreviousStageID), To: named(t.StageName, t.StageID),
		Metrics: metricsOf(t.Metrics),
	}
	if t.Notes != nil && strings.TrimSpace(*t.Notes) != "" {
		notes := folded(value{Text: *t.Notes})
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
func (h *Histories) Matrix(c *fiber.Ctx) error {
	if err := request.ParseQuery(c).Err(); err != nil {
		return err
	}
	return h.site.Read(c, Page{Template: "stage-history/matrix", Section: "stage-history"}, func(ctx context.Context, v cache.View) (string, any, error) {
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
	return named(of.Name, of.ID)
}
