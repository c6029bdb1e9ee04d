// Package products has the console's pages of products: the list, a product with its files and stages, and the forms
// that create, change, move and delete them.
package products

import (
	"context"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers/pages"
	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
	"lifecycle-sync/services/attachments"
	"lifecycle-sync/services/cache"
	"lifecycle-sync/services/products"
	"lifecycle-sync/services/stages"
	"lifecycle-sync/web/messages"
)

// Pages are the handlers.
type Pages struct {
	site     *pages.Site
	products *products.Writer
	stages   *stages.Writer
	files    *attachments.Files
	uploads  request.Uploads
	limits   request.FormLimits
	rules    *fileRules
	checker  request.Checker
	now      func() time.Time
}

// Options are what the pages need.
type Options struct {
	Products  *products.Writer
	Histories *stages.Writer
	Files     *attachments.Files
	Uploads   request.Uploads
	Limits    request.FormLimits
	FileBytes int64            // in a file
	Now       func() time.Time // in the time zone whose days count, and in which people write times
}

// New returns the handlers.
func New(site *pages.Site, o Options) *Pages {
	return &Pages{
		site: site, products: o.Products, stages: o.Histories, files: o.Files, uploads: o.Uploads,
		limits: o.Limits, rules: rulesOf(o), checker: request.NewChecker(), now: o.Now,
	}
}

// productPage is what the template of a product's page sees.
type productPage struct {
	product

	Since  models.Text // how long it has been in its stage
	Files  []file
	Moves  []move
	Move   moveForm
	Upload uploadForm
}

// Show shows a product, its files, its latest stages, and forms for more of both. It is not cached, because every form
// has its own key.
func (h *Pages) Show(c *fiber.Ctx) error {
	id, err := request.OnlyID(c)
	if err != nil {
		return err
	}
	page, err := pages.Read(h.site, c, func(ctx context.Context, v cache.View) (page productPage, err error) {
		lists, err := products.Dropdowns(ctx, v)
		if err != nil {
			return page, err
		}
		p, _, err := products.Get(ctx, v, id)
		if err != nil {
			return page, err
		}
		files, err := attachments.List(ctx, v, id)
		return productPage{
			product: h.viewer(lists).product(p.ListedProduct), Since: since(p.StageStart, h.now()), Files: filesOf(files), Moves: movesOf(p.History),
			Move: newMove(p.ListedProduct, lists, h.now()), Upload: h.newUpload(p.ListedProduct),
		}, err
	})
	if err != nil {
		return err
	}
	name := models.NewText("console_products.product_title", models.Params{"name": page.Title})
	return h.site.Show(c, fiber.StatusOK, pages.Page{Template: "products/product", Title: name, Section: "products", Data: page})
}

// since says for how many days a date has passed on the day of now, nothing for a date in the future.
func since(from *models.Date, now time.Time) models.Text {
	if from == nil {
		return models.Text{}
	}
	switch n := days(models.NewDate(now.Date()).Time().Sub(from.Time())); {
	case n < 0:
		return models.Text{}
	case n == 0:
		return models.NewText("console_products.since_today", nil)
	default:
		return models.NewText("console_products.for_days", models.Params{"count": n})
	}
}

// file is a file of a product. Kind is its extension, or its type.
type file struct {
	models.ListedAttachment

	Kind string
}

func filesOf(files []models.ListedAttachment) (shown []file) {
	for _, f := range files {
		kind := strings.ToUpper(strings.TrimPrefix(path.Ext(f.Name), "."))
		if kind == "" {
			kind = f.Type
		}
		f.Path = request.AttachmentPath(f.ProductID, f.ID)
		shown = append(shown, file{f, kind})
	}
	return shown
}

// move is an entry of the timeline, the newest first.
type move struct {
	pages.StageRecord

	After models.Text // how long after the entry before it
}

func movesOf(history []models.ListedRecord) []move {
	shown := make([]move, len(history))
	for i, t := range history {
		shown[i].StageRecord = pages.NewStageRecord(t)
		if i+1 < len(history) && t.ChangedAt != nil && history[i+1].ChangedAt != nil {
			shown[i].After = models.NewText("console_products.days_later", models.Params{"count": days(t.ChangedAt.Time().Sub(history[i+1].ChangedAt.Time()))})
		}
	}
	return shown
}

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
