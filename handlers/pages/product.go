package pages

import (
	"context"
	"path"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
	"lifecycle-sync/services"
)

// productPage is what the template of a product's page sees.
type productPage struct {
	shownProduct

	Days        *int64 // in its stage, until today
	Files       []shownFile
	Transitions []shownTransition
	Transition  transitionForm
	Upload      uploadForm
}

// Show shows a product, its files, its latest transitions, and the forms for more of both.
func (h *ProductForms) Show(c *fiber.Ctx) error {
	id, err := request.ID(c)
	if err != nil {
		return err
	}
	if err := request.ParseQuery(c).Err(); err != nil {
		return err
	}
	return h.site.Read(c, Page{Template: "products/product", Section: "products"}, func(ctx context.Context, v *services.View) (string, any, error) {
		lists, err := services.Dropdowns(ctx, v)
		if err != nil {
			return "", nil, err
		}
		product, _, err := services.Product(ctx, v, id)
		if err != nil {
			return "", nil, err
		}
		files, err := services.ListFiles(ctx, v, id)
		if err != nil {
			return "", nil, err
		}
		now := h.now()
		page := productPage{
			shownProduct: shownOn(now, lists)(product.ListedProduct), Days: daysUntil(product.StageStart, now),
			Files: shownFiles(files), Transitions: shownTransitions(product.History),
			Transition: newTransition(product.ListedProduct, lists, now), Upload: h.newUpload(product.ListedProduct),
		}
		return page.Title, page, nil
	})
}

// daysUntil is how many days ago a date was on the day of now, nil when it was not.
func daysUntil(from *models.Date, now time.Time) *int64 {
	if from == nil {
		return nil
	}
	days := int64(models.NewDate(now.Date()).Time().Sub(from.Time()) / (24 * time.Hour))
	if days < 0 {
		return nil
	}
	return &days
}

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
	Days     *int64 // since the one before it
	Measured []metric
}

func shownTransitions(history []models.ListedTransition) []shownTransition {
	shown := make([]shownTransition, len(history))
	for i, t := range history {
		shown[i] = shownTransition{
			ListedTransition: t,
			From:             named(t.PreviousStageName, "Stage", t.PreviousStageID), To: named(t.StageName, "Stage", t.StageID),
			Measured: metricsOf(t.Metrics),
		}
		if i+1 < len(history) && t.ChangedAt != nil && history[i+1].ChangedAt != nil {
			days := int64(t.ChangedAt.Time().Sub(history[i+1].ChangedAt.Time()) / (24 * time.Hour))
			shown[i].Days = &days
		}
	}
	return shown
}
