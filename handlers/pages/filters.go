package pages

import (
	"slices"
	"strconv"

	"lifecycle-sync/services"
	"lifecycle-sync/web"
)

// filters are the form that says which products a page shows, and the way back from each of its filters.
type filters struct {
	Page   string // that the form asks for
	Clear  string // the page without any filter
	Search string
	Fields []filterField
	Hidden []setFilter // set in the address, and in no field
	Set    []setFilter
}

// filterField is a field of which one value can be chosen.
type filterField struct {
	Name, Label string
	Blank       string // what is said where no option is chosen; else Any
	Options     []filterOption
}

type filterOption struct {
	Value, Text string
	Chosen      bool
}

// setFilter is a filter that is set, in words; Without is the page's address without it.
type setFilter struct{ Name, Value, Text, Without string }

// filtersOf is the form of a page, with the choices that there are.
func filtersOf(page string, n narrow, lists services.DropdownLists) filters {
	f := filters{Page: page, Clear: narrow{kept: n.kept}.at(page), Search: n.query.Get("search"), Fields: fieldsOf(n, lists)}
	add := func(name, text string) {
		f.Set = append(f.Set, setFilter{name, n.query.Get(name), text, n.without(name).at(page)})
	}
	if f.Search != "" {
		add("search", "Search: "+f.Search)
	}
	for _, field := range f.Fields {
		if n.query.Has(field.Name) {
			add(field.Name, field.Label+": "+field.chosen(n.query.Get(field.Name)))
		}
	}
	fields := len(f.Set)
	for _, byName := range [][2]string{{"stage", "Stage"}, {"segmen", "Segment"}, {"kategori", "Category"}} {
		if n.query.Has(byName[0]) {
			add(byName[0], byName[1]+": "+n.query.Get(byName[0]))
		}
	}
	f.Hidden = f.Set[fields:]
	return f
}

func fieldsOf(n narrow, lists services.DropdownLists) []filterField {
	stages := filterField{Name: "stageId", Label: "Stage"}
	for _, s := range lists.Stages {
		stages.add(s.ID, s.Name)
	}
	segments := filterField{Name: "segmentId", Label: "Segment"}
	for _, s := range lists.Segments {
		segments.add(s.ID, s.Name)
	}
	categories := filterField{Name: "categoryId", Label: "Category"}
	for _, c := range lists.Categories {
		categories.add(c.ID, c.Name)
	}
	missing := filterField{Name: "missing", Label: "Missing"}
	for _, m := range lacks() {
		missing.Options = append(missing.Options, filterOption{Value: m.filter, Text: "No " + m.text})
	}
	overdue := filterField{Name: "overdue", Label: "Stage end", Options: []filterOption{{Value: "true", Text: "Overdue"}}}
	fields := []filterField{stages, segments, categories, missing, overdue}
	for _, field := range fields {
		for i := range field.Options {
			field.Options[i].Chosen = field.Options[i].Value == n.query.Get(field.Name)
		}
	}
	return fields
}

func (f *filterField) add(id int64, name *string) {
	f.Options = append(f.Options, filterOption{Value: strconv.FormatInt(id, 10), Text: web.Named(name, id)})
}

// chosen is the text of a value, which may be none of the options.
func (f *filterField) chosen(value string) string {
	if i := slices.IndexFunc(f.Options, func(o filterOption) bool { return o.Value == value }); i >= 0 {
		return f.Options[i].Text
	}
	return value
}

// lack is what a product may lack: the filter's name of it, and the word for it.
type lack struct{ filter, text string }

func lacks() []lack {
	return []lack{{"segment", "segment"}, {"stage", "stage"}, {"category", "category"}, {"price", "price"}, {"launchDate", "launch date"}}
}
