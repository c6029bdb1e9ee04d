// Package stages has the console's pages of the stage history.
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
	"lifecycle-sync/services/outbox"
	"lifecycle-sync/services/reports"
	"lifecycle-sync/services/stages"
)

// Pages are the handlers.
type Pages struct {
	site    *pages.Site
	checker request.Checker
	writer  writer
	zone    *time.Location // whose days count, and in which people enter times
}

// writer changes the stage history. Errors: as stages.Writer.
type writer interface {
	Correct(ctx context.Context, id int64, in stages.Input, versions models.RowVersions, allows func(now models.ListedTransition) error) (outbox.Result, error)
	Delete(ctx context.Context, id int64, versions models.RowVersions) (outbox.Result, error)
}

// New returns the handlers.
func New(site *pages.Site, w writer, zone *time.Location) *Pages {
	return &Pages{site, request.NewChecker(), w, zone}
}

const (
	path    = "/stage-history"
	section = "stages"
)

func address(id int64, action string) string { return path + "/" + strconv.FormatInt(id, 10) + action }

// historyOf is the address of a product's stage history.
func historyOf(product int64) string { return path + "?productId=" + strconv.FormatInt(product, 10) }

type list struct {
	Filters   pages.Filters
	ProductID int64 // whose history it is, 0 for all
	Records   []record
	Pager     pages.Pager
}

// record is an entry of the stage history as people read it.
type record struct {
	ID, ProductID int64
	Product       string
	ChangedAt     *models.Instant
	From, To      string // stages, "" for none
	Notes         *pages.Value
	Metrics       []pages.Value
}

// List shows the records that match the filters, newest first.
func (h *Pages) List(c *fiber.Ctx) error {
	q := request.ParseQuery(c, append(request.MoveFilters(), "page", "limit")...)
	query := request.Moves(q)
	filters := pages.NewFilterQuery(q, request.MoveFilters())
	page := pages.Page{Template: "stages/list", Title: models.NewText("console.nav_stages", nil), Section: section}
	if err := cmp.Or(q.Err(), query.Check()); err != nil {
		l := list{}
		readErr := h.site.View(c, func(ctx context.Context, v cache.View) (err error) {
			l.Filters, err = listFilters(ctx, v, filters, query.ProductID)
			return err
		})
		if readErr != nil {
			return readErr
		}
		page.Data = &l
		return h.site.RefuseFilters(c, page, &l.Filters, err)
	}
	own := strings.Clone(c.OriginalURL())
	return h.site.ShowCached(c, page, func(ctx context.Context, v cache.View) (any, error) {
		found, err := stages.List(ctx, v, query, h.zone)
		if err != nil {
			return nil, err
		}
		l := list{ProductID: query.ProductID, Pager: pages.NewPager(own, found.Pagination)}
		for _, t := range found.Transitions {
			l.Records = append(l.Records, recordOf(t))
		}
		l.Filters, err = listFilters(ctx, v, filters, query.ProductID)
		return l, err
	})
}

// listFilters returns the list's filters; product is the one whose history is shown, or 0. Errors: connection, timeout.
func listFilters(ctx context.Context, v cache.View, query pages.FilterQuery, product int64) (pages.Filters, error) {
	all, err := v.Stages(ctx)
	if err != nil {
		return pages.Filters{}, err
	}
	of := pages.SetFilter{Name: "productId"}
	if product != 0 {
		found, err := v.Product(ctx, product)
		if err != nil && !pages.IsClass(err, models.NotFound) {
			return pages.Filters{}, err
		}
		of.Chosen.Name = pages.Named(found.Name, &product)
	}
	f := pages.Filters{Page: path, Search: pages.FilterField{Blank: models.NewText("console_stages.search", nil)}, Fields: []pages.FilterField{
		pages.StageFilter("fromStageId", all), pages.StageFilter("toStageId", all), {Name: "since", Kind: "date"}, {Name: "until", Kind: "date"},
	}}
	return f.Fill(query, of), nil
}

func recordOf(t models.ListedTransition) record {
	r := record{
		ID: t.ID, ProductID: t.ProductID, Product: pages.Named(t.Product, &t.ProductID), ChangedAt: t.ChangedAt,
		From: pages.Named(t.PreviousStageName, t.PreviousStageID), To: pages.Named(t.StageName, t.StageID),
		Metrics: pages.MetricValues(t.Metrics),
	}
	if t.Notes != nil && strings.TrimSpace(*t.Notes) != "" {
		notes := pages.Fold(pages.Value{Text: *t.Notes})
		r.Notes = &notes
	}
	return r
}

// matrix counts the moves from each stage to each.
type matrix struct {
	To    []stage
	Rows  []matrixRow
	Sums  []int64 // of each column
	Total int64
}

// stage is a stage's name, or the text for none.
type stage struct {
	Name string
	None models.Text
}

type matrixRow struct {
	From  stage
	Cells []matrixCell
	Sum   int64
}

// matrixCell leads to its records; Address is "" if the list has no such filter.
type matrixCell struct {
	To      stage
	Count   int64
	Average reports.Average // days in the stage before
	Address string
}

// Matrix shows the moves between stages, and how long products were in the stage that they left.
func (h *Pages) Matrix(c *fiber.Ctx) error {
	if err := request.ParseQuery(c).Err(); err != nil {
		return err
	}
	page := pages.Page{Template: "stages/matrix", Title: models.NewText("console_stages.matrix", nil), Section: section}
	return h.site.ShowCached(c, page, func(ctx context.Context, v cache.View) (any, error) {
		rows, err := reports.Transitions(ctx, v, time.Now().In(h.zone))
		return matrixOf(rows), err
	})
}

func matrixOf(rows []reports.TransitionsFrom) (m matrix) {
	for i, from := range rows {
		row := matrixRow{From: stageOf(from.Label), Sum: from.Count}
		for j, to := range from.To {
			if i == 0 {
				m.To, m.Sums = append(m.To, stageOf(to.Label)), append(m.Sums, 0)
			}
			cell := matrixCell{To: m.To[j], Count: to.Count, Average: to.Average}
			if from.ID != nil && to.ID != nil {
				cell.Address = path + "?fromStageId=" + strconv.FormatInt(*from.ID, 10) + "&toStageId=" + strconv.FormatInt(*to.ID, 10)
			}
			row.Cells = append(row.Cells, cell)
			m.Sums[j] += to.Count
		}
		m.Rows, m.Total = append(m.Rows, row), m.Total+from.Count
	}
	return m
}

func stageOf(l reports.Label) stage {
	if l.ID == nil {
		return stage{None: models.NewText("console_missing.stage", nil)}
	}
	return stage{Name: pages.Named(l.Name, l.ID)}
}
