package products

import (
	"context"
	"maps"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers/pages"
	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
	"lifecycle-sync/services/cache"
	"lifecycle-sync/services/products"
	"lifecycle-sync/web/messages"
)

// Form fields with the user's choice in a conflict.
const (
	choicePrefix = "take_" // prefix; the value is "mine" or "theirs"
	actionField  = "go"    // "edit": return to the form instead of saving
)

// maxTextSize is the maximum size in bytes of a text that the form can edit. Longer texts stay unchanged.
const maxTextSize = 60_000

// productForm is the data of the form's template.
type productForm struct {
	pages.Form

	ID           int64  // 0 for a new product
	Title        string // of the product
	Version      string // row version when the form was opened
	Key          string // of a new product
	Fields       []pages.Field
	TooLong      models.Texts // labels of the fields whose texts are too long for the form
	Files        *fileRules   // nil if the form takes no files
	FilesLost    bool         // files must be selected again
	MissingLists models.Texts // required selects without options
}

// IsNew reports whether the form creates a product.
func (f productForm) IsNew() bool { return f.ID == 0 }

// FilesError returns the error of the file field.
func (f productForm) FilesError() models.Text { return f.Problems.At(request.FilesField) }

// fields returns the form's fields in order, without values.
func (f productForm) fields(all choices) (fields []pages.Field) {
	for _, p := range models.ProductFields() {
		field := pages.Field{
			Name: p.Column, Kind: p.Kind, Max: p.Max, Options: all[p.Choices], Blank: models.NewText("console_products.choose", nil),
			Wide:     p.Column == "produk" || p.Kind == models.FieldTextarea,
			Required: p.Required && (f.IsNew() || f.Originals[p.Column] != ""), // may be NULL in lifecycle_db; an edit need not fix that
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

// textsOf returns a product's form values, without texts that are too long.
func textsOf(p models.ListedProduct) map[string]string {
	texts := map[string]string{}
	for _, f := range models.ProductFields() {
		if text := f.Text(&p.Product); len(text) <= maxTextSize {
			texts[f.Column] = text
		}
	}
	return texts
}

// formFields returns the names of all fields that the form may send.
func formFields() []string {
	names := []string{request.KeyField, pages.VersionField, actionField}
	for _, column := range request.ProductColumns() {
		names = append(names, column, pages.OriginalPrefix+column, choicePrefix+column)
	}
	return names
}

// submittedForm returns the submitted form of a product; id is 0 for a new one. Where the user chose the current value in a
// conflict, that value replaces the user's entry.
func submittedForm(id int64, fields map[string]string) productForm {
	f := productForm{Form: pages.SubmittedForm(fields, request.ProductColumns(), normalizeLines), ID: id, Version: fields[pages.VersionField], Key: fields[request.KeyField]}
	for _, column := range request.ProductColumns() {
		if fields[choicePrefix+column] == "theirs" {
			delete(f.Values, column)
			if original, ok := f.Originals[column]; ok {
				f.Values[column] = original
			}
		}
	}
	if f.IsNew() {
		f.Originals = nil
	}
	return f
}

// normalizeLines removes the carriage returns that browsers add, and in single-line fields all line ends.
func normalizeLines(column, text string) string {
	if f, _ := models.ProductFieldOf(column); f.Kind == models.FieldTextarea {
		return pages.UnixLines(text)
	}
	return strings.NewReplacer("\r", "", "\n", "").Replace(text)
}

// ambiguousPrice replaces a price that the API would misread, such as 1250.000.
const ambiguousPrice = "ambiguous"

// normalizePrices returns the texts with prices in the API's format, without thousands separators.
func normalizePrices(values map[string]string) map[string]string {
	texts := maps.Clone(values)
	for _, f := range models.ProductFields() {
		text, ok := texts[f.Column]
		if !ok || f.Kind != models.FieldNumber {
			continue
		}
		text = strings.TrimSpace(text)
		if price, err := models.ParseTypedRupiah(text); err == nil {
			text = strconv.FormatInt(price, 10)
		} else if _, err := models.ParseRupiah(text); err == nil {
			text = ambiguousPrice
		}
		texts[f.Column] = text
	}
	return texts
}

// show shows the form, with the lists of its selects.
func (h *Pages) show(c *fiber.Ctx, status int, f productForm) error {
	all, err := pages.Read(h.Site, c, func(ctx context.Context, v cache.View) (choices, error) {
		lists, err := products.Dropdowns(ctx, v)
		return pages.Choices(lists), err
	})
	if err != nil && f.Problems == nil {
		return err // otherwise show the form without the lists, to keep the entries
	}
	f.Fields, f.TooLong = f.Fill(f.fields(all))
	title := models.NewText("console_products.new", nil)
	if f.IsNew() {
		if f.Files = h.fileRules(); err == nil {
			f.MissingLists = missingLists(all)
		}
	} else {
		if f.Title == "" {
			name := f.Originals["produk"]
			f.Title = messages.ShortName(&name, f.ID)
		}
		title = models.NewText("console_products.edit_title", models.Params{"name": f.Title})
	}
	return h.Site.Show(c, status, pages.Page{Template: "products/form", Title: f.Problems.PageTitle(title), Section: "products", Data: f})
}

// showInvalid redisplays the form with its errors, or returns err if that needs the error page. extra is another error to
// show, or nil.
func (h *Pages) showInvalid(c *fiber.Ctx, f productForm, err, extra error) error {
	fields := append(formFields(), request.FilesField)
	status, problems := h.Site.Problems(c, err, fields...)
	if problems == nil {
		return err
	}
	if extra != nil {
		if _, extraProblems := h.Site.Problems(c, extra, fields...); extraProblems != nil {
			problems.List = append(problems.List, extraProblems.List...)
		}
	}
	f.Problems = problems
	return h.show(c, status, f)
}
