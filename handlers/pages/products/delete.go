package products

import (
	"context"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers/pages"
	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
	"lifecycle-sync/services/cache"
	"lifecycle-sync/services/products"
	"lifecycle-sync/services/stages"
	"lifecycle-sync/web/messages"
)

// AskDelete asks whether a product is to be deleted, with what goes with it.
func (h *Pages) AskDelete(c *fiber.Ctx) error { return h.deletion().Ask(c) }

// Delete deletes a product with its stage history and files, in the row version that the person has seen.
func (h *Pages) Delete(c *fiber.Ctx) error { return h.deletion().Confirm(c) }

func (h *Pages) deletion() pages.Action[int64] {
	return pages.Action[int64]{
		Site: h.site, Section: "products", Versioned: true, Target: request.ID,
		Describe: func(c *fiber.Ctx, id int64, changed any) (pages.Confirmation, error) {
			current, _ := changed.(products.Current)
			return pages.Read(h.site, c, func(ctx context.Context, v cache.View) (pages.Confirmation, error) {
				return h.confirmDelete(ctx, v, id, current)
			})
		},
		Do: func(ctx context.Context, id int64, version string) (string, pages.Notice, error) {
			done, err := h.products.Delete(ctx, id, models.RowVersions{version})
			return pages.ProductsPath, pages.NoticeOf(pages.ProductDeleted, done), err
		},
	}
}

// confirmDelete describes a product as it is in the mirror, or as a write found it.
func (h *Pages) confirmDelete(ctx context.Context, v cache.View, id int64, current products.Current) (confirmation pages.Confirmation, err error) {
	lists, err := products.Dropdowns(ctx, v)
	if err != nil {
		return confirmation, err
	}
	history, err := stages.List(ctx, v, stages.Query{ProductID: id, Paging: models.Paging{Limit: 1}}, h.now().Location())
	if err != nil {
		return confirmation, err
	}
	if current.Version == "" {
		p, version, err := products.Get(ctx, v, id)
		if err != nil {
			return confirmation, err
		}
		current = products.Current{ListedProduct: p.ListedProduct, Version: version}
	}
	p := h.viewer(lists).product(current.ListedProduct)
	confirmation = pages.Confirmation{
		Heading: models.NewText("console_products.delete_title", models.Params{"name": p.Title}), Crumb: p.Title, Back: address(id), Version: current.Version,
		Text: models.NewText("console_products.delete_text", models.Params{
			"moves": models.NewText("console_products.stage_records", models.Params{"count": history.Pagination.TotalItems}),
			"files": models.NewText("console_products.file_count", models.Params{"count": p.AttachmentsCount}),
		}),
		Action: address(id) + "/delete", Button: models.NewText("console_products.delete_product", nil), Cancel: models.NewText("console.cancel", nil),
		Facts: []pages.Fact{{Label: messages.FieldLabel("id_stage"), Text: p.InStage}},
	}
	for _, f := range p.ListFacts() {
		confirmation.Facts = append(confirmation.Facts, pages.Fact{Label: messages.FieldLabel(f.Column), Text: f.Value})
	}
	updated := pages.Fact{Label: models.NewText("console_products.updated", nil), Text: h.site.Texts().Time(p.UpdatedAt)}
	confirmation.Facts = append(confirmation.Facts, updated)
	return confirmation, nil
}
