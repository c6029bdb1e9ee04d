package pages

import (
	"context"
	"iter"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
	"lifecycle-sync/services/cache"
	"lifecycle-sync/services/products"
	"lifecycle-sync/web/messages"
)

// ProductsPath is the address of the product list.
const ProductsPath = "/products"

// FilterQuery is the query of a list page: filters, sort order, kind of view and page size.
type FilterQuery url.Values

// NewFilterQuery reads the parameters with the given names.
func NewFilterQuery(q *request.Query, names ...string) FilterQuery {
	f := FilterQuery{}
	for _, name := range names {
		f = f.With(name, q.Text(name))
	}
	return f
}

// Get returns a parameter, "" if absent.
func (f FilterQuery) Get(name string) string { return url.Values(f).Get(name) }

// With returns a copy of the query with a parameter set to a value; "" removes it.
func (f FilterQuery) With(name, value string) FilterQuery {
	changed := FilterQuery{}
	maps.Copy(changed, f)
	if changed[name] = []string{value}; value == "" {
		delete(changed, name)
	}
	return changed
}

// At returns the address of a page with this query.
func (f FilterQuery) At(page string) string {
	if len(f) == 0 {
		return page
	}
	return page + "?" + url.Values(f).Encode()
}

// Products returns the address of the products that match these filters and more, given as pairs of name and value. It
// is "" if a filter is already set to other values, because no product has both.
func (f FilterQuery) Products(pairs ...string) string {
	for pair := range slices.Chunk(pairs, 2) {
		name, value := pair[0], pair[1]
		if set := f.Get(name); set != "" && !slices.Contains(strings.Split(set, ","), value) {
			return ""
		}
		f = f.With(name, value)
	}
	return f.At(ProductsPath)
}

// Filters is the filter form of a page, with links that remove the active filters.
type Filters struct {
	Page     string // address of the page
	Clear    string // the page without filters
	Search   Field  // its Blank is the placeholder
	Fields   []Field
	More     []Field        // shown on request, or if they are set
	Hidden   []ActiveFilter // without a field in the form
	Active   []ActiveFilter
	Problems *Problems // nil if the filters are valid
}

// ActiveFilter is an active filter. Without is the page's address without it.
type ActiveFilter struct {
	Name, Value string
	Label       Option // the value for display
	Without     string
}

// ProductFilters returns the filters of a page about products.
func ProductFilters(page string, query FilterQuery, lists products.DropdownLists) Filters {
	choices := Choices(lists)
	for _, name := range MissingFields() {
		choices["missing"] = append(choices["missing"], Option{Value: name, Text: models.NewText("console_missing."+name, nil)})
	}
	overdue := []Option{{Value: "true", Text: models.NewText("console.overdue", nil)}}
	f := Filters{Page: page, Search: Field{Blank: models.NewText("console.search_products", nil)}, Fields: []Field{
		FilterSelect("stageId", choices["tbl_stage"]), FilterSelect("segmentId", choices["tbl_segmen"]), FilterSelect("categoryId", choices["tbl_kategori"]),
		FilterSelect("missing", choices["missing"]), FilterSelect("overdue", overdue),
	}, More: []Field{
		{Name: "dueWithin", Kind: models.FieldNumber}, {Name: "stageEndFrom", Kind: models.FieldDate}, {Name: "stageEndTo", Kind: models.FieldDate},
		FilterSelect("launchWithin", []Option{{Value: "nextQuarter", Text: models.NewText("console.next_quarter", nil)}}),
		{Name: "launchFrom", Kind: models.FieldDate}, {Name: "launchTo", Kind: models.FieldDate},
		{Name: "priceFrom", Kind: models.FieldNumber}, {Name: "priceTo", Kind: models.FieldNumber}, {Name: "updatedSince", Kind: dateOrText(query.Get("updatedSince"))},
	}}
	return f.Fill(query, ActiveFilter{Name: "stage"}, ActiveFilter{Name: "segmen"}, ActiveFilter{Name: "kategori"},
		ActiveFilter{Name: "implausible", Label: Option{Text: models.NewText("product_fields.tanggal_launch", nil)}})
}

// dateOrText returns the kind of a field for a value that may be a time.
func dateOrText(value string) models.FieldKind {
	if _, err := models.ParseDate(value); err != nil && value != "" {
		return models.FieldText
	}
	return models.FieldDate
}

// MissingFields returns the values of the filter "missing".
func MissingFields() []string { return []string{"segment", "stage", "category", "price", "launchDate"} }

// FilterSelect returns an optional select.
func FilterSelect(name string, options []Option) Field {
	return Field{Name: name, Kind: models.FieldSelect, Blank: models.NewText("console.any", nil), Options: slices.Clip(options)}
}

// Choices returns the options of a product's selects by table.
func Choices(lists products.DropdownLists) map[string][]Option {
	all := map[string][]Option{}
	add := func(table string, name *string, id int64) {
		all[table] = append(all[table], Option{Value: strconv.FormatInt(id, 10), Name: messages.ShortName(name, id)})
	}
	for _, s := range lists.Stages {
		add("tbl_stage", s.Name, s.ID)
	}
	for _, s := range lists.Segments {
		add("tbl_segmen", s.Name, s.ID)
	}
	for _, c := range lists.Categories {
		add("tbl_kategori", c.Name, c.ID)
	}
	return all
}

// Fill fills in the active filters. others have no field in the form; they are sent as hidden inputs.
func (f Filters) Fill(query FilterQuery, others ...ActiveFilter) Filters {
	f.Search.Name, f.Search.Value = "search", query.Get("search")
	fromFields := []ActiveFilter{{Name: "search"}}
	for field := range f.all() {
		field.Value = query.Get(field.Name)
		fromFields = append(fromFields, ActiveFilter{Name: field.Name, Label: field.shownValue()})
	}
	cleared := query
	for i, filter := range append(fromFields, others...) {
		if filter.Value = query.Get(filter.Name); filter.Value == "" {
			continue
		}
		cleared = cleared.With(filter.Name, "")
		filter.Without = query.With(filter.Name, "").At(f.Page)
		if filter.Label.Name == "" && filter.Label.Text.IsZero() {
			filter.Label.Name = filter.Value
		}
		if f.Active = append(f.Active, filter); i >= len(fromFields) {
			f.Hidden = append(f.Hidden, filter)
		}
	}
	f.Clear = cleared.At(f.Page)
	return f
}

// all returns the fields besides the search.
func (f Filters) all() iter.Seq[*Field] {
	return func(yield func(*Field) bool) {
		for _, fields := range [][]Field{f.Fields, f.More} {
			for i := range fields {
				if !yield(&fields[i]) {
					return
				}
			}
		}
	}
}

// HasMore reports whether a further field is set.
func (f Filters) HasMore() bool {
	return slices.ContainsFunc(f.More, func(field Field) bool { return field.Value != "" })
}

// shownValue returns the field's value for display. A select gets an option for a value that is not in its list: one or more
// options, separated by commas.
func (f *Field) shownValue() Option {
	switch f.Kind {
	case models.FieldSelect:
		at := slices.IndexFunc(f.Options, func(o Option) bool { return o.Value == f.Value })
		if at < 0 && f.Value != "" {
			at = len(f.Options)
			f.Options = append(f.Options, Option{Value: f.Value, Name: f.namesOf(f.Value)})
		}
		if at >= 0 {
			return f.Options[at]
		}
	case models.FieldDate:
		if day, err := models.ParseDate(f.Value); err == nil {
			return Option{Text: models.NewText("console.date_value", models.Params{"value": day})}
		}
	case models.FieldNumber:
		if n, err := models.ParseRupiah(f.Value); err == nil {
			return Option{Text: models.NewText("console.number_value", models.Params{"value": n})}
		}
	case models.FieldText, models.FieldTextarea:
	}
	return Option{}
}

// namesOf returns the names of a select's values.
func (f *Field) namesOf(values string) string {
	names := strings.Split(values, ",")
	for i, value := range names {
		if at := slices.IndexFunc(f.Options, func(o Option) bool { return o.Value == value }); at >= 0 {
			names[i] = f.Options[at].Name
		}
	}
	return strings.Join(names, ", ")
}

// ShowFiltered shows a page of filtered rows; like ShowCached it caches the main part. If the filters are invalid, it
// redisplays them with the errors. load returns the page's data, and the filters in it; with invalid filters it needs to
// load nothing else.
func (s *Site) ShowFiltered(c *fiber.Ctx, p Page, validationErr error, load func(ctx context.Context, v cache.View) (data any, f *Filters, err error)) error {
	if validationErr == nil {
		return s.ShowCached(c, p, func(ctx context.Context, v cache.View) (any, error) {
			data, _, err := load(ctx, v)
			return data, err
		})
	}
	f, err := Read(s, c, func(ctx context.Context, v cache.View) (f *Filters, err error) {
		p.Data, f, err = load(ctx, v)
		return f, err
	})
	if err != nil {
		return err
	}
	names := []string{f.Search.Name}
	for field := range f.all() {
		names = append(names, field.Name)
	}
	status, problems := s.Problems(c, validationErr, names...)
	if problems == nil {
		return validationErr
	}
	problems.Heading = models.NewText("console.invalid_filters", nil)
	f.Problems, f.Search.Error = problems, problems.At(f.Search.Name)
	for field := range f.all() {
		field.Error = problems.At(field.Name)
	}
	for _, fieldErr := range models.AsError(validationErr).Fields {
		f.Hidden = slices.DeleteFunc(f.Hidden, func(h ActiveFilter) bool { return h.Name == fieldErr.Field })
	}
	return s.Show(c, status, p)
}

// Pager links the pages of a list. An address is "" if there is no such page.
type Pager struct {
	Total, Current, Last            int64
	First, Previous, Next, LastPage string
}

// NewPager returns the pager of a list page; its links keep the address's other parameters.
func NewPager(address string, p models.Pagination) Pager {
	pageAddress := func(page int64) string { return request.PageAddress(address, page) }
	out := Pager{Total: p.TotalItems, Current: p.CurrentPage, Last: max(p.TotalPages, 1)}
	if p.CurrentPage > 1 {
		out.First, out.Previous = pageAddress(1), pageAddress(min(p.CurrentPage-1, out.Last))
	}
	if p.CurrentPage < out.Last {
		out.Next, out.LastPage = pageAddress(p.CurrentPage+1), pageAddress(out.Last)
	}
	return out
}
