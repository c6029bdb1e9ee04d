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
	"lifecycle-sync/web"
)

// productPage is what the template of a product's page sees.
type productPage struct {
	shownProduct

	Since       string // how long it has been in its stage, in words
	Files       []shownFile
	Transitions []shownTransition
	Transition  transitionForm
	Upload      uploadForm
}

// Show shows a product, its files, its latest transitions, and the forms for more of both. It is made for each
// request, since every form has a key of its own.
func (h *Pages) Show(c *fiber.Ctx) error {
	id, err := request.OnlyID(c)
	if err != nil {
		return err
	}
	var page productPage
	err = h.site.View(c, func(ctx context.Context, v cache.View) error {
		lists, err := products.Dropdowns(ctx, v)
		if err != nil {
			return err
		}
		product, _, err := products.Get(ctx, v, id)
		if err != nil {
			return err
		}
		files, err := attachments.List(ctx, v, id)
		if err != nil {
			return err
		}
		now := h.now()
		page = productPage{
			shownProduct: shownOn(now, lists)(product.ListedProduct), Since: since(product.StageStart, now),
			Files: shownFiles(files), Transitions: shownTransitions(product.History),
			Transition: newTransition(product.ListedProduct, lists, now), Upload: h.newUpload(product.ListedProduct),
		}
		return nil
	})
	if err != nil {
		return err
	}
	return h.site.Show(c, fiber.StatusOK, pages.Page{Template: "products/product", Title: page.Title, Section: "products", Data: page})
}

// since says how many days ago a date was on the day of now, "" when it was not.
func since(from *models.Date, now time.Time) string {
	if from == nil {
		return ""
	}
	switch days := wholeDays(models.NewDate(now.Date()).Time().Sub(from.Time())); {
	case days < 0:
		return ""
	case days == 0:
		return "since today"
	default:
		return "for " + web.Plural(days, "day", "days")
	}
}

func wholeDays(d time.Duration) int64 { return int64(d / (24 * time.Hour)) }

// shownFile is a file of a product.
type shownFile struct {
	models.ListedAttachment

	Kind string // as its name says
}

func shownFiles(files []models.ListedAttachment) (shown []shownFile) {
	for _, f := range files {
		kind := strings.ToUpper(strings.TrimPrefix(path.Ext(f.Name), "."))
		if kind == "" {
			kind = f.Type
		}
		shown = append(shown, shownFile{f, kind})
	}
	return shown
}

// shownTransition is a transition in a timeline, the newest first.
type shownTransition struct {
	models.ListedTransition

	From, To string // names of stages, "" for none
	After    string // how long after the one before it, in words
	Measured []pages.Value
}

func shownTransitions(history []models.ListedTransition) []shownTransition {
	shown := make([]shownTransition, len(history))
	for i, t := range history {
		shown[i] = shownTransition{
			ListedTransition: t,
			From:             pages.Named(t.PreviousStageName, t.PreviousStageID), To: pages.Named(t.StageName, t.StageID),
			Measured: pages.MetricValues(t.Metrics),
		}
		if i+1 < len(history) && t.ChangedAt != nil && history[i+1].ChangedAt != nil {
			shown[i].After = after(t.ChangedAt.Time().Sub(history[i+1].ChangedAt.Time()))
		}
	}
	return shown
}

func after(d time.Duration) string {
	if days := wholeDays(d); days > 0 {
		return web.Plural(days, "day", "days") + " after the one before"
	}
	return "less than a day after the one before"
}
