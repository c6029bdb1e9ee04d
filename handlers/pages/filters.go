package pages

import (
	"github.com/gofiber/fiber/v2"

	"slices"
	"strconv"

	"lifecycle-sync/models"
	"lifecycle-sync/services/products"
	"lifecycle-sync/web"
)

// Filters are the form that says what a page shows, and the way back from each of its filters.
type Filters struct {
	Page     string // that the form asks for
	Clear    string // the page without any filter
	Search   FilterField
	Fields   []FilterField
	Hidden   []SetFilter // set in the address, and in no field
	Set      []SetFilter
	Problems *Problems // nil unless something cannot be filtered so
}

// FilterField is a field of which one value can be chosen, or, with Kind date, a day.
type FilterField struct {
	Name, Label string
	Kind        string
	Blank       string // what is said where nothing is chosen or written
	Value       string
	Options     []Option
	Error       string
}

// SetFilter is a filter that is set, in words; Without is the page's address without it.
type SetFilter struct{ Name, Label, Value, Text, Without string }

// ProductFilters returns the form of a page that shows products, with the choices that there are.
func ProductFilters(page string, n FilterQuery, lists products.DropdownLists) Filters {
	f := Filters{Page: page, Search: FilterField{Label: "Search", Blank: "Name, description or customer"}, Fields: productFields(lists)}
	return f.Fill(n, SetFilter{Name: "stage", Label: "Stage"}, SetFilter{Name: "segmen", Label: "Segment"}, SetFilter{Name: "kategori", Label: "Category"})
}

func productFields(lists products.DropdownLists) []FilterField {
	segments := FilterField{Name: "segmentId", Label: "Segment", Blank: anyOne}
	for _, s := range lists.Segments {
		segments.add(s.ID, s.Name)
	}
	categories := FilterField{Name: "categoryId", Label: "Category", Blank: anyOne}
	for _, c := range lists.Categories {
		categories.add(c.ID, c.Name)
	}
	missing := FilterField{Name: "missing", Label: "Missing", Blank: anyOne}
	for _, m := range MissingFields() {
		missing.Options = append(missing.Options, Option{Value: m.Filter, Text: "No " + m.Text})
	}
	overdue := FilterField{Name: "overdue", Label: "Stage end", Blank: anyOne, Options: []Option{{Value: "true", Text: "Overdue"}}}
	return []FilterField{StageFilter("stageId", "Stage", lists.Stages), segments, categories, missing, overdue}
}

// anyOne stands where nothing is chosen.
const anyOne = "Any"

// StageFilter returns a field of which a stage can be chosen.
func StageFilter(name, label string, stages []models.Stage) FilterField {
	field := FilterField{Name: name, Label: label, Blank: anyOne}
	for _, s := range stages {
		field.add(s.ID, s.Name)
	}
	return field
}

// Fill fills in the filters that are set. Those of the others have no field, and go along with it.
func (f *Filters) Fill(n FilterQuery, others ...SetFilter) Filters {
	f.Clear = FilterQuery{Display: n.Display}.At(f.Page)
	f.Search.Name, f.Search.Value = "search", n.Filters.Get("search")
	if f.Search.Value != "" {
		f.Set = append(f.Set, SetFilter{Name: "search", Label: f.Search.Label, Text: f.Search.Value})
	}
	for i := range f.Fields {
		field := &f.Fields[i]
		if field.Value = n.Filters.Get(field.Name); field.Value != "" {
			f.Set = append(f.Set, SetFilter{Name: field.Name, Label: field.Label, Text: field.chosen()})
		}
	}
	fields := len(f.Set)
	for _, other := range others {
		if n.Filters.Has(other.Name) {
			f.Set = append(f.Set, other)
		}
	}
	for i := range f.Set {
		set := &f.Set[i]
		set.Value, set.Without = n.Filters.Get(set.Name), n.Without(set.Name).At(f.Page)
		if set.Text == "" {
			set.Text = set.Value
		}
	}
	f.Hidden = slices.Clone(f.Set[fields:])
	return *f
}

// RefuseFilters puts what is wrong into the form, and shows its page again.
func (s *Site) RefuseFilters(c *fiber.Ctx, p Page, f *Filters, err error) error {
	labels := map[string]string{f.Search.Name: f.Search.Label}
	for _, field := range f.Fields {
		labels[field.Name] = field.Label
	}
	var status int
	status, f.Problems = s.Problems(c, err, labels)
	if f.Problems == nil {
		return err
	}
	f.Problems.Heading = "This cannot be looked for"
	f.Search.Error = f.Problems.At(f.Search.Name)
	for i, field := range f.Fields {
		f.Fields[i].Error = f.Problems.At(field.Name)
	}
	for _, wrong := range models.AsError(err).Fields {
		f.Hidden = slices.DeleteFunc(f.Hidden, func(h SetFilter) bool { return h.Name == wrong.Field })
	}
	return s.Show(c, status, p)
}

func (f *FilterField) add(id int64, name *string) {
	f.Options = append(f.Options, Option{Value: strconv.FormatInt(id, 10), Text: web.Named(name, id)})
}

// chosen chooses the option that has the field's Value, which may be none, and returns its text.
func (f *FilterField) chosen() string {
	at := slices.IndexFunc(f.Options, func(o Option) bool { return o.Value == f.Value })
	if at < 0 {
		at = len(f.Options)
		f.Options = append(f.Options, Option{Value: f.Value, Text: f.Value})
	}
	f.Options[at].Chosen = true
	return f.Options[at].Text
}

// MissingField is a field that a product may lack: its name in the filter, and for people.
type MissingField struct{ Filter, Text string }

// MissingFields are the fields that can be asked for with the filter "missing".
func MissingFields() []MissingField {
	return []MissingField{{"segment", "segment"}, {"stage", "stage"}, {"category", "category"}, {"price", "price"}, {"launchDate", "launch date"}}
}
