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

	"lifecycle-sync/handlers"
	"lifecycle-sync/handlers/pages"
	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
	"lifecycle-sync/services/attachments"
	"lifecycle-sync/services/cache"
	"lifecycle-sync/services/export"
	"lifecycle-sync/services/imports"
	"lifecycle-sync/services/products"
	"lifecycle-sync/services/stages"
	"lifecycle-sync/services/views"
	"lifecycle-sync/web/messages"
)

// Pages are the handlers.
type Pages struct {
	Site      *pages.Site
	Checker   request.Checker
	Products  *products.Writer
	Histories *stages.Writer
	Files     *attachments.Files
	Exports   *export.Exports
	Imports   *imports.Service
	Limits    request.FormLimits
	Views     *views.Writer
	Now       func() time.Time // in the configured time zone
}

// productPage is the data of a product's page.
type productPage struct {
	product

	TimeInStage models.Text // since its stage start
	Files       []file
	Moves       []move
	Move        moveForm
	Upload      uploadForm
}

// Show shows a product, its files and latest moves, and the forms for adding files and moving it. It is not cached, because
// each form has its own idempotency key.
func (h *Pages) Show(c *fiber.Ctx) error {
	id, err := request.ID(c)
	if err != nil {
		return err
	}
	format := handlers.PrinterOf(c).Format
	page, err := pages.Read(h.Site, c, func(ctx context.Context, v cache.View) (page productPage, err error) {
		lists, err := products.Dropdowns(ctx, v)
		if err != nil {
			return page, err
		}
		p, err := products.Get(ctx, v, id)
		if err != nil {
			return page, err
		}
		files, err := attachments.List(ctx, v, id)
		return productPage{
			product: h.viewer(format, lists).product(p.ListedProduct), TimeInStage: timeInStage(p.StageStart, h.Now()), Files: filesOf(files), Moves: movesOf(p.History),
			Move: h.newMoveForm(p.ListedProduct, lists), Upload: h.newUploadForm(p.ListedProduct),
		}, err
	})
	if err != nil {
		return err
	}
	name := models.NewText("console_products.product_title", models.Params{"name": page.Title})
	return h.Site.Show(c, fiber.StatusOK, pages.Page{Template: "products/product", Title: name, Section: "products", Data: page})
}

// timeInStage returns the number of days from start to now as a text; the zero Text for a date in the future.
func timeInStage(start *models.Date, now time.Time) models.Text {
	if start == nil {
		return models.Text{}
	}
	switch n := days(models.NewDate(now.Date()).Time().Sub(start.Time())); {
	case n < 0:
		return models.Text{}
	case n == 0:
		return models.NewText("console_products.since_today", nil)
	default:
		return models.NewText("console_products.for_days", models.Params{"count": n})
	}
}

// file is a file of a product. Kind is its extension, otherwise its media type.
type file struct {
	models.Attachment

	Kind string
}

func filesOf(files []models.Attachment) (list []file) {
	for _, f := range files {
		kind := strings.ToUpper(strings.TrimPrefix(path.Ext(f.Name), "."))
		if kind == "" {
			kind = f.Type
		}
		f.Path = request.AttachmentPath(f.ProductID, f.ID)
		list = append(list, file{f, kind})
	}
	return list
}

// move is an entry of the timeline.
type move struct {
	pages.Move

	Elapsed models.Text // time since the previous entry
}

func movesOf(history []models.ListedRecord) []move {
	moves := make([]move, len(history))
	for i, t := range history {
		moves[i].Move = pages.NewMove(t)
		if i+1 < len(history) && t.ChangedAt != nil && history[i+1].ChangedAt != nil {
			moves[i].Elapsed = models.NewText("console_products.days_later", models.Params{"count": days(t.ChangedAt.Time().Sub(history[i+1].ChangedAt.Time()))})
		}
	}
	return moves
}

// product is a product formatted for display.
type product struct {
	models.ListedProduct

	Title     string // its name, otherwise its id
	StageName string // its stage, "" for none
	Overdue   bool   // its planned stage end has passed, and it is not in the last stage

	facts                []fact
	createdAt, updatedAt string
}

// fact is a product field with its value formatted for display, "" for none.
type fact struct {
	models.ProductField

	Value  string
	Note   models.Text // about the value, such as "5 days left"
	IsLate bool
}

// IsNumber reports whether the value is right-aligned.
func (f fact) IsNumber() bool { return f.Kind == models.FieldNumber }

// IsText reports whether the value may be long.
func (f fact) IsText() bool { return f.Kind == models.FieldText || f.Kind == models.FieldTextarea }

// Facts returns the fields in the details of the product's page; it shows the others elsewhere.
func (p product) Facts() []fact {
	return slices.DeleteFunc(slices.Clone(p.facts), func(f fact) bool {
		return f.Column == "produk" || f.Column == "id_stage" || f.Kind == models.FieldTextarea
	})
}

// ListFacts returns the fields that lists show besides name and stage.
func (p product) ListFacts() []fact {
	return slices.DeleteFunc(p.Facts(), func(f fact) bool { return f.Column == "tanggal_stage_start" })
}

// viewer formats products for display.
type viewer struct {
	format    *messages.Format
	choices   choices
	today     models.Date
	lastStage int64 // id of the last stage
}

// viewer returns a viewer with the format of a language, the names in lists and the current date.
func (h *Pages) viewer(format *messages.Format, lists products.DropdownLists) viewer {
	return viewer{format, pages.Choices(lists), models.NewDate(h.Now().Date()), lists.LastStage()}
}

func (v viewer) product(p models.ListedProduct) product {
	out := product{
		ListedProduct: p,
		Title:         title(p),
		StageName:     pages.NameOf(p.Stage, p.StageID),
		Overdue:       p.StageEnd != nil && p.StageEnd.Time().Before(v.today.Time()) && (p.StageID == nil || *p.StageID != v.lastStage),
	}
	if v.format != nil {
		out.createdAt, out.updatedAt = v.format.Time(p.CreatedAt), v.format.Time(p.UpdatedAt)
	}
	for _, f := range models.ProductFields() {
		shown := fact{ProductField: f, Value: v.value(f, f.Text(&p.Product))}
		if f.Column == "tanggal_stage_end" {
			shown.Note, shown.IsLate = v.daysLeft(p), out.Overdue
		}
		out.facts = append(out.facts, shown)
	}
	return out
}

// daysLeft returns how long a product may stay in its stage, or that it is overdue; the zero Text in the last stage.
func (v viewer) daysLeft(p models.ListedProduct) models.Text {
	if p.StageEnd == nil || p.StageID != nil && *p.StageID == v.lastStage {
		return models.Text{}
	}
	switch n := days(p.StageEnd.Time().Sub(v.today.Time())); {
	case n < 0:
		return models.NewText("console.overdue", nil)
	case n == 0:
		return models.NewText("console_products.due_today", nil)
	default:
		return models.NewText("console_products.days_left", models.Params{"count": n})
	}
}

// value formats the text of a field for display.
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

func title(p models.ListedProduct) string { return messages.ShortName(p.Name, p.ID) }

func address(id int64) string { return pages.ProductsPath + "/" + strconv.FormatInt(id, 10) }

// choices are the options of a product's selects by table.
type choices = map[string][]pages.Option

// missingLists returns the labels of required selects without options, which prevent the creation of products.
func missingLists(lists choices) (labels models.Texts) {
	for _, f := range models.ProductFields() {
		if f.Required && f.Choices != "" && len(lists[f.Choices]) == 0 {
			labels = append(labels, models.NewText(f.Label, nil))
		}
	}
	return labels
}

// nameOf returns the name of the option with a value, otherwise the value.
func nameOf(options []pages.Option, value string) string {
	if at := slices.IndexFunc(options, func(o pages.Option) bool { return o.Value == value }); at >= 0 {
		return options[at].Name
	}
	return value
}

// days returns the number of whole days in a duration.
func days(d time.Duration) int64 { return int64(d / (24 * time.Hour)) }
