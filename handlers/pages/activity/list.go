// Package activity has the console's pages of who changed what: the list, an activity with its changes and undo, and the deleted
// products.
package activity

import (
	"context"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers/pages"
	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
	"lifecycle-sync/services/activity"
)

// Pages are the handlers.
type Pages struct {
	Site    *pages.Site
	Service *activity.Service
	Now     func() time.Time // in the time zone of dates
}

const (
	path    = "/activity"
	section = "activity"
)

type list struct {
	Filters pages.Filters
	Recent  []period
	Entries []entry
	Pager   pages.Pager
}

// period is a link to the recent activities.
type period struct {
	Text    models.Text
	Address string
	Current bool
}

// List shows the activities that match the filters, newest first.
func (h *Pages) List(c *fiber.Ctx) error {
	q := request.ParseQuery(c, append(request.ActivityFilters(), "page", "limit")...)
	filter, paging := request.ActivityFilter(q, h.Now().Location()), request.Paging(q)
	query := pages.NewFilterQuery(q, request.ActivityFilters()...)
	page := pages.Page{Template: "activity/list", Title: models.NewText("console.nav_activity", nil), Section: section}
	l := list{Recent: h.recent(query)}
	var err error
	if l.Filters, err = h.filters(c.UserContext(), query); err != nil {
		return err
	}
	if err := q.Err(); err != nil {
		status, problems := h.Site.Problems(c, err, request.ActivityFilters()...)
		if problems == nil {
			return err
		}
		l.Filters.Problems, page.Data = problems, l
		return h.Site.Show(c, status, page)
	}
	found, pagination, err := h.Service.List(c.UserContext(), filter, paging)
	if err != nil {
		return err
	}
	names, err := h.names(c)
	if err != nil {
		return err
	}
	l.Pager = pages.NewPager(strings.Clone(c.OriginalURL()), pagination)
	for _, a := range found {
		l.Entries = append(l.Entries, entryOf(a, names))
	}
	page.Data = l
	return h.Site.Show(c, fiber.StatusOK, page)
}

// recent returns links to the activities of the last days, with the other filters.
func (h *Pages) recent(query pages.FilterQuery) (periods []period) {
	for _, days := range []int{7, 30} {
		since := models.DateIn(h.Now().AddDate(0, 0, 1-days), h.Now().Location()).String() // today is one of the days
		periods = append(periods, period{
			Text:    models.NewText("console_activity.last_days", models.Params{"days": days}),
			Address: query.With("since", since).With("until", "").At(path), Current: query.Get("since") == since && query.Get("until") == "",
		})
	}
	return periods
}

// filters returns the list's filters. Errors: connection, timeout, schema.
func (h *Pages) filters(ctx context.Context, query pages.FilterQuery) (pages.Filters, error) {
	actors, err := h.Service.Actors(ctx)
	if err != nil {
		return pages.Filters{}, err
	}
	var who, what, fields []pages.Option
	for _, a := range actors {
		who = append(who, actorOption(a))
	}
	for _, action := range activity.Actions() {
		what = append(what, pages.Option{Value: action, Text: models.NewText("console_activity.action_"+strings.ReplaceAll(action, "-", "_"), nil)})
	}
	for _, f := range models.ProductFields() {
		fields = append(fields, pages.Option{Value: f.Column, Text: models.NewText(f.Label, nil)})
	}
	f := pages.Filters{Page: path, Fields: []pages.Field{
		pages.FilterSelect("actor", who), pages.FilterSelect("action", what), pages.FilterSelect("field", fields),
		{Name: "since", Kind: models.FieldDate}, {Name: "until", Kind: models.FieldDate},
	}}
	return f.Fill(query, pages.ActiveFilter{Name: "productId"}), nil
}
