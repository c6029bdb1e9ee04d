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

// Fields that the form has besides a product's and what it knew of them: what the person chose in a conflict.
const (
	takePrefix = "take_" // mine or theirs
	goField    = "go"    // edit: back to the form with the choice, instead of saving it
)

// longestText is the size in bytes of a text that a form can edit. A longer one stays as it is.
const longestText = 60_000

// productForm is what the template of the form sees.
type productForm struct {
	pages.Form

	ID      int64  // 0 for a new product
	Title   string // of the product
	Version string // row version that the form was made from
	Key     string // of a new product
	Fields  []pages.Field
	TooLong models.Texts // labels of the fields whose texts are too long for the form
	Files   *fileRules   // nil if the form takes no files
	Lost    bool         // files were chosen, or may have been, and must be chosen again
	Missing models.Texts // required selects without options
}

// IsNew reports whether the form creates a product.
func (f productForm) IsNew() bool { return f.ID == 0 }

// FilesError is what is wrong with the files.
func (f productForm) FilesError() models.Text { return f.Problems.At(request.FilesField) }

// fields are the form's fields in order, not filled in.
func (f productForm) fields(all choices) (fields []pages.Field) {
	for _, p := range models.ProductFields() {
		field := pages.Field{
			Name: p.Column, Kind: p.Kind, Max: p.Max, Options: all[p.Choices], Blank: models.NewText("console_products.choose", nil),
			Wide:     p.Column == "produk" || p.Kind == models.FieldTextarea,
			Required: p.Required && (f.IsNew() || f.Was[p.Column] != ""), // lifecycle_db may lack it, which an edit need not fix
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
	for _, column := range request.ProductColumns() {
		names = append(names, column, pages.WasPrefix+column, takePrefix+column)
	}
	return names
}

// sentForm returns the form that was sent for a product, 0 for a new one. Where the person chose the current value in a
// conflict, it takes the place of theirs.
func sentForm(id int64, sent map[string]string) productForm {
	f := productForm{Form: pages.SentForm(sent, request.ProductColumns(), normalized), ID: id, Version: sent[pages.VersionField], Key: sent[request.KeyField]}
	for _, column := range request.ProductColumns() {
		if sent[takePrefix+column] == "theirs" {
			delete(f.Values, column)
			if was, known := f.Was[column]; known {
				f.Values[column] = was
			}
		}
	}
	if f.IsNew() {
		f.Was = nil
	}
	return f
}

// normalized removes the line ends that browsers add.
func normalized(column, text string) string {
	if f, _ := models.ProductFieldOf(column); f.Kind == models.FieldTextarea {
		return pages.UnixLines(text)
	}
	return strings.NewReplacer("\r", "", "\n", "").Replace(text)
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
	all, err := pages.Read(h.site, c, func(ctx context.Context, v cache.View) (choices, error) {
		lists, err := products.Dropdowns(ctx, v)
		return pages.Choices(lists), err
	})
	if err != nil && f.Problems == nil {
		return err // else the form is shown without the lists, to keep the entries
	}
	f.Fields, f.TooLong = f.Fill(f.fields(all))
	title := models.NewText("console_products.new", nil)
	if f.IsNew() {
		if f.Files = h.rules; err == nil {
			f.Missing = missing(all)
		}
	} else {
		if f.Title == "" {
			name := f.Was["produk"]
			f.Title = messages.Named(&name, f.ID)
		}
		title = models.NewText("console_products.edit_title", models.Params{"name": f.Title})
	}
	return h.site.Show(c, status, pages.Page{Template: "products/form", Title: f.Problems.Titled(title), Section: "products", Data: f})
}

// again answers with the form and what is wrong with it, or with err if the form would not help. further is another
// error to show, or nil.
func (h *Pages) again(c *fiber.Ctx, f productForm, err, further error) error {
	fields := append(formFields(), request.FilesField)
	status, found := h.site.Problems(c, err, fields...)
	if found == nil {
		return err
	}
	if further != nil {
		if _, more := h.site.Problems(c, further, fields...); more != nil {
			found.List = append(found.List, more.List...)
		}
	}
	f.Problems = found
	return h.show(c, status, f)
}
