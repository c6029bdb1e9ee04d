package products

import (
	"cmp"
	"context"
	"net/http"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers"
	"lifecycle-sync/handlers/pages"
	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
	"lifecycle-sync/services/cache"
	"lifecycle-sync/services/outbox"
	"lifecycle-sync/services/products"
	"lifecycle-sync/services/stages"
	"lifecycle-sync/web/messages"
)

// New shows the form for a new product.
func (h *Pages) New(c *fiber.Ctx) error {
	return h.show(c, fiber.StatusOK, productForm{Key: pages.NewKey()})
}

// Create creates a product with its files. Submitting the form twice creates one product.
func (h *Pages) Create(c *fiber.Ctx) error {
	form, err := request.ReadForm(c, h.Limits, h.Files, formFields()...)
	f := submittedForm(0, form.Fields)
	f.FilesLost = err != nil || len(form.Files) > 0
	if err != nil {
		f.Key = cmp.Or(f.Key, pages.NewKey()) // the form may be incomplete
		_, fieldErr := h.Checker.Product(normalizePrices(f.Values), false)
		return h.showInvalid(c, f, err, fieldErr)
	}
	key, in, err := h.newProduct(c, f)
	if err != nil {
		h.Files.Discard(c.UserContext(), form.Files)
		return h.showInvalid(c, f, err, nil)
	}
	result, err := h.Products.Create(c.UserContext(), in, outbox.Request{Key: key, Fingerprint: outbox.Fingerprint(in, form.Files), Files: form.Files})
	if err != nil {
		f.Key, err = pages.RenewKey(f.Key, err)
		return h.showInvalid(c, f, err, nil)
	}
	if !result.MirrorUpToDate { // the mirror does not have the product yet
		return pages.SeeOther(c, pages.ProductsPath, pages.NoticeOf(pages.ProductCreated, result))
	}
	return pages.SeeOther(c, address(result.RowID), pages.ProductCreated)
}

// newProduct parses the form of a new product. Errors: validation_failed.
func (h *Pages) newProduct(c *fiber.Ctx, f productForm) (*outbox.Key, products.Input, error) {
	in, err := h.Checker.Product(normalizePrices(f.Values), true)
	if err != nil {
		return nil, in, err
	}
	key, err := request.FormKey(c, f.Key)
	return key, in, err
}

// Edit shows the form for editing a product.
func (h *Pages) Edit(c *fiber.Ctx) error {
	id, err := request.ID(c)
	if err != nil {
		return err
	}
	f, err := pages.Read(h.Site, c, func(ctx context.Context, v cache.View) (productForm, error) {
		p, err := products.Get(ctx, v, id)
		texts := textsOf(p.ListedProduct)
		return productForm{Form: pages.Form{Values: texts, Originals: texts}, ID: id, Title: title(p.ListedProduct), Version: p.Version}, err
	})
	if err != nil {
		return err
	}
	return h.show(c, fiber.StatusOK, f)
}

// Update writes the columns that the user changed. If the product has changed since the form was opened, it writes nothing
// and shows both versions.
func (h *Pages) Update(c *fiber.Ctx) error {
	id, err := request.ID(c)
	if err != nil {
		return err
	}
	form, err := request.ReadForm(c, request.FormLimits{Bytes: h.Limits.Bytes}, h.Files, formFields()...)
	f := submittedForm(id, form.Fields)
	switch {
	case err != nil:
		return h.showInvalid(c, f, err, nil)
	case form.Fields[actionField] == "edit":
		return h.show(c, fiber.StatusOK, f)
	case f.Version == "":
		return request.Invalid(pages.VersionField, "required", "request.no_version", nil)
	}
	values := normalizePrices(f.ChangedValues())
	if len(values) == 0 {
		return pages.SeeOther(c, address(id), pages.ProductUnchanged)
	}
	in, err := h.Checker.Product(values, false)
	if err != nil {
		return h.showInvalid(c, f, err, nil)
	}
	result, err := h.Products.Update(c.UserContext(), id, in, models.RowVersions{f.Version}, outbox.Request{})
	if current, ok := pages.CurrentRow[products.Current](err); ok {
		return h.showConflict(c, f, current)
	}
	if pages.IsClass(err, models.NotFound) {
		f.Problems = &pages.Problems{Heading: models.NewText("console.not_saved", nil), List: []pages.Problem{{Text: models.NewText("console_products.deleted", nil)}}}
		return h.show(c, http.StatusNotFound, f)
	}
	if err != nil {
		return h.showInvalid(c, f, err, nil)
	}
	return pages.SeeOther(c, address(id), pages.NoticeOf(pages.ProductChanged, result))
}

// productConflict is the data of the conflict page: a product that has changed since the form was opened.
type productConflict struct {
	ID          int64
	Title       string
	Version     string // the current row version
	Differences []difference
	Unchanged   []pages.Field // fields without a difference, hidden
}

// Values of difference.ChangedBy.
const (
	byMe      = "mine"
	byOther   = "theirs"
	byBoth    = "both"
	byUnknown = "unknown" // the form has no original value
)

// difference is a column whose current value differs from the user's entry.
type difference struct {
	Name                  string
	ChangedBy             string
	Mine, Current         string // form values
	MineText, CurrentText string // formatted for display
	CurrentIsEditable     bool   // the current value is short enough for a form
}

// showConflict shows the entries next to the current product for the user to choose. If there is no difference, as when a
// form is submitted twice, it redirects to the product.
func (h *Pages) showConflict(c *fiber.Ctx, form productForm, current products.Current) error {
	page := productConflict{ID: form.ID, Title: title(current.ListedProduct), Version: current.Version}
	viewer, err := pages.Read(h.Site, c, func(ctx context.Context, v cache.View) (viewer, error) {
		lists, err := products.Dropdowns(ctx, v)
		return h.viewer(handlers.PrinterOf(c).Format, lists), err
	})
	if err != nil {
		return err
	}
	entries, currentTexts := normalizePrices(form.Values), textsOf(current.ListedProduct)
	for _, f := range models.ProductFields() {
		mine, ok := entries[f.Column]
		if !ok {
			continue
		}
		theirs, isEditable := currentTexts[f.Column]
		if isEditable && normalizeLines(f.Column, theirs) == mine {
			page.Unchanged = append(page.Unchanged, pages.Field{Name: f.Column, Value: mine, Original: theirs})
			continue
		}
		page.Differences = append(page.Differences, difference{
			Name: f.Column, ChangedBy: changedBy(form, f, mine, theirs), Mine: mine, Current: theirs, CurrentIsEditable: isEditable,
			MineText: viewer.value(f, mine), CurrentText: viewer.value(f, theirs),
		})
	}
	if len(page.Differences) == 0 {
		return pages.SeeOther(c, address(form.ID), pages.ProductChanged)
	}
	title := models.NewText("console_products.conflict_title", models.Params{"name": page.Title})
	return h.Site.Show(c, http.StatusPreconditionFailed, pages.Page{Template: "products/conflict", Title: title, Section: "products", Data: page})
}

// changedBy returns who changed a column since the form was opened.
func changedBy(form productForm, f models.ProductField, mine, theirs string) string {
	original, ok := form.Originals[f.Column]
	switch {
	case !ok:
		return byUnknown
	case original == mine:
		return byOther
	case original == normalizeLines(f.Column, theirs):
		return byMe
	default:
		return byBoth
	}
}

// Delete asks for confirmation, then deletes a product with its stage history and files, if it still has the confirmed
// row version.
func (h *Pages) Delete(c *fiber.Ctx) error {
	return pages.Action[int64]{
		Site: h.Site, Section: "products", UsesRowVersion: true, Target: request.ID,
		Describe: func(c *fiber.Ctx, id int64, current any) (pages.Confirmation, error) {
			row, _ := current.(products.Current)
			return pages.Read(h.Site, c, func(ctx context.Context, v cache.View) (pages.Confirmation, error) {
				return h.confirmDelete(ctx, v, handlers.PrinterOf(c).Format, id, row)
			})
		},
		Do: func(ctx context.Context, id int64, version string) (string, pages.Notice, error) {
			result, err := h.Products.Delete(ctx, id, models.RowVersions{version})
			return pages.ProductsPath, pages.NoticeOf(pages.ProductDeleted, result), err
		},
	}.Handle(c)
}

// confirmDelete describes a product: current, or the one in the mirror if current is empty.
func (h *Pages) confirmDelete(ctx context.Context, v cache.View, format *messages.Format, id int64, current products.Current) (confirmation pages.Confirmation, err error) {
	lists, err := products.Dropdowns(ctx, v)
	if err != nil {
		return confirmation, err
	}
	history, err := stages.List(ctx, v, stages.Query{ProductID: id, Paging: models.Paging{Limit: 1}}, h.Now().Location())
	if err != nil {
		return confirmation, err
	}
	if current.Version == "" {
		p, err := products.Get(ctx, v, id)
		if err != nil {
			return confirmation, err
		}
		current.ListedProduct = p.ListedProduct
	}
	p := h.viewer(format, lists).product(current.ListedProduct)
	confirmation = pages.Confirmation{
		Heading: models.NewText("console_products.delete_title", models.Params{"name": p.Title}), Crumb: p.Title, Back: address(id), Version: current.Version,
		Text: models.NewText("console_products.delete_text", models.Params{
			"moves":     models.NewText("console_products.stage_records", models.Params{"count": history.Pagination.TotalItems}),
			"files":     models.NewText("console_products.file_count", models.Params{"count": p.AttachmentsCount}),
			"retention": h.Site.Retention(),
		}),
		Action: address(id) + "/delete", Button: models.NewText("console_products.delete_product", nil), Cancel: models.NewText("console.cancel", nil),
		Facts: []pages.Fact{{Label: messages.FieldLabel("id_stage"), Text: p.StageName}},
	}
	for _, f := range p.ListFacts() {
		confirmation.Facts = append(confirmation.Facts, pages.Fact{Label: messages.FieldLabel(f.Column), Text: f.Value})
	}
	updateFact := pages.Fact{Label: models.NewText("console_products.updated", nil), Text: format.Time(p.UpdatedAt)}
	confirmation.Facts = append(confirmation.Facts, updateFact)
	return confirmation, nil
}
