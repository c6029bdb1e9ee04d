// Package products has the console's pages of products: the list, a product with its files and stages, and the forms
// that create, change, move and delete them.
package products

import (
	"context"
	"path"
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
