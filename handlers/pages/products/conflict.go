package products

import (
	"net/http"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers/pages"
	"lifecycle-sync/models"
	"lifecycle-sync/services/products"
)

// productConflict is what the template of a conflict sees: a product that has changed since the form was opened.
type productConflict struct {
	ID          int64
	Title       string
	Version     string // the current row version
	Differences []difference
	Same        []pages.Field // the other fields, hidden
}

// Who has changed a column since the form was opened.
const (
	byMe      = "mine"
	byThem    = "theirs"
	byBoth    = "both"
	byUnknown = "unknown" // the form does not say what it knew
)

// difference is a column that differs from what the person entered.
type difference struct {
	Name              string
	By                string
	Mine, Now         string // as a form has them
	MineText, NowText string // as people read them
	KeepNow           bool   // the current value fits into a form
}

// conflict shows the entries beside the current product, and lets the person choose. If both are the same, as when a
// form is sent twice, nothing is left to do.
func (h *Pages) conflict(c *fiber.Ctx, form productForm, current products.Current) error {
	page := productConflict{ID: form.ID, Title: title(current.ListedProduct), Version: current.Version}
	lists, err := h.site.Dropdowns(c)
	if err != nil {
		return err
	}
	entries, now, viewer := parsed(form.Values), textsOf(current.ListedProduct), h.viewer(lists)
	for _, f := range models.ProductFields() {
		mine, entered := entries[f.Column]
		if !entered {
			continue
		}
		theirs, fits := now[f.Column]
		if fits && normalized(f, theirs) == mine {
			page.Same = append(page.Same, pages.Field{Name: f.Column, Value: mine, Was: theirs})
			continue
		}
		page.Differences = append(page.Differences, difference{
			Name: f.Column, By: changedBy(form, f, mine, theirs), Mine: mine, Now: theirs, KeepNow: fits,
			MineText: viewer.value(f, mine), NowText: viewer.value(f, theirs),
		})
	}
	if len(page.Differences) == 0 {
		return pages.SeeOther(c, address(form.ID), pages.ProductChanged)
	}
	title := models.NewText("console_products.conflict_title", models.Params{"name": page.Title})
	return h.site.Show(c, http.StatusPreconditionFailed, pages.Page{Template: "products/conflict", Title: title, Section: "products", Data: page})
}

// changedBy says who has changed a column since the form was opened.
func changedBy(form productForm, f models.ProductField, mine, theirs string) string {
	was, known := form.Was[f.Column]
	switch {
	case !known:
		return byUnknown
	case was == mine:
		return byThem
	case was == normalized(f, theirs):
		return byMe
	default:
		return byBoth
	}
}
