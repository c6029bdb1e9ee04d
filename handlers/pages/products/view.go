package products

import (
	"strconv"
	"time"

	"lifecycle-sync/handlers/pages"
	"lifecycle-sync/models"
	"lifecycle-sync/services/products"
	"lifecycle-sync/web"
)

// shownProduct is a product as lists and its own page show it. Names are "" for none.
type shownProduct struct {
	models.ListedProduct

	Title                   string // its name, else its number
	InStage, Where, Of, For string // stage, segment, category, customer
	Overdue                 bool   // it should have left its stage, which is not the last
}

// shownOn returns how products are shown on the day of now, in its time zone.
func shownOn(now time.Time, lists products.DropdownLists) func(models.ListedProduct) shownProduct {
	today, last := models.NewDate(now.Date()), lists.LastStage()
	categories := choicesOf(lists).Categories // which have no other name than their ids where lifecycle_db has no table of them
	return func(p models.ListedProduct) shownProduct {
		return shownProduct{
			ListedProduct: p,
			Title:         productTitle(p),
			InStage:       pages.Named(p.Stage, p.StageID),
			Where:         pages.Named(p.Segment, p.SegmentID),
			Of:            chosen(categories, wholeText(p.CategoryID)),
			For:           pages.Deref(p.Customer),
			Overdue:       p.StageEnd != nil && p.StageEnd.Time().Before(today.Time()) && (p.StageID == nil || *p.StageID != last),
		}
	}
}

func productTitle(p models.ListedProduct) string { return web.Named(p.Name, p.ID) }

// choices are the lists that a product's fields choose from.
type choices struct{ Stages, Segments, Categories []pages.Option }

func choicesOf(lists products.DropdownLists) (all choices) {
	of := func(name *string, id int64) pages.Option {
		return pages.Option{Value: strconv.FormatInt(id, 10), Text: web.Named(name, id)}
	}
	for _, s := range lists.Stages {
		all.Stages = append(all.Stages, of(s.Name, s.ID))
	}
	for _, s := range lists.Segments {
		all.Segments = append(all.Segments, of(s.Name, s.ID))
	}
	for _, c := range lists.Categories {
		all.Categories = append(all.Categories, of(c.Name, c.ID))
	}
	return all
}

// missing are the names of the lists that are empty, without which there can be no product.
func (all choices) missing() (names []string) {
	for _, list := range []struct {
		name    string
		options []pages.Option
	}{{"segments", all.Segments}, {"stages", all.Stages}, {"categories", all.Categories}} {
		if len(list.options) == 0 {
			names = append(names, list.name)
		}
	}
	return names
}

// chosen is the text of the option with a value, else the value itself.
func chosen(options []pages.Option, value string) string {
	for _, o := range options {
		if o.Value == value {
			return o.Text
		}
	}
	return value
}
