// Package stages has the console's pages of the stage history.
package stages

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers/pages"
	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
	"lifecycle-sync/services/cache"
	"lifecycle-sync/services/products"
	"lifecycle-sync/services/reports"
	"lifecycle-sync/services/stages"
)

// Pages are the handlers.
type Pages struct {
	Site    *pages.Site
	Checker request.Checker
	Writer  *stages.Writer
	Zone    *time.Location // of dates and entered times
}

const (
	path    = "/stage-history"
	section = "stages"
)

func address(id int64, action string) string { return path + "/" + strconv.FormatInt(id, 10) + action }

// historyAddress returns the address of a product's stage history.
func historyAddress(product int64) string {
	return path + "?productId=" + strconv.FormatInt(product, 10)
}

type list struct {
	Filters   pages.Filters
	ProductID int64 // the product filter, 0 for none
	Records   []pages.Move
	Pager     pages.Pager
}

// List shows the records that match the filters, newest first.
func (h *Pages) List(c *fiber.Ctx) error {
	q := request.ParseQuery(c, append(request.MoveFilters(), "page", "limit")...)
	query := request.MoveQuery(q)
	filters := pages.NewFilterQuery(q, request.MoveFilters()...)
	address := strings.Clone(c.OriginalURL())
	page := pages.Page{Template: "stages/list", Title: models.NewText("console.nav_stages", nil), Section: section}
	validationErr := q.Err(query.Check)
	return h.Site.ShowFiltered(c, page, validationErr, func(ctx context.Context, v cache.View) (any, *pages.Filters, error) {
		l := &list{}
		var err error
		if l.Filters, err = listFilters(ctx, v, filters, query.ProductID); err != nil || validationErr != nil {
			return l, &l.Filters, err
		}
		result, err := stages.List(ctx, v, query, h.Zone)
		l.ProductID, l.Pager = query.ProductID, pages.NewPager(address, result.Pagination)
		for _, t := range result.Records {
			l.Records = append(l.Records, pages.NewMove(t))
		}
		return l, nil, err
	})
}

// listFilters returns the list's filters; product is the product filter, or 0. Errors: connection, timeout, schema.
func listFilters(ctx context.Context, v cache.View, query pages.FilterQuery, product int64) (pages.Filters, error) {
	stageList, err := v.Stages(ctx)
	if err != nil {
		return pages.Filters{}, err
	}
	productFilter := pages.ActiveFilter{Name: "productId"}
	if product != 0 {
		p, err := v.Product(ctx, product)
		if err != nil && !pages.IsClass(err, models.NotFound) && !pages.IsClass(err, models.HeldBack) {
			return pages.Filters{}, err
		}
		productFilter.Label.Name = pages.NameOf(p.Name, &product)
	}
	options := pages.Choices(products.DropdownLists{Stages: stageList})["tbl_stage"]
	f := pages.Filters{Page: path, Search: pages.Field{Blank: models.NewText("console_stages.search", nil)}, Fields: []pages.Field{
		pages.FilterSelect("fromStageId", options), pages.FilterSelect("toStageId", options), {Name: "since", Kind: models.FieldDate}, {Name: "until", Kind: models.FieldDate},
	}}
	return f.Fill(query, productFilter), nil
}

// matrix counts the moves between each pair of stages.
type matrix struct {
	Rows  []reports.MovesFrom
	Sums  []int64 // of each column
	Total int64
}

// Address returns the address of the records that a cell counts, "" if the list has no such filter.
func (matrix) Address(from, to reports.Label) string {
	if from.ID == nil || to.ID == nil {
		return ""
	}
	return path + "?fromStageId=" + strconv.FormatInt(*from.ID, 10) + "&toStageId=" + strconv.FormatInt(*to.ID, 10)
}

// Matrix shows the number of moves between stages, and the average time in the previous stage.
func (h *Pages) Matrix(c *fiber.Ctx) error {
	page := pages.Page{Template: "stages/matrix", Title: models.NewText("console_stages.matrix", nil), Section: section}
	return h.Site.ShowCached(c, page, func(ctx context.Context, v cache.View) (any, error) {
		rows, err := reports.Moves(ctx, v, time.Now().In(h.Zone))
		m := matrix{Rows: rows}
		for _, row := range rows {
			m.Total += row.Count
			if m.Sums == nil {
				m.Sums = make([]int64, len(row.To))
			}
			for i, to := range row.To {
				m.Sums[i] += to.Count
			}
		}
		return m, err
	})
}
