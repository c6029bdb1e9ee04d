package products

import (
	"context"
	"maps"
	"regexp"
	"strings"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers/pages"
	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
	"lifecycle-sync/services/cache"
	"lifecycle-sync/services/products"
	"lifecycle-sync/web/messages"
)

// Fields that the form has besides a product's: what it knew when it was opened (pages.WasPrefix), and what the person
// chose in a conflict.
const (
	takePrefix = "take_" // mine or theirs
	goField    = "go"    // edit: back to the form with the choice, instead of saving it
)

// longestText is the size in bytes of a text that a form can edit. A longer one stays as it is.
const longestText = 60_000

// productForm is what the template of the form sees. Texts are by column.
type productForm struct {
	ID       int64  // 0 for a new product
	Title    string // of the product
	Values   map[string]string
	Was      map[string]string // what an edit form knew when it was opened; a column without is not in the form
	Version  string            // row version that the form was made from
	Key      string            // of a new product
	Problems *pages.Problems
	Files    *fileRules   // nil if the form takes no files
	Lost     bool         // files were chosen, or may have been, and must be chosen again
	Missing  models.Texts // required selects without options

	choices choices
}

// IsNew reports whether the form creates a product.
func (f productForm) IsNew() bool { return f.ID == 0 }

// FilesError is what is wrong with the files.
func (f productForm) FilesError() models.Text { return f.Problems.At(request.FilesField) }

// has reports whether a field is in the form: one whose text is too long is not.
func (f productForm) has(column string) bool {
	_, known := f.Was[column]
	_, entered := f.Values[column]
	return f.IsNew() || known || entered
}

// Fields are the form's fields in order, with their values and what is wrong with them.
func (f productForm) Fields() (fields []pages.Field) {
	for _, p := range models.ProductFields() {
		if !f.has(p.Column) {
			continue
		}
		was, known := f.Was[p.Column]
		field := pages.Field{
			Name: p.Column, Kind: p.Kind, Max: p.Max, Options: f.choices[p.Choices], Blank: models.NewText("console_products.choose", nil),
			Wide: p.Column == "produk" || p.Kind == models.FieldTextarea, Value: f.Values[p.Column], Was: was, KeepWas: known, Error: f.Problems.At(p.Column),
			Required: p.Required && (f.IsNew() || was != ""), // lifecycle_db may lack it, which an edit need not fix
		}
		switch {
		case p.Hint != "":
			field.Hint = models.NewText(p.Hint, nil)
		case p.Column == "id_stage" && !f.IsNew():
			field.Hint = models.NewText("console_products.stage_hint", nil)
		}
		fields = append(fields, field)
	}
	return fields
}

// TooLong are the labels of the fields whose texts are too long for the form.
func (f productForm) TooLong() (labels models.Texts) {
	for _, p := range models.ProductFields() {
		if !f.has(p.Column) {
			labels = append(labels, models.NewText(p.Label, nil))
		}
	}
	return labels
}

// textsOf returns a product's columns as a form has them, without texts that are too long for one.
func textsOf(p models.ListedProduct) map[string]string {
	texts := map[string]string{}
	for _, f := range models.ProductFields() {
		if text := f.Text(&p.Product); len(text) <= longestText {
			texts[f.Column] = text
		}
	}
	return texts
}

// formFields are the names of all fields that the form may send.
func formFields() []string {
	names := []string{request.KeyField, pages.VersionField, goField}
	for _, f := range models.ProductFields() {
		names = append(names, f.Column, pages.WasPrefix+f.Column, takePrefix+f.Column)
	}
	return names
}

// problemFields are the names of the fields that a problem can belong to.
func problemFields() []string { return append(formFields(), request.FilesField) }

// sentForm returns the form that was sent for a product, 0 for a new one. Where the person chose the current value in a
// conflict, it takes the place of theirs.
func sentForm(id int64, sent map[string]string) productForm {
	form := productForm{ID: id, Values: map[string]string{}, Was: map[string]string{}, Version: sent[pages.VersionField], Key: sent[request.KeyField]}
	for _, f := range models.ProductFields() {
		value, entered := sent[f.Column]
		was, known := sent[pages.WasPrefix+f.Column]
		if known {
			form.Was[f.Column] = normalized(f, was)
		}
		switch {
		case sent[takePrefix+f.Column] == "theirs" && known:
			form.Values[f.Column] = form.Was[f.Column]
		case sent[takePrefix+f.Column] != "theirs" && entered:
			form.Values[f.Column] = normalized(f, value)
		}
	}
	return form
}

// normalized removes the line ends that browsers add.
func normalized(f models.ProductField, text string) string {
	if f.Kind == models.FieldTextarea {
		return pages.UnixLines(text)
	}
	return strings.NewReplacer("\r", "", "\n", "").Replace(text)
}

// changed are the columns that differ from what the form knew, as the API takes them. The others are neither checked
// nor written.
func (f productForm) changed() map[string]string {
	changed := map[string]string{}
	for column, value := range f.Values {
		if was, known := f.Was[column]; !known || was != value {
			changed[column] = value
		}
	}
	return parsed(changed)
}

// groupedRupiah is a price as people write it: Rp. 1.250.000, 1250000,00, 5000,-, and also 1250000.00.
var groupedRupiah = regexp.MustCompile(`^(?i:(?:rp|idr)\.?)?[\s\x{a0}]*(?:([0-9]{1,3}(?:\.[0-9]{3})+|[0-9]+)(?:,(?:00?|[-–]+))?|([0-9]+)\.00?)$`)

// ambiguous stands for a price that the API would read differently from what it may mean, such as 1250.000.
const ambiguous = "ambiguous"

// parsed returns texts as the API takes them: people write prices with full stops between the thousands.
func parsed(values map[string]string) map[string]string {
	texts := maps.Clone(values)
	for _, f := range models.ProductFields() {
		text, has := texts[f.Column]
		if !has || f.Kind != models.FieldNumber {
			continue
		}
		text = strings.TrimSpace(text)
		if parts := groupedRupiah.FindStringSubmatch(text); parts != nil {
			text = strings.ReplaceAll(parts[1]+parts[2], ".", "")
		} else if strings.Contains(text, ".") {
			text = ambiguous
		}
		texts[f.Column] = text
	}
	return texts
}

// show answers with the form, for which it reads the lists.
func (h *Pages) show(c *fiber.Ctx, status int, f productForm) error {
	err := h.site.View(c, func(ctx context.Context, v cache.View) error {
		lists, err := products.Dropdowns(ctx, v)
		if f.choices = choicesOf(lists); err == nil && f.IsNew() {
			f.Missing = f.choices.missing()
		}
		return err
	})
	if err != nil && f.Problems == nil {
		return err // else the form is shown without the lists, to keep the entries
	}
	title := models.NewText("console_products.new", nil)
	if f.IsNew() {
		f.Files = h.rules
	} else {
		if f.Title == "" {
			name := f.Was["produk"]
			f.Title = messages.Named(&name, f.ID)
		}
		title = models.NewText("console_products.edit_title", models.Params{"name": f.Title})
	}
	return h.site.Show(c, status, pages.Page{Template: "products/form", Title: f.Problems.Titled(title), Section: "products", Data: f})
}

// again answers with the form and what is wrong with it, or with err if the form would not help. It also shows a further
// error, unless that is nil.
func (h *Pages) again(c *fiber.Ctx, f productForm, err, further error) error {
	status, found := h.site.Problems(c, err, problemFields()...)
	if found == nil {
		return err
	}
	if further != nil {
		if _, more := h.site.Problems(c, further, problemFields()...); more != nil {
			found.List = append(found.List, more.List...)
		}
	}
	f.Problems = found
	return h.show(c, status, f)
}
