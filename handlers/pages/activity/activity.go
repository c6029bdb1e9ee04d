// Package activity has the console's pages of who changed what: the list, an activity with its changes and undo, and the deleted
// products.
package activity

import (
	"bytes"
	"cmp"
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers/pages"
	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
	"lifecycle-sync/services/activity"
	"lifecycle-sync/services/cache"
	"lifecycle-sync/services/outbox"
	"lifecycle-sync/services/products"
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

// entry is an activity in the console.
type entry struct {
	activity.Listed

	Who     models.Text
	Name    string // of the actor
	Filter  string // the activities of the same actor
	What    models.Text
	View    string // name of the saved view that it changed
	Via     models.Text
	Rows    []row
	CanUndo bool
}

// shownRows is the number of products that the list shows of an activity.
const shownRows = 3

// Shown returns the rows that the list shows: one of each product.
func (e entry) Shown() (rows []row) {
	products := map[int64]bool{}
	for _, r := range e.Rows {
		if len(rows) == shownRows || r.ProductID != nil && products[*r.ProductID] {
			continue
		}
		if r.ProductID != nil {
			products[*r.ProductID] = true
		}
		rows = append(rows, r)
	}
	return rows
}

// Hidden returns the number of products that the list does not show.
func (e entry) Hidden() int { return max(len(e.Products)-shownRows, 0) }

// row is a changed row.
type row struct {
	Table     string // in lifecycle_db, or attachments
	ID        int64
	ProductID *int64
	Product   string // name
	Values    []value
	IsAdded   bool
	IsRemoved bool
	Restore   int64 // the entry of the change log that restores it, 0 for none
}

// value is a column's value before and after a change.
type value struct {
	Name          string
	Before, After pages.Value
}

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
		l.Entries = append(l.Entries, h.entryOf(a, names))
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
		who = append(who, pages.Option{Value: a.ID, Name: nameOf(a), Text: whoOf(a)})
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

// Show shows an activity with a page of its changes.
func (h *Pages) Show(c *fiber.Ctx) error {
	id, err := request.BigID(c)
	if err != nil {
		return err
	}
	return h.show(c, fiber.StatusOK, id, nil)
}

// detail is an activity with a page of its changes and, after a refused undo, the reason.
type detail struct {
	entry

	Pager     pages.Pager
	Refused   *models.Error
	Conflicts []conflict
}

// conflict is a value that changed since.
type conflict struct {
	Table            string
	ID               int64
	Field            string
	Expected, Actual pages.Value
}

func (h *Pages) show(c *fiber.Ctx, status int, id int64, refused *models.Error) error {
	q := request.ParseQuery(c, "page", "limit")
	paging := request.Paging(q)
	if err := q.Err(); err != nil {
		return err
	}
	found, pagination, err := h.Service.Get(c.UserContext(), id, paging)
	if err != nil {
		return err
	}
	names, err := h.names(c)
	if err != nil {
		return err
	}
	d := detail{entry: h.entryOf(found, names), Refused: refused, Pager: pages.NewPager(strings.Clone(c.Path()), pagination)}
	if refused != nil {
		conflicts, _ := refused.Data.([]activity.Conflict)
		for _, c := range conflicts {
			d.Conflicts = append(d.Conflicts, conflict{c.Table, c.ID, c.Field, names.of(valueOf(c.Field, c.Expected)), names.of(valueOf(c.Field, c.Actual))})
		}
	}
	title := models.NewText("console_activity.title", models.Params{"id": id})
	return h.Site.Show(c, status, pages.Page{Template: "activity/show", Title: title, Section: section, Data: d})
}

// Undo undoes an activity and returns to its product or to the list. If rows have changed since, it shows what changed.
func (h *Pages) Undo(c *fiber.Ctx) error {
	return h.write(c, pages.Undone, func(ctx context.Context, id int64, r outbox.Request) (outbox.Result, error) {
		return h.Service.Undo(ctx, id, request.Caller(c).Role, r)
	})
}

// Restore brings back a row that was deleted directly in lifecycle_db.
func (h *Pages) Restore(c *fiber.Ctx) error {
	return h.write(c, pages.Restored, h.Service.Restore)
}

func (h *Pages) write(c *fiber.Ctx, notice pages.Notice, do func(ctx context.Context, id int64, r outbox.Request) (outbox.Result, error)) error {
	id, err := request.BigID(c)
	if err != nil {
		return err
	}
	fields, err := request.ReadPlainForm(c, request.KeyField)
	if err != nil {
		return err
	}
	key, err := request.FormKey(c, fields[request.KeyField])
	if err != nil {
		return err
	}
	result, err := do(c.UserContext(), id, outbox.Request{Key: key, Fingerprint: outbox.Fingerprint(id, nil)})
	if e := models.AsError(err); e != nil {
		if _, isConflict := e.Data.([]activity.Conflict); isConflict && notice == pages.Undone {
			return h.show(c, fiber.StatusConflict, id, e)
		}
		return err
	}
	done, err := h.Service.Written(c.UserContext(), result)
	if err != nil {
		return err
	}
	address := path
	if len(done.Products) == 1 && result.MirrorUpToDate && !removesProduct(done.Changes) {
		address = pages.ProductsPath + "/" + strconv.FormatInt(done.Products[0], 10)
	}
	return pages.SeeOther(c, address, pages.NoticeOf(notice, result))
}

// removesProduct reports whether changes delete a product.
func removesProduct(changes []models.ActivityChange) bool {
	for _, c := range changes {
		if c.Table == "products" && c.After == nil {
			return true
		}
	}
	return false
}

// Deleted lists the deleted products, newest first.
func (h *Pages) Deleted(c *fiber.Ctx) error {
	q := request.ParseQuery(c, "page", "limit")
	paging := request.Paging(q)
	if err := q.Err(); err != nil {
		return err
	}
	deleted, pagination, err := h.Service.DeletedProducts(c.UserContext(), paging)
	if err != nil {
		return err
	}
	type page struct {
		Products []activity.DeletedProduct
		Pager    pages.Pager
	}
	return h.Site.Show(c, fiber.StatusOK, pages.Page{
		Template: "activity/deleted", Title: models.NewText("console_activity.deleted_products", nil), Section: "products",
		Data: page{deleted, pages.NewPager(strings.Clone(c.OriginalURL()), pagination)},
	})
}

// entryOf describes an activity.
func (h *Pages) entryOf(a activity.Listed, names choiceNames) entry {
	action := strings.ReplaceAll(a.Action, "-", "_")
	e := entry{
		Listed: a, Name: nameOf(a.Actor), Who: whoOf(a.Actor), Filter: pages.FilterQuery{}.With("actor", a.Actor.ID).At(path),
		What: models.NewText("console_activity.action_"+action, nil), Via: models.NewText("console_activity.channel_"+string(a.Channel), nil),
		CanUndo: a.UndoneBy == nil && a.ChangeCount > 0 && a.Action != models.SyncAction,
	}
	if a.Action == models.SaveViewAction || a.Action == models.DeleteViewAction {
		for _, v := range pages.ValuesOf(a.Detail) {
			if v.Name == "name" {
				e.View = v.Text
			}
		}
	}
	for _, c := range a.Changes {
		e.Rows = append(e.Rows, h.rowOf(c, a.ProductNames, names))
	}
	return e
}

func (h *Pages) rowOf(c models.ActivityChange, products map[int64]string, names choiceNames) row {
	r := row{Table: models.SourceName(c.Table), ID: c.RowID, ProductID: c.ProductID, IsAdded: c.Before == nil, IsRemoved: c.After == nil}
	if c.ProductID != nil {
		r.Product = products[*c.ProductID]
	}
	if r.IsRemoved {
		r.Restore = c.LogID
	}
	before, after := pages.ValuesOf(c.Before), map[string]pages.Value{}
	for _, v := range pages.ValuesOf(c.After) {
		v = names.of(v)
		after[v.Name] = v
		if r.IsAdded && v.Name != "id" {
			r.Values = append(r.Values, value{Name: v.Name, After: v})
		}
	}
	for _, v := range before {
		if r.Product == "" && v.Name == "produk" {
			r.Product = v.Text
		}
		if v.Name != "id" { // which the heading shows
			r.Values = append(r.Values, value{v.Name, names.of(v), after[v.Name]})
		}
	}
	return r
}

// valueOf returns a JSON value, or row, for display.
func valueOf(name string, document models.JSON) pages.Value {
	if len(bytes.TrimSpace(document)) == 0 {
		return pages.Value{Name: name, IsNull: true}
	}
	if name == "" {
		return pages.Value{Text: string(document)}
	}
	for _, v := range pages.ValuesOf(models.JSON(`{"` + name + `":` + string(document) + `}`)) {
		return v
	}
	return pages.Value{Name: name, IsNull: true}
}

// nameOf returns an actor's name; "" for those that whoOf names.
func nameOf(a models.Actor) string {
	if models.IsSystemActor(a.ID) {
		return ""
	}
	return cmp.Or(a.Name, a.ID)
}

// whoOf names an actor who is no person; it is empty for others.
func whoOf(a models.Actor) (who models.Text) {
	if nameOf(a) == "" {
		who = models.NewText("console_activity.actor_"+a.ID, nil)
	}
	return who
}

// choiceNames are the names of segments, stages and categories, by column and id.
type choiceNames map[string][]pages.Option

// names reads the names of what products and stage history records refer to. Errors: connection, timeout, schema.
func (h *Pages) names(c *fiber.Ctx) (choiceNames, error) {
	lists, err := pages.Read(h.Site, c, func(ctx context.Context, v cache.View) (products.DropdownLists, error) {
		return products.Dropdowns(ctx, v)
	})
	names, choices := choiceNames{}, pages.Choices(lists)
	for _, t := range models.Tables() {
		for _, column := range t.References() {
			names[column.Name] = choices[column.References]
		}
	}
	return names, err
}

// of returns a value with a name in place of an id.
func (n choiceNames) of(v pages.Value) pages.Value {
	for _, choice := range n[v.Name] {
		if choice.Value == v.Text {
			return pages.Value{Name: v.Name, Text: choice.Name}
		}
	}
	v.FormatForDisplay = v.FormatForDisplay || v.IsNumber && v.Name == "harga"
	return v
}
