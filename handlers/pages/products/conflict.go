package products

import (
	"context"
	"net/http"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers/pages"
	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
	"lifecycle-sync/services/cache"
	"lifecycle-sync/services/products"
	"lifecycle-sync/web"
)

// productConflict is what the template of a conflict sees: a product that somebody else has changed after the
// form for it was opened.
type productConflict struct {
	ID          int64
	Title       string
	Version     string // in which the product is now
	Differences []difference
	Same        []pages.Field // the other fields, hidden
}

// Who has changed a column after the form was opened.
const (
	byMe     = "mine"
	byThem   = "theirs"
	byBoth   = "both"
	someWhen = "unknown" // the form does not say what it knew
)

// difference is a column that is not what the person entered.
type difference struct {
	Name, Label       string
	By                string
	Mine, Now         string // as a form has them
	MineText, NowText string // in words
	KeepNow           bool   // what is now fits into a form
}

// conflict shows what the person entered beside what the product is now, and lets them choose. Where both are
// the same, as when a form is sent twice, nothing is left to do.
func (h *Pages) conflict(c *fiber.Ctx, f productForm, current products.Current) error {
	page := productConflict{ID: f.ID, Title: productTitle(current.ListedProduct), Version: current.Version}
	var lists choices
	err := h.site.View(c, func(ctx context.Context, v cache.View) error {
		read, err := products.Dropdowns(ctx, v)
		lists = choicesOf(read)
		return err
	})
	if err != nil {
		return err
	}
	entries, now, labels := asSent(f.Values), textsOf(current.ListedProduct), productLabels()
	for _, column := range request.ProductColumns() {
		mine, entered := entries[column]
		if !entered {
			continue
		}
		theirs, fits := now[column]
		if fits && asTyped(column, theirs) == mine {
			page.Same = append(page.Same, pages.Field{Name: column, Value: mine, Was: theirs})
			continue
		}
		page.Differences = append(page.Differences, difference{
			Name: column, Label: labels[column], By: changedBy(f, column, mine, theirs), Mine: mine, Now: theirs, KeepNow: fits,
			MineText: inList(lists, column, mine), NowText: inList(lists, column, theirs),
		})
	}
	if len(page.Differences) == 0 {
		return pages.SeeOther(c, productAddress(f.ID), "product-changed")
	}
	return h.site.Show(c, http.StatusPreconditionFailed, pages.Page{Template: "products/conflict", Title: "Conflict: " + page.Title, Section: "products", Data: page})
}

// changedBy is who has changed a column since the form was opened.
func changedBy(f productForm, column, mine, theirs string) string {
	was, known := f.Was[column]
	switch {
	case !known:
		return someWhen
	case was == mine:
		return byThem
	case was == asTyped(column, theirs):
		return byMe
	default:
		return byBoth
	}
}

// inList is a column's text as people read it.
func inList(lists choices, column, text string) string {
	switch column {
	case "id_stage":
		return chosen(lists.Stages, text)
	case "id_segmen":
		return chosen(lists.Segments, text)
	case "id_kategori":
		return chosen(lists.Categories, text)
	case "harga":
		if n, err := models.ParseRupiah(text); err == nil {
			return web.Rupiah(&n)
		}
	case "tanggal_launch", "tanggal_stage_start", "tanggal_stage_end":
		if day, err := models.ParseDate(text); err == nil {
			return web.Day(&day)
		}
	}
	return text
}
