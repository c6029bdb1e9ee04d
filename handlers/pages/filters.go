package pages

import (
	"slices"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/models"
	"lifecycle-sync/services/products"
	"lifecycle-sync/web/messages"
)

// Filters are the form that filters a page, and links that remove the filters that are set.
type Filters struct {
	Page     string // address of the page
	Clear    string // the page without filters
	Search   FilterField
	Fields   []FilterField
	Hidden   []SetFilter // set in the address, without a field
	Set      []SetFilter
	Problems *Problems // nil if the filters are valid
}

// FilterField is a select, or an input of a Kind such as date.
type FilterField struct {
	Name    string
	Kind    string
	Blank   models.Text // for no choice, or the placeholder of the search
	Value   string
	Options []Option
	Error   models.Text
}

// SetFilter is a filter that is set. Without is the page's address without it.
type SetFilter struct {
	Name, Value string
	Chosen      Option // how people read the value
	Without     string
}

// ProductFilters returns the filters of a page that shows products.
func ProductFilters(page string, query FilterQuery, lists products.DropdownLists) Filters {
	f := Filters{Page: page, Search: FilterField{Blank: models.NewText("console.search_products", nil)}, Fields: productFilters(lists)}
	return f.Fill(query, SetFilter{Name: "stage"}, SetFilter{Name: "segmen"}, SetFilter{Name: "kategori"})
}

func productFilters(lists products.DropdownLists) []FilterField {
	segments, categories, missing := newSelect("segmentId"), newSelect("categoryId"), newSelect("missing")
	for _, s := range lists.Segments {
		segments.add(s.ID, s.Name)
	}
	for _, c := range lists.Categories {
		categories.add(c.ID, c.Name)
	}
	for _, name := range MissingFields() {
		missing.Options = append(missing.Options, Option{Value: name, Text: models.NewText("console_missing."+name, nil)})
	}
	overdue := newSelect("overdue")
	overdue.Options = []Option{{Value: "true", Text: models.NewText("console.overdue", nil)}}
	return []FilterField{StageFilter("stageId", lists.Stages), segments, categories, missing, overdue}
}

// MissingFields are the values of the filter "missing".
func MissingFields() []string { return []string{"segment", "stage", "category", "price", "launchDate"} }

func newSelect(name string) FilterField {
	return FilterField{Name: name, Blank: models.NewText("console.any", nil)}
}

// StageFilter returns a select of a stage.
func StageFilter(name string, stages []models.Stage) FilterField {
	field := newSelect(name)
	for _, s := range stages {
		field.add(s.ID, s.Name)
	}
	return field
}

// Fill fills in the filters that are set. Those of others have no field; the form sends them along.
func (f *Filters) Fill(query FilterQuery, others ...SetFilter) Filters {
	f.Clear = FilterQuery{Display: query.Display}.At(f.Page)
	f.Search.Name, f.Search.Value = "search", query.Filters.Get("search")
	if f.Search.Value != "" {
		f.Set = append(f.Set, SetFilter{Name: "search"})
	}
	for i := range f.Fields {
		field := &f.Fields[i]
		if field.Value = query.Filters.Get(field.Name); field.Value != "" {
			f.Set = append(f.Set, SetFilter{Name: field.Name, Chosen: field.choose()})
		}
	}
	fields := len(f.Set)
	for _, other := range others {
		if query.Filters.Has(other.Name) {
			f.Set = append(f.Set, other)
		}
	}
	for i := range f.Set {
		set := &f.Set[i]
		set.Value, set.Without = query.Filters.Get(set.Name), query.Without(set.Name).At(f.Page)
		if set.Chosen.Name == "" && set.Chosen.Text.IsZero() {
			set.Chosen.Name = set.Value
		}
	}
	f.Hidden = slices.Clone(f.Set[fields:])
	return *f
}

// RefuseFilters shows the page of filters again with what is wrong with them. p's data must hold f.
func (s *Site) RefuseFilters(c *fiber.Ctx, p Page, f *Filters, err error) error {
	names := []string{f.Search.Name}
	for _, field := range f.Fields {
		names = append(names, field.Name)
	}
	status, problems := s.Problems(c, err, names...)
	if problems == nil {
		return err
	}
	problems.Heading = models.NewText("console.invalid_filters", nil)
	f.Problems, f.Search.Error = problems, problems.At(f.Search.Name)
	for i, field := range f.Fields {
		f.Fields[i].Error = problems.At(field.Name)
	}
	for _, wrong := range models.AsError(err).Fields {
		f.Hidden = slices.DeleteFunc(f.Hidden, func(h SetFilter) bool { return h.Name == wrong.Field })
	}
	return s.Show(c, status, p)
}

func (f *FilterField) add(id int64, name *string) {
	f.Options = append(f.Options, Option{Value: strconv.FormatInt(id, 10), Name: messages.Named(name, id)})
}

// choose marks the option with the field's value, which is added if it is not in the list.
func (f *FilterField) choose() Option {
	at := slices.IndexFunc(f.Options, func(o Option) bool { return o.Value == f.Value })
	if at < 0 {
		at = len(f.Options)
		f.Options = append(f.Options, Option{Value: f.Value, Name: f.Value})
	}
	f.Options[at].Chosen = true
	return f.Options[at]
}
