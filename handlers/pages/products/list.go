package products

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers"
	"lifecycle-sync/handlers/pages"
	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
	"lifecycle-sync/services/cache"
	"lifecycle-sync/services/export"
	"lifecycle-sync/services/products"
	"lifecycle-sync/services/views"
	"lifecycle-sync/web/messages"
)

// tableLimit is the default number of rows of the table.
const tableLimit = 25

// List shows a page of the products that match the filters, as cards or as a table.
func (h *Pages) List(c *fiber.Ctx) error {
	q := request.ParseQuery(c, slices.Concat([]string{"page", "limit", "sort", "view", "columns", "saved", selectParameter}, request.ProductFilters())...)
	caller, saved, format := request.Caller(c), q.ViewID("saved"), handlers.PrinterOf(c).Format
	if saved != 0 {
		view, err := h.findView(c, saved)
		if err != nil {
			return err
		}
		q.Apply(view.View)
	}
	query := products.Query{Paging: request.Paging(q), Filter: request.ProductFilter(q), Sort: q.Text("sort")}
	isTable := q.Choice("view", "cards", "table") == "table"
	columns := q.Columns("columns")
	filters := pages.NewFilterQuery(q, append(request.ProductFilters(), "sort", "view", "limit", "columns")...)
	selected := q.Choice(selectParameter, selectPage, selectAll)
	selection := filters.With("page", q.Text("page"))
	if isTable && query.Limit == 0 {
		query.Limit = tableLimit
	}
	page := pages.Page{Template: "products/list", Title: models.NewText("console.nav_products", nil), Section: "products", Variant: caller.Subject + " " + filters.At("")}
	validationErr := q.Err(query.Check)
	return h.Site.ShowFiltered(c, page, validationErr, func(ctx context.Context, v cache.View) (any, *pages.Filters, error) {
		lists, err := products.Dropdowns(ctx, v)
		if err != nil {
			return nil, nil, err
		}
		savedViews, err := views.List(ctx, v, caller)
		list := &productList{
			Filters: listFilters(filters, lists), IsTable: isTable, Selected: selected, query: filters, selection: selection, sort: query.Sort,
			columns: columns, views: savedViews, saved: saved,
		}
		if err != nil || validationErr != nil {
			return list, &list.Filters, err
		}
		result, err := products.List(ctx, v, query, h.Now())
		list.Pager = pages.NewPager(filters.At(pages.ProductsPath), result.Pagination)
		viewer := h.viewer(format, lists)
		for _, p := range result.Products {
			list.Products = append(list.Products, viewer.product(p))
		}
		return list, nil, err
	})
}

// productList is the data of the list's template.
type productList struct {
	Filters  pages.Filters
	Products []product
	IsTable  bool
	Pager    pages.Pager
	Selected string // selectPage, selectAll or ""

	query     pages.FilterQuery
	selection pages.FilterQuery // of this page
	sort      string
	columns   []string // of the table; nil for the usual ones
	views     []views.View
	saved     int64 // id of the opened view, 0 for none
}

// selectParameter is the parameter of a list with ticked boxes: of all products of the page, or of all that match the filters.
const (
	selectParameter = "select"
	selectPage      = "page"
	selectAll       = "all"
)

// Select returns the address of this page with other boxes ticked.
func (l productList) Select(what string) string {
	return l.selection.With(selectParameter, what).At(pages.ProductsPath)
}

// SelectedAll reports whether all products that match the filters are selected.
func (l productList) SelectedAll() bool { return l.Selected == selectAll }

// CanSelectAll reports whether one form can change all products that match the filters.
func (l productList) CanSelectAll() bool {
	return l.Pager.Total > int64(len(l.Products)) && l.Pager.Total <= products.MaxBulk
}

// ActOn returns the address of what can be done with the selected products: move, edit, export.csv or export.xlsx.
func (l productList) ActOn(action string) string {
	query := l.selection
	if l.Selected == selectAll {
		query = query.With(selectParameter, selectAll)
	}
	return query.At(pages.ProductsPath + "/selected/" + action)
}

// selectBox is the box that selects a product.
type selectBox struct {
	Value, Title      string
	IsTicked, IsFixed bool
}

// Box returns the box of a product.
func (l productList) Box(p product) selectBox {
	return selectBox{strconv.FormatInt(p.ID, 10) + ":" + p.Version, p.Title, l.Selected != "", l.SelectedAll()}
}

// listFilters returns the list's filters, including the sort order.
func listFilters(query pages.FilterQuery, lists products.DropdownLists) pages.Filters {
	f := pages.ProductFilters(pages.ProductsPath, query, lists)
	order := pages.FilterSelect("sort", nil)
	order.Blank, order.Value = models.NewText("console_products.sort_newest", nil), query.Get("sort")
	for _, key := range []string{
		"created_at", "produk", "-produk", "-harga", "harga", "-tanggal_launch", "tanggal_launch", "tanggal_stage_end", "-tanggal_stage_end",
		"-updated_at", "updated_at", "id", "-id",
	} {
		code := "console_products.sort_" + strings.Replace(key, "-", "desc_", 1)
		order.Options = append(order.Options, pages.Option{Value: key, Text: models.NewText(code, nil)})
	}
	f.Fields = append(f.Fields, order)
	for _, name := range []string{"view", "limit", "columns"} {
		if value := query.Get(name); value != "" {
			f.Hidden = append(f.Hidden, pages.ActiveFilter{Name: name, Value: value})
		}
	}
	return f
}

// as returns the query of the list's first page in another view, whose default page size differs.
func (l productList) as(view string) pages.FilterQuery {
	return l.query.With("view", view).With("limit", "")
}

// AsCards returns the address of the list as cards.
func (l productList) AsCards() string { return l.as("").At(pages.ProductsPath) }

// AsTable returns the address of the list as a table.
func (l productList) AsTable() string { return l.as("table").At(pages.ProductsPath) }

// Export returns the address of the export (csv or xlsx) with the same filters and order.
func (l productList) Export(kind string) string {
	return l.as("").With("columns", "").At("/api/product-lifecycle/products/export." + kind)
}

// PastEnd reports whether the page is past the end of the list.
func (l productList) PastEnd() bool { return l.Pager.Total > 0 && len(l.Products) == 0 }

// head is a column heading of the table.
type head struct {
	Label    models.Text
	Address  string // sorts by the column, "" if not sortable
	Order    string // for aria-sort, "" if the list is sorted by another column
	IsNumber bool
}

// Columns returns the table's column headings.
func (l productList) Columns() []head {
	descendsFirst := map[string]bool{ // the first sort order
		"produk": false, "harga": true, "tanggal_launch": true, "tanggal_stage_end": false, "id": false, "created_at": true, "updated_at": true,
	}
	newHead := func(column string, label models.Text, isNumber bool) head {
		h := head{Label: label, IsNumber: isNumber}
		if descending, sortable := descendsFirst[column]; sortable {
			h.Address, h.Order = l.sortLink(column, descending)
		}
		return h
	}
	heads := []head{newHead("produk", models.NewText("console_products.product", nil), false)}
	for _, cell := range l.Cells((viewer{}).product(models.ListedProduct{})) {
		heads = append(heads, newHead(cell.Column, columnLabel(cell.Column), cell.IsNumber()))
	}
	return heads
}

// Cells returns the cells of a product in the table, after its name: those of the chosen columns or stage, facts and number of
// files.
func (l productList) Cells(p product) []fact {
	if l.columns == nil {
		return slices.Concat([]fact{p.cell("stage")}, p.ListFacts(), []fact{p.cell("attachments_count")})
	}
	var cells []fact
	for _, column := range l.columns {
		if column != "produk" {
			cells = append(cells, p.cell(column))
		}
	}
	return cells
}

// cell returns a cell of the table, by the name among models.ViewColumns.
func (p product) cell(column string) fact {
	cell := fact{ProductField: models.ProductField{Column: column, Kind: models.FieldText}}
	switch column {
	case "id":
		cell.Kind, cell.Value = models.FieldNumber, strconv.FormatInt(p.ID, 10)
	case "attachments_count":
		cell.Kind, cell.Value = models.FieldNumber, strconv.FormatInt(p.AttachmentsCount, 10)
	case "created_at":
		cell.Kind, cell.Value = models.FieldDate, p.createdAt
	case "updated_at":
		cell.Kind, cell.Value = models.FieldDate, p.updatedAt
	case "stage": // the template shows it
	default:
		for _, f := range p.facts {
			if f.ViewColumn() == column {
				return f
			}
		}
	}
	return cell
}

// columnLabel returns the heading of a column.
func columnLabel(column string) models.Text {
	switch column {
	case "id":
		return export.Label("id")
	case "attachments_count":
		return models.NewText("console_products.files", nil)
	default:
		return messages.FieldLabel(column)
	}
}

// sortLink returns the address that sorts the list by a key, reversed if it is already sorted by it, and the current order.
func (l productList) sortLink(key string, descendsFirst bool) (address, order string) {
	next := key
	if descendsFirst {
		next = "-" + key
	}
	switch l.sort {
	case key:
		next, order = "-"+key, "ascending"
	case "-" + key:
		next, order = key, "descending"
	}
	return l.query.With("sort", next).At(pages.ProductsPath), order
}
