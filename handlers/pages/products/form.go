package products

import (
	"context"
	"maps"
	"regexp"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers/pages"
	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
	"lifecycle-sync/services/cache"
	"lifecycle-sync/services/products"
	"lifecycle-sync/web"
)

// Beside a product's columns a form has fields for what it knew when it was opened, and for what was decided
// after somebody else had changed the product meanwhile.
const (
	WasPrefix    = "was_"  // the value of a column when the form was opened
	takePrefix   = "take_" // mine or theirs
	VersionField = "version"
	goField      = "go" // edit: back to the form with what was decided, instead of saving it
)

// longestDescription is how many bytes a description may have to be changed in a form. A longer one, which
// lifecycle_db may hold, is left as it is.
const longestDescription = 60_000

// productForm is what the template of the form for a product sees. Texts are by column.
type productForm struct {
	ID       int64  // 0 of one that is to be created
	Title    string // of the product
	Values   map[string]string
	Was      map[string]string // of a product that is there: what the form knew of it; a column without is not in the form
	Version  string            // in which the product was then
	Key      string            // of one that is to be created
	Problems *pages.Problems
	Files    *fileRules // where files can come with it
	Lost     bool       // files were chosen, or may have been, and must be chosen again
	Missing  string     // what lifecycle_db has none of, and a new product needs, in words

	choices choices
}

// IsNew reports whether the product is to be created.
func (f productForm) IsNew() bool { return f.ID == 0 }

// FilesError is what is wrong with the files.
func (f productForm) FilesError() string { return f.Problems.At(request.FilesField) }

// productLabels are the names of the form's fields for people, by column.
func productLabels() map[string]string {
	return map[string]string{
		"produk": "Name", "deskripsi": "Description", "id_kategori": "Category", "id_segmen": "Segment", "id_stage": "Stage",
		"harga": "Price", "tanggal_launch": "Launch date", "pelanggan": "Customer",
		"tanggal_stage_start": "Stage start", "tanggal_stage_end": "Stage end", request.FilesField: "Files",
	}
}

// Fields are the form's fields in order, each with its value and what is wrong with it.
func (f productForm) Fields() []pages.Field {
	stageHint := ""
	if !f.IsNew() {
		stageHint = "Another stage is recorded as a transition of now. For notes or another time, record it on the product's page."
	}
	all := []pages.Field{
		{Name: "produk", Kind: "text", Required: true, Wide: true, Longest: 255},
		{Name: "deskripsi", Kind: "textarea", Wide: true, Longest: 65536},
		{Name: "id_segmen", Kind: "select", Required: true, Options: f.choices.Segments, Blank: "Choose a segment"},
		{Name: "id_stage", Kind: "select", Required: true, Options: f.choices.Stages, Blank: "Choose a stage", Hint: stageHint},
		{Name: "id_kategori", Kind: "select", Required: true, Options: f.choices.Categories, Blank: "Choose a category"},
		{Name: "pelanggan", Kind: "text", Longest: 255},
		{Name: "harga", Kind: "number", Hint: "Whole rupiah, such as 1250000 or 1.250.000"},
		{Name: "tanggal_launch", Kind: "date"},
		{Name: "tanggal_stage_start", Kind: "date"},
		{Name: "tanggal_stage_end", Kind: "date", Hint: "When the product should have left its stage"},
	}
	shown, labels := all[:0], productLabels()
	for _, one := range all {
		was, known := f.Was[one.Name]
		value, has := f.Values[one.Name]
		if !f.IsNew() && !known && !has {
			continue
		}
		one.Label, one.Value, one.Was, one.KeepWas, one.Error = labels[one.Name], value, was, known, f.Problems.At(one.Name)
		one.Required = one.Required && (f.IsNew() || was != "") // lifecycle_db may have left it out, and nobody need mend that now
		shown = append(shown, one)
	}
	return shown
}

// TooLong reports whether the description is left as it is because of its length.
func (f productForm) TooLong() bool {
	_, known := f.Was["deskripsi"]
	_, has := f.Values["deskripsi"]
	return !f.IsNew() && !known && !has
}

// textsOf are a product's columns as a form has them, without a description that is too long for one.
func textsOf(p models.ListedProduct) map[string]string {
	texts := map[string]string{
		"produk": pages.Deref(p.Name), "deskripsi": pages.Deref(p.Description), "pelanggan": pages.Deref(p.Customer),
		"id_kategori": wholeText(p.CategoryID), "id_segmen": wholeText(p.SegmentID), "id_stage": wholeText(p.StageID), "harga": wholeText(p.Price),
		"tanggal_launch": dateText(p.LaunchDate), "tanggal_stage_start": dateText(p.StageStart), "tanggal_stage_end": dateText(p.StageEnd),
	}
	if len(texts["deskripsi"]) > longestDescription {
		delete(texts, "deskripsi")
	}
	return texts
}

func wholeText(n *int64) string {
	if n == nil {
		return ""
	}
	return strconv.FormatInt(*n, 10)
}

func dateText(d *models.Date) string {
	if d == nil {
		return ""
	}
	return d.String()
}

// formColumns are the names of all fields that a product's form may send.
func formColumns() []string {
	names := []string{request.KeyField, pages.VersionField, goField}
	for _, column := range request.ProductColumns() {
		names = append(names, column, pages.WasPrefix+column, takePrefix+column)
	}
	return names
}

// sentForm is the form that was sent for a product, 0 for one that is to be created. Where it was decided to
// take what somebody else has made of a column, that stands in it.
func sentForm(id int64, fields map[string]string) productForm {
	f := productForm{ID: id, Values: map[string]string{}, Was: map[string]string{}, Version: fields[pages.VersionField], Key: fields[request.KeyField]}
	for _, column := range request.ProductColumns() {
		value, sent := fields[column]
		was, known := fields[pages.WasPrefix+column]
		if known {
			f.Was[column] = asTyped(column, was)
		}
		switch {
		case fields[takePrefix+column] == "theirs" && known:
			f.Values[column] = f.Was[column]
		case fields[takePrefix+column] != "theirs" && sent:
			f.Values[column] = asTyped(column, value)
		}
	}
	return f
}

// asTyped is a text as the person meant it who typed it: browsers send lines with a carriage return, and none
// in a field of one line.
func asTyped(column, text string) string {
	if column == "deskripsi" {
		return pages.UnixLines(text)
	}
	return strings.NewReplacer("\r", "", "\n", "").Replace(text)
}

// changed are the columns in which the form differs from what it knew when it was opened, as the API
// takes them. So what nobody touched is not judged, and not written.
func (f productForm) changed() map[string]string {
	changed := map[string]string{}
	for column, value := range f.Values {
		if was, known := f.Was[column]; !known || was != value {
			changed[column] = value
		}
	}
	return asSent(changed)
}

// groupedRupiah is a price as people write it: Rp. 1.250.000, 1250000,00, 5000,-, and also 1250000.00.
var groupedRupiah = regexp.MustCompile(`^(?i:(?:rp|idr)\.?)?[\s\x{a0}]*(?:([0-9]{1,3}(?:\.[0-9]{3})+|[0-9]+)(?:,(?:00?|[-–]+))?|([0-9]+)\.00?)$`)

// unclear stands for a price that the API would read otherwise than it is meant: 1250.000 is no 1250.
const unclear = "unclear"

// asSent are texts as the API takes them: people write a price with full stops between the thousands.
func asSent(values map[string]string) map[string]string {
	sent := maps.Clone(values)
	if price, has := sent["harga"]; has {
		price = strings.TrimSpace(price)
		if parts := groupedRupiah.FindStringSubmatch(price); parts != nil {
			price = strings.ReplaceAll(parts[1]+parts[2], ".", "")
		} else if strings.Contains(price, ".") {
			price = unclear
		}
		sent["harga"] = price
	}
	return sent
}

// show answers with the form, for which it reads what can be chosen.
func (h *Pages) show(c *fiber.Ctx, status int, f productForm) error {
	err := h.site.View(c, func(ctx context.Context, v cache.View) error {
		lists, err := products.Dropdowns(ctx, v)
		if f.choices = choicesOf(lists); err == nil && f.IsNew() {
			f.Missing = strings.Join(f.choices.missing(), " and no ")
		}
		return err
	})
	if err != nil && f.Problems == nil {
		return err // else the form is shown without the lists: it says already what is wrong, and keeps what was entered
	}
	title := "New product"
	if f.IsNew() {
		f.Files = h.rules
	} else {
		if f.Title == "" {
			f.Title = web.Named(new(f.Was["produk"]), f.ID)
		}
		title = "Edit " + f.Title
	}
	return h.site.Show(c, status, pages.Page{Template: "products/form", Title: f.Problems.Titled(title), Section: "products", Data: f})
}

// again answers with the form and what is wrong with it, or with err where the form would be no help. further
// errors, which may be nil, are told with it.
func (h *Pages) again(c *fiber.Ctx, f productForm, err error, further ...error) error {
	status, found := h.site.Problems(c, err, productLabels())
	if found == nil {
		return err
	}
	for _, other := range further {
		if other == nil {
			continue
		}
		if _, more := h.site.Problems(c, other, productLabels()); more != nil {
			found.List = append(found.List, more.List...)
		}
	}
	f.Problems = found
	return h.show(c, status, f)
}
