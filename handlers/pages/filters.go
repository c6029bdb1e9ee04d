package pages

import (
	"slices"
	"strconv"

	"lifecycle-sync/models"
	"lifecycle-sync/services/products"
	"lifecycle-sync/web"
	"lifecycle-sync/web/messages"
)

// filters are the form that says what a page shows, and the way back from each of its filters.
type filters struct {
	Page     string // that the form asks for
	Clear    string // the page without any filter
	Search   filterField
	Fields   []filterField
	Hidden   []setFilter // set in the address, and in no field
	Set      []setFilter
	Problems *problems // nil unless something cannot be filtered so
}

// filterField is a field of which one value can be chosen, or, with Kind date, a day.
type filterField struct {
	Name, Label string
	Kind        string
	Blank       string // what is said where nothing is chosen or written
	Value       string
	Options     []filterOption
	Error       string
}

type filterOption struct {
	Value, Text string
	Chosen      bool
}

// setFilter is a filter that is set, in words; Without is the page's address without it.
type setFilter struct{ Name, Label, Value, Text, Without string }

// filtersOf is the form of a page that shows products, with the choices that there are.
func filtersOf(page string, n narrow, lists products.DropdownLists) filters {
	f := filters{Page: page, Search: filterField{Label: "Search", Blank: "Name, description or customer"}, Fields: productFields(lists)}
	return f.filled(n, setFilter{Name: "stage", Label: "Stage"}, setFilter{Name: "segmen", Label: "Segment"}, setFilter{Name: "kategori", Label: "Category"})
}

func productFields(lists products.DropdownLists) []filterField {
	segments := filterField{Name: "segmentId", Label: "Segment", Blank: anyOne}
	for _, s := range lists.Segments {
		segments.add(s.ID, s.Name)
	}
	categories := filterField{Name: "categoryId", Label: "Category", Blank: anyOne}
	for _, c := range lists.Categories {
		categories.add(c.ID, c.Name)
	}
	missing := filterField{Name: "missing", Label: "Missing", Blank: anyOne}
	for _, m := range lacks() {
		missing.Options = append(missing.Options, filterOption{Value: m.filter, Text: "No " + m.text})
	}
	overdue := filterField{Name: "overdue", Label: "Stage end", Blank: anyOne, Options: []filterOption{{Value: "true", Text: "Overdue"}}}
	return []filterField{stageField("stageId", "Stage", lists.Stages), segments, categories, missing, overdue}
}

// anyOne stands where nothing is chosen.
const anyOne = "Any"

// stageField is a field of which a stage can be chosen.
func stageField(name, label string, stages []models.Stage) filterField {
	field := filterField{Name: name, Label: label, Blank: anyOne}
	for _, s := range stages {
		field.add(s.ID, s.Name)
	}
	return field
}

// filled is the form with the filters that are set. Those of the others have no field, and go along with it.
func (f *filters) filled(n narrow, others ...setFilter) filters {
	f.Clear = narrow{kept: n.kept}.at(f.Page)
	f.Search.Name, f.Search.Value = "search", n.query.Get("search")
	if f.Search.Value != "" {
		f.Set = append(f.Set, setFilter{Name: "search", Label: f.Search.Label, Text: f.Search.Value})
	}
	for i := range f.Fields {
		field := &f.Fields[i]
		if field.Value = n.query.Get(field.Name); field.Value != "" {
			f.Set = append(f.Set, setFilter{Name: field.Name, Label: field.Label, Text: field.chosen()})
		}
	}
	fields := len(f.Set)
	for _, other := range others {
		if n.query.Has(other.Name) {
			f.Set = append(f.Set, other)
		}
	}
	for i := range f.Set {
		set := &f.Set[i]
		set.Value, set.Without = n.query.Get(set.Name), n.without(set.Name).at(f.Page)
		if set.Text == "" {
			set.Text = set.Value
		}
	}
	f.Hidden = slices.Clone(f.Set[fields:])
	return *f
}

// refuse puts what is wrong into the form, and returns with which status its page is shown.
func (f *filters) refuse(texts *messages.Printer, err error) int {
	labels := map[string]string{f.Search.Name: f.Search.Label}
	for _, field := range f.Fields {
		labels[field.Name] = field.Label
	}
	var status int
	status, f.Problems = problemsOf(texts, err, labels)
	if f.Problems == nil {
		return status
	}
	f.Problems.Heading = "This cannot be looked for"
	f.Search.Error = f.Problems.at(f.Search.Name)
	for i, field := range f.Fields {
		f.Fields[i].Error = f.Problems.at(field.Name)
	}
	for _, wrong := range models.AsError(err).Fields {
		f.Hidden = slices.DeleteFunc(f.Hidden, func(h setFilter) bool { return h.Name == wrong.Field })
	}
	return status
}

func (f *filterField) add(id int64, name *string) {
	f.Options = append(f.Options, filterOption{Value: strconv.FormatInt(id, 10), Text: web.Named(name, id)})
}

// chosen chooses the option that has the field's value, which may be none, and returns its text.
func (f *filterField) chosen() string {
	at := slices.IndexFunc(f.Options, func(o filterOption) bool { return o.Value == f.Value })
	if at < 0 {
		at = len(f.Options)
		f.Options = append(f.Options, filterOption{Value: f.Value, Text: f.Value})
	}
	f.Options[at].Chosen = true
	return f.Options[at].Text
}

// lack is what a product may lack: the filter's name of it, and the word for it.
type lack struct{ filter, text string }

func lacks() []lack {
	return []lack{{"segment", "segment"}, {"stage", "stage"}, {"category", "category"}, {"price", "price"}, {"launchDate", "launch date"}}
}
