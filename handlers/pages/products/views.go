package products

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers/pages"
	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
	"lifecycle-sync/services/cache"
	"lifecycle-sync/services/outbox"
	"lifecycle-sync/services/products"
	"lifecycle-sync/services/views"
)

// viewLink links a saved view above the list.
type viewLink struct {
	Name      string
	Text      models.Text // instead of the name
	Address   string
	IsCurrent bool
}

// viewAddress returns the address of a saved view or of one of its pages.
func viewAddress(id int64, action string) string {
	return "/views/" + strconv.FormatInt(id, 10) + action
}

func savedAddress(id int64) string { return pages.ProductsPath + "?saved=" + strconv.FormatInt(id, 10) }

// state is what a saved view keeps of the list.
func (l productList) state() pages.FilterQuery { return l.query.With("view", "").With("limit", "") }

// stateOf returns what a saved view keeps.
func stateOf(v views.View) pages.FilterQuery {
	query, _ := url.ParseQuery(v.Query) // canonical
	return pages.FilterQuery(query).With("columns", strings.Join(v.Columns, ","))
}

// current returns the view that the list shows, nil if none: the opened one or the first that keeps the same.
func (l productList) current() *views.View {
	shown := func(v views.View) bool { return stateOf(v).At("") == l.state().At("") }
	at := slices.IndexFunc(l.views, func(v views.View) bool { return v.ID == l.saved && shown(v) })
	if at < 0 {
		at = slices.IndexFunc(l.views, shown)
	}
	if at < 0 {
		return nil
	}
	return &l.views[at]
}

// Views returns the links of the saved views, after one to all products.
func (l productList) Views() []viewLink {
	current := l.current()
	links := []viewLink{{
		Text: models.NewText("console_products.all_products", nil), Address: pages.FilterQuery{}.With("view", l.query.Get("view")).At(pages.ProductsPath), IsCurrent: len(l.state()) == 0,
	}}
	for _, v := range l.views {
		links = append(links, viewLink{Name: v.Name, Text: v.Title, Address: savedAddress(v.ID), IsCurrent: current != nil && current.ID == v.ID})
	}
	return links
}

// SaveAddress returns the address of the form that saves the list as a view, "" if there is nothing to save.
func (l productList) SaveAddress() string {
	if len(l.state()) == 0 || l.current() != nil {
		return ""
	}
	return l.state().At("/views/new")
}

// EditAddress returns the address of the form for the shown view, "" if the viewer may not change it.
func (l productList) EditAddress() string {
	if current := l.current(); current != nil && current.Editable {
		return viewAddress(current.ID, "/edit")
	}
	return ""
}

// findView returns a view that the caller sees. Errors: not found, connection, timeout, schema.
func (h *Pages) findView(c *fiber.Ctx, id int64) (views.View, error) {
	caller := request.Caller(c)
	return pages.Read(h.Site, c, func(ctx context.Context, v cache.View) (views.View, error) { return views.Find(ctx, v, caller, id) })
}

// viewForm is the form of a saved view. ID is 0 for a new one.
type viewForm struct {
	ID       int64
	Title    string // its name when the form was opened
	Key      string
	Name     string
	Query    string
	Shared   bool
	Problems *pages.Problems

	Fields   []pages.Field        // filled in to show the form
	Filters  []pages.ActiveFilter // what the query means
	Columns  []column
	CanShare bool // or stop sharing

	columns []string
}

// column is a column of the table that the form offers.
type column struct {
	Name, Field string
	Label       models.Text
	IsChosen    bool
}

const (
	nameField, queryField, sharedField = "name", "query", "shared"

	columnPrefix = "column_"
	maxName      = 100 // characters
)

// NewView shows the form that saves the list's filters, order and columns as a view.
func (h *Pages) NewView(c *fiber.Ctx) error {
	q := request.ParseQuery(c, append(request.ProductFilters(), "sort", "columns")...)
	query := pages.NewFilterQuery(q, append(request.ProductFilters(), "sort")...)
	form := viewForm{Key: pages.NewKey(), Query: strings.TrimPrefix(query.At(""), "?"), columns: q.Columns("columns")}
	if err := q.Err(); err != nil {
		return err
	}
	return h.showView(c, fiber.StatusOK, form)
}

// CreateView saves a view.
func (h *Pages) CreateView(c *fiber.Ctx) error {
	form, err := h.readView(c)
	if err != nil {
		return err
	}
	key, err := request.FormKey(c, form.Key)
	if err != nil {
		return err
	}
	in, err := h.Checker.View(form.Name, form.Query, form.columns, form.Shared)
	if err != nil {
		return h.showInvalidView(c, form, err)
	}
	result, err := h.Views.Create(c.UserContext(), request.Caller(c), in, outbox.Request{Key: key, Fingerprint: outbox.Fingerprint(in, nil)})
	if err != nil {
		form.Key, err = pages.RenewKey(form.Key, err)
		return h.showInvalidView(c, form, err)
	}
	return pages.SeeOther(c, savedAddress(result.RowID), pages.ViewSaved)
}

// EditView shows the form for name, columns and sharing of a view.
func (h *Pages) EditView(c *fiber.Ctx) error {
	view, err := h.editableView(c)
	if err != nil {
		return err
	}
	return h.showView(c, fiber.StatusOK, viewForm{ID: view.ID, Title: view.Name, Name: view.Name, Query: view.Query, Shared: view.Shared, columns: view.Columns})
}

// editableView returns the view of the path. Errors: not found; forbidden; connection.
func (h *Pages) editableView(c *fiber.Ctx) (views.View, error) {
	id, err := request.BigID(c)
	if err != nil {
		return views.View{}, err
	}
	view, err := h.findView(c, id)
	if err == nil && !view.Editable {
		err = models.NewError(models.Forbidden, "views.not_yours", models.Params{"owner": view.OwnerName})
	}
	return view, err
}

// UpdateView changes name, columns and sharing of a view.
func (h *Pages) UpdateView(c *fiber.Ctx) error {
	form, err := h.readView(c)
	if err != nil {
		return err
	}
	if form.ID, err = request.BigID(c); err != nil {
		return err
	}
	in, err := h.Checker.View(form.Name, form.Query, form.columns, form.Shared)
	in.Query = nil
	if err == nil {
		_, err = h.Views.Update(c.UserContext(), request.Caller(c), form.ID, in)
	}
	if err != nil {
		return h.showInvalidView(c, form, err)
	}
	return pages.SeeOther(c, savedAddress(form.ID), pages.ViewSaved)
}

// DeleteView asks for confirmation, then deletes a view.
func (h *Pages) DeleteView(c *fiber.Ctx) error {
	caller := request.Caller(c)
	return pages.Action[int64]{
		Site: h.Site, Section: "products", Target: request.BigID,
		Describe: func(c *fiber.Ctx, id int64, _ any) (pages.Confirmation, error) {
			view, err := h.editableView(c)
			text := "console_products.delete_view_text"
			if view.Shared {
				text = "console_products.delete_view_shared"
			}
			return pages.Confirmation{
				Heading: models.NewText("console_products.delete_view_title", models.Params{"name": view.Name}), Crumb: view.Name, Back: savedAddress(id), Text: models.NewText(text, nil),
				Action: viewAddress(id, "/delete"), Button: models.NewText("console_products.delete_view", nil), Cancel: models.NewText("console.cancel", nil),
			}, err
		},
		Do: func(ctx context.Context, id int64, _ string) (string, pages.Notice, error) {
			_, err := h.Views.Delete(ctx, caller, id)
			return pages.ProductsPath, pages.ViewDeleted, err
		},
	}.Handle(c)
}

// readView reads the form of a view. Chosen columns keep their order. Errors: as request.ReadPlainForm.
func (h *Pages) readView(c *fiber.Ctx) (viewForm, error) {
	allowed := []string{request.KeyField, nameField, queryField, sharedField, "columns"}
	for _, column := range models.ViewColumns() {
		allowed = append(allowed, columnPrefix+column)
	}
	fields, err := request.ReadPlainForm(c, allowed...)
	form := viewForm{Key: fields[request.KeyField], Name: fields[nameField], Query: fields[queryField], Shared: fields[sharedField] != ""}
	for _, column := range append(strings.Split(fields["columns"], ","), models.ViewColumns()...) {
		if fields[columnPrefix+column] != "" && !slices.Contains(form.columns, column) {
			form.columns = append(form.columns, column)
		}
	}
	return form, err
}

// showInvalidView redisplays the form with its errors, or returns err if that needs the error page.
func (h *Pages) showInvalidView(c *fiber.Ctx, form viewForm, err error) error {
	status, problems := h.Site.Problems(c, err, nameField)
	if problems == nil {
		return err
	}
	form.Problems = problems
	return h.showView(c, status, form)
}

// showView shows the form of a view.
func (h *Pages) showView(c *fiber.Ctx, status int, form viewForm) error {
	query, _ := url.ParseQuery(form.Query) // otherwise nothing of it is shown
	lists, err := pages.Read(h.Site, c, func(ctx context.Context, v cache.View) (products.DropdownLists, error) {
		return products.Dropdowns(ctx, v)
	})
	if err != nil {
		return err
	}
	form.Filters = filtersAndOrder(pages.FilterQuery(query), lists)
	form.CanShare = form.Shared || request.Caller(c).Role >= models.Manager
	form.Fields = []pages.Field{{Name: nameField, Kind: models.FieldText, Value: form.Name, Required: true, Max: maxName, Error: form.Problems.At(nameField)}}
	for _, name := range models.ViewColumns() {
		if name != "produk" {
			form.Columns = append(form.Columns, column{Name: name, Field: columnPrefix + name, Label: columnLabel(name), IsChosen: slices.Contains(form.columns, name)})
		}
	}
	title := models.NewText("console_products.save_view", nil)
	if form.ID != 0 {
		title = models.NewText("console_products.edit_view_title", models.Params{"name": form.Title})
	}
	return h.Site.Show(c, status, pages.Page{Template: "products/view", Title: form.Problems.PageTitle(title), Section: "products", Data: form})
}

// filtersAndOrder returns what a query of the list means.
func filtersAndOrder(query pages.FilterQuery, lists products.DropdownLists) []pages.ActiveFilter {
	f := listFilters(query, lists)
	order := f.Fields[len(f.Fields)-1]
	if at := slices.IndexFunc(order.Options, func(o pages.Option) bool { return o.Value == order.Value }); at >= 0 {
		return append(f.Active, pages.ActiveFilter{Name: order.Name, Label: order.Options[at]})
	}
	return f.Active
}

// ColumnOrder returns the chosen columns in order, for the form to keep it.
func (f viewForm) ColumnOrder() string { return strings.Join(f.columns, ",") }

// Cancel returns the address that the form was opened from.
func (f viewForm) Cancel() string {
	if f.ID != 0 {
		return savedAddress(f.ID)
	}
	return pages.ProductsPath + "?" + f.Query
}

// Delete returns the address that deletes the view.
func (f viewForm) Delete() string { return viewAddress(f.ID, "/delete") }

// Action returns the address of the form.
func (f viewForm) Action() string {
	if f.ID != 0 {
		return viewAddress(f.ID, "/edit")
	}
	return "/views"
}
