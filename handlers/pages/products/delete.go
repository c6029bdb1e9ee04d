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
	"lifecycle-sync/services/stages"
)

// doomed is a product that may be deleted, as the template that asks for it sees it.
type doomed struct {
	shownProduct

	Transitions int64  // that go with it
	Version     string // the only one that is deleted
	Changed     bool   // it was asked for another state
}

// AskDelete asks whether a product is really to be deleted, and says what goes with it.
func (h *Pages) AskDelete(c *fiber.Ctx) error {
	id, err := request.OnlyID(c)
	if err != nil {
		return err
	}
	return h.askDelete(c, http.StatusOK, id, nil)
}

// askDelete asks about a product as it is in the mirror, or as somebody has just made it.
func (h *Pages) askDelete(c *fiber.Ctx, status int, id int64, current *products.Current) error {
	var shown doomed
	err := h.site.View(c, func(ctx context.Context, v cache.View) error {
		lists, err := products.Dropdowns(ctx, v)
		if err != nil {
			return err
		}
		history, err := stages.List(ctx, v, stages.Query{ProductID: id, Paging: models.Paging{Limit: 1}}, h.now().Location())
		if err != nil {
			return err
		}
		show := shownOn(h.now(), lists)
		if shown.Transitions = history.Pagination.TotalItems; current != nil {
			transitions := shown.Transitions
			shown = doomed{shownProduct: show(current.ListedProduct), Transitions: transitions, Version: current.Version, Changed: true}
			return nil
		}
		product, tag, err := products.Get(ctx, v, id)
		shown.shownProduct, shown.Version = show(product.ListedProduct), tag
		return err
	})
	if err != nil {
		return err
	}
	return h.site.Show(c, status, pages.Page{Template: "products/delete", Title: "Delete " + shown.Title, Section: "products", Data: shown})
}

// Delete deletes a product with its stage history and files, in the state that the person has seen.
func (h *Pages) Delete(c *fiber.Ctx) error {
	id, err := request.ID(c)
	if err != nil {
		return err
	}
	fields, err := request.ReadPlainForm(c, pages.VersionField)
	if err != nil {
		return err
	}
	if fields[pages.VersionField] == "" {
		return request.Invalid(pages.VersionField, "required", "request.no_version", nil)
	}
	done, err := h.products.Delete(c.UserContext(), id, models.RowVersions{fields[pages.VersionField]})
	if current, changed := meanwhile(err); changed {
		return h.askDelete(c, http.StatusPreconditionFailed, id, &current)
	}
	if err != nil {
		return err
	}
	return pages.SeeOther(c, "/products", pages.NoticeOf("product-deleted", done))
}
