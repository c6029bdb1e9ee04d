package products

import (
	"slices"
	"strconv"
	"time"

	"lifecycle-sync/handlers/pages"
	"lifecycle-sync/models"
	"lifecycle-sync/services/products"
	"lifecycle-sync/web/messages"
)

// product is a product as people read it.
type product struct {
	models.ListedProduct

	Title   string // its name, or its number
	InStage string // its stage, "" for none
	Overdue bool   // it should have left its stage, which is not the last one

	facts []fact
}

// fact is a field of a product with its value as people read it, "" for none.
type fact struct {
	models.ProductField

	Value string
}

// IsNumber reports whether the value belongs at the right of its column.
func (f fact) IsNumber() bool { return f.Kind == models.FieldNumber }

// Facts are the fields that the product's page lists; the others have a place of their own.
func (p product) Facts() []fact {
	return slices.DeleteFunc(slices.Clone(p.facts), func(f fact) bool {
		return f.Column == "produk" || f.Column == "id_stage" || f.Kind == models.FieldTextarea
	})
}

// ListFacts are the fields that lists show next to name and stage.
func (p product) ListFacts() []fact {
	return slices.DeleteFunc(p.Facts(), func(f fact) bool { return f.Column == "tanggal_stage_start" })
}

// viewer turns products into what people read.
type viewer struct {
	format  *messages.Format
	choices choices
	today   models.Date
	last    int64 // the last stage
}

// viewer reads values with the lists that they refer to, on the day of now.
func (h *Pages) viewer(lists products.DropdownLists) viewer {
	return viewer{h.site.Texts().Format, pages.Choices(lists), models.NewDate(h.now().Date()), lists.LastStage()}
}

func (v viewer) product(p models.ListedProduct) product {
	shown := product{
		ListedProduct: p,
		Title:         title(p),
		InStage:       pages.Named(p.Stage, p.StageID),
		Overdue:       p.StageEnd != nil && p.StageEnd.Time().Before(v.today.Time()) && (p.StageID == nil || *p.StageID != v.last),
	}
	for _, f := range models.ProductFields() {
		shown.facts = append(shown.facts, fact{f, v.value(f, f.Text(&p.Product))})
	}
	return shown
}

// value returns the text of a field as people read it.
func (v viewer) value(f models.ProductField, text string) string {
	switch f.Kind {
	case models.FieldSelect:
		return nameOf(v.choices[f.Choices], text)
	case models.FieldNumber:
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return v.format.Rupiah(n)
		}
	case models.FieldDate:
		if day, err := models.ParseDate(text); err == nil {
			return v.format.Date(&day)
		}
	case models.FieldText, models.FieldTextarea:
	}
	return text
}

func title(p models.ListedProduct) string { return messages.Named(p.Name, p.ID) }

func address(id int64) string { return pages.ProductsPath + "/" + strconv.FormatInt(id, 10) }

// choices are the options of a product's selects, by the table that they come from.
type choices = map[string][]pages.Option

// missing are the labels of the required selects that have no options, without which no product can be created.
func missing(all choices) (labels models.Texts) {
	for _, f := range models.ProductFields() {
		if f.Required && f.Choices != "" && len(all[f.Choices]) == 0 {
			labels = append(labels, models.NewText(f.Label, nil))
		}
	}
	return labels
}

// nameOf is the name of the option with a value, or the value itself.
func nameOf(options []pages.Option, value string) string {
	if at := slices.IndexFunc(options, func(o pages.Option) bool { return o.Value == value }); at >= 0 {
		return options[at].Name
	}
	return value
}

// days is the number of whole days in a duration.
func days(d time.Duration) int64 { return int64(d / (24 * time.Hour)) }
