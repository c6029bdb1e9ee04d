package pages

import (
	"context"
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

// FilterQuery is the part of a page's address that selects rows and says how to show them. Every link to
// another list keeps the filters.
type FilterQuery struct {
	Filters url.Values
	Display url.Values // sort order, kind of view, page size
}

// NewFilterQuery reads the filters that are set, and the parameters that say how to show the rows.
func NewFilterQuery(q *request.Query, filters []string, display ...string) FilterQuery {
	read := func(names []string) (values url.Values) {
		for _, name := range names {
			values = with(values, name, q.Text(name))
		}
		return values
	}
	return FilterQuery{Filters: read(filters), Display: read(display)}
}

// with returns a copy of parameters in which one has a value; "" removes it.
func with(values url.Values, name, value string) url.Values {
	other := url.Values{}
	maps.Copy(other, values)
	if other.Set(name, value); value == "" {
		other.Del(name)
	}
	return other
}

// At returns the address of a page with this query.
func (f FilterQuery) At(page string) string {
	all := url.Values{}
	maps.Copy(all, f.Filters)
	maps.Copy(all, f.Display)
	return addressOf(page, all)
}

func addressOf(page string, query url.Values) string {
	if len(query) == 0 {
		return page
	}
	return page + "?" + query.Encode()
}

// Without removes a filter.
func (f FilterQuery) Without(name string) FilterQuery {
	return FilterQuery{Filters: with(f.Filters, name, ""), Display: f.Display}
}

// WithDisplay sets a display parameter, "" removes it, and removes others.
func (f FilterQuery) WithDisplay(name, value string, without ...string) FilterQuery {
	display := with(f.Display, name, value)
	for _, other := range without {
		display.Del(other)
	}
	return FilterQuery{Filters: f.Filters, Display: display}
}

// Products returns the address of the products that match these filters and more, given as pairs of name and value. It
// is "" if a filter is already set to another value, because no product has both.
func (f FilterQuery) Products(pairs ...string) string {
	for i := 0; i < len(pairs); i += 2 {
		if set := f.Filters.Get(pairs[i]); set != "" && set != pairs[i+1] {
			return ""
		}
		f.Filters = with(f.Filters, pairs[i], pairs[i+1])
	}
	return f.At(ProductsPath)
}

// Filters are the form that filters a page, and links that remove the filters that are set.
type Filters struct {
	Page     string // address of the page
	Clear    string // the page without filters
	Search   Field  // its Blank is the placeholder
	Fields   []Field
	Hidden   []SetFilter // set in the address, without a field
	Set      []SetFilter
	Problems *Problems // nil if the filters are valid
}

// SetFilter is a filter that is set. Without is the page's address without it.
type SetFilter struct {
	Name, Value string
	Chosen      Option // how people read the value
	Without     string
}

// ProductFilters returns the filters of a page that shows products.
func ProductFilters(page string, query FilterQuery, lists products.DropdownLists) Filters {
	choices := Choices(lists)
	for _, name := range MissingFields() {
		choices["missing"] = append(choices["missing"], Option{Value: name, Text: models.NewText("console_missing."+name, nil)})
	}
	overdue := []Option{{Value: "true", Text: models.NewText("console.overdue", nil)}}
	f := Filters{Page: page, Search: Field{Blank: models.NewText("console.search_products", nil)}, Fields: []Field{
		FilterSelect("stageId", choices["tbl_stage"]), FilterSelect("segmentId", choices["tbl_segmen"]), FilterSelect("categoryId", choices["tbl_kategori"]),
		FilterSelect("missing", choices["missing"]), FilterSelect("overdue", overdue),
	}}
	return f.Fill(query, SetFilter{Name: "stage"}, SetFilter{Name: "segmen"}, SetFilter{Name: "kategori"})
}

// MissingFields are the values of the filter "missing".
func MissingFields() []string { return []string{"segment", "stage", "category", "price", "launchDate"} }

// FilterSelect returns a select in which nothing need be chosen.
func FilterSelect(name string, options []Option) Field {
	return Field{Name: name, Kind: models.FieldSelect, Blank: models.NewText("console.any", nil), Options: slices.Clip(options)}
}

// Choices are the options of a product's selects, by the table that they come from.
func Choices(lists products.DropdownLists) map[string][]Option {
	all := map[string][]Option{}
	add := func(table string, name *string, id int64) {
		all[table] = append(all[table], Option{Value: strconv.FormatInt(id, 10), Name: messages.Named(name, id)})
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

// Fill fills in the filters that are set. Those of others have no field; the form sends them along.
func (f Filters) Fill(query FilterQuery, others ...SetFilter) Filters {
	f.Clear = FilterQuery{Display: query.Display}.At(f.Page)
	f.Search.Name, f.Search.Value = "search", query.Filters.Get("search")
	known := []SetFilter{{Name: "search"}}
	for i := range f.Fields {
		field := &f.Fields[i]
		field.Value = query.Filters.Get(field.Name)
		known = append(known, SetFilter{Name: field.Name, Chosen: field.chosen()})
	}
	for i, set := range append(known, others...) {
		if set.Value = query.Filters.Get(set.Name); set.Value == "" {
			continue
		}
		set.Without = query.Without(set.Name).At(f.Page)
		if set.Chosen.Name == "" && set.Chosen.Text.IsZero() {
			set.Chosen.Name = set.Value
		}
		if f.Set = append(f.Set, set); i >= len(known) {
			f.Hidden = append(f.Hidden, set)
		}
	}
	return f
}

// chosen is the option with the value of a filter, which is added if the list does not have it.
func (f *Field) chosen() Option {
	at := slices.IndexFunc(f.Options, func(o Option) bool { return o.Value == f.Value })
	if at >= 0 {
		return f.Options[at]
	}
	if f.Value != "" && f.Kind == models.FieldSelect {
		f.Options = append(f.Options, Option{Value: f.Value, Name: f.Value})
	}
	return Option{}
}

// ShowFiltered answers with a page of filtered rows, whose main part is cached as by ShowCached. If the filters are
// invalid, it shows them again with what is wrong. read returns the page's data, and the filters in it; of the rest it
// needs nothing if the filters are invalid.
func (s *Site) ShowFiltered(c *fiber.Ctx, p Page, invalid error, read func(ctx context.Context, v cache.View) (data any, f *Filters, err error)) error {
	if invalid == nil {
		return s.ShowCached(c, p, func(ctx context.Context, v cache.View) (any, error) {
			data, _, err := read(ctx, v)
			return data, err
		})
	}
	f, err := Read(s, c, func(ctx context.Context, v cache.View) (f *Filters, err error) {
		p.Data, f, err = read(ctx, v)
		return f, err
	})
	if err != nil {
		return err
	}
	names := []string{f.Search.Name}
	for _, field := range f.Fields {
		names = append(names, field.Name)
	}
	status, problems := s.Problems(c, invalid, names...)
	if problems == nil {
		return invalid
	}
	problems.Heading = models.NewText("console.invalid_filters", nil)
	f.Problems, f.Search.Error = problems, problems.At(f.Search.Name)
	for i, field := range f.Fields {
		f.Fields[i].Error = problems.At(field.Name)
	}
	for _, wrong := range models.AsError(invalid).Fields {
		f.Hidden = slices.DeleteFunc(f.Hidden, func(h SetFilter) bool { return h.Name == wrong.Field })
	}
	return s.Show(c, status, p)
}

// Pager links the pages of a list. An address is "" if there is no such page.
type Pager struct {
	Total, Current, Last            int64
	First, Previous, Next, LastPage string
}

// NewPager returns the pager of a list at an address, whose other parameters stay.
func NewPager(address string, p models.Pagination) Pager {
	path, raw, _ := strings.Cut(address, "?")
	query, _ := url.ParseQuery(raw) // the handler has parsed it
	at := func(page int64) string { return addressOf(path, with(query, "page", strconv.FormatInt(page, 10))) }
	out := Pager{Total: p.TotalItems, Current: p.CurrentPage, Last: max(p.TotalPages, 1)}
	if p.CurrentPage > 1 {
		out.First, out.Previous = at(1), at(min(p.CurrentPage-1, out.Last))
	}
	if p.CurrentPage < out.Last {
		out.Next, out.LastPage = at(p.CurrentPage+1), at(out.Last)
	}
	return out
}
