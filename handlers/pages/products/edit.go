package products

import (
	"cmp"
	"context"
	"net/http"

	"github.com/gofiber/fiber/v2"

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
	if err := request.ParseQuery(c).Err(); err != nil {
		return err
	}
	return h.show(c, fiber.StatusOK, productForm{Key: pages.NewKey()})
}

// Create creates a product with its files. Sending the form twice creates one.
func (h *Pages) Create(c *fiber.Ctx) error {
	read, err := request.ReadForm(c, h.limits, h.uploads, formFields()...)
	f := sentForm(0, read.Fields)
	f.Lost = err != nil || len(read.Files) > 0
	if err != nil {
		f.Key = cmp.Or(f.Key, pages.NewKey()) // the form may have been read in part
		_, invalid := h.checker.Product(parsed(f.Values), false)
		return h.again(c, f, err, invalid)
	}
	key, in, err := h.newProduct(c, f)
	if err != nil {
		h.uploads.Discard(c.UserContext(), read.Files)
		return h.again(c, f, err, nil)
	}
	ctx, cancel := context.WithTimeout(c.UserContext(), outbox.WriteTimeout)
	defer cancel()
	done, err := h.products.Create(ctx, in, outbox.Request{Key: key, Fingerprint: outbox.Fingerprint(in, read.Files), Files: read.Files})
	if err != nil {
		f.Key, err = pages.RenewKey(f.Key, err)
		return h.again(c, f, err, nil)
	}
	if !done.MirrorUpToDate { // the mirror has no page of it yet
		return pages.SeeOther(c, pages.ProductsPath, pages.NoticeOf(pages.ProductCreated, done))
	}
	return pages.SeeOther(c, address(done.RowID), pages.ProductCreated)
}

// newProduct reads the form of a new product. Errors: validation_failed.
func (h *Pages) newProduct(c *fiber.Ctx, f productForm) (*outbox.Key, products.Input, error) {
	in, err := h.checker.Product(parsed(f.Values), true)
	if err != nil {
		return nil, in, err
	}
	key, err := request.FormKey(c, f.Key)
	return key, in, err
}

// Edit shows the form of a product.
func (h *Pages) Edit(c *fiber.Ctx) error {
	id, err := request.OnlyID(c)
	if err != nil {
		return err
	}
	f, err := pages.Read(h.site, c, func(ctx context.Context, v cache.View) (productForm, error) {
		p, version, err := products.Get(ctx, v, id)
		texts := textsOf(p.ListedProduct)
		return productForm{Form: pages.Form{Values: texts, Was: texts}, ID: id, Title: title(p.ListedProduct), Version: version}, err
	})
	if err != nil {
		return err
	}
	return h.show(c, fiber.StatusOK, f)
}

// Update writes the columns that the person changed in the form. If the product has changed since the form was opened,
// it writes nothing and shows both.
func (h *Pages) Update(c *fiber.Ctx) error {
	id, err := request.ID(c)
	if err != nil {
		return err
	}
	read, err := request.ReadForm(c, request.FormLimits{Bytes: h.limits.Bytes}, h.uploads, formFields()...)
	f := sentForm(id, read.Fields)
	switch {
	case err != nil:
		return h.again(c, f, err, nil)
	case read.Fields[goField] == "edit":
		return h.show(c, fiber.StatusOK, f)
	case f.Version == "":
		return request.Invalid(pages.VersionField, "required", "request.no_version", nil)
	}
	changed := parsed(f.Changed())
	if len(changed) == 0 {
		return pages.SeeOther(c, address(id), pages.ProductUnchanged)
	}
	in, err := h.checker.Product(changed, false)
	if err != nil {
		return h.again(c, f, err, nil)
	}
	ctx, cancel := context.WithTimeout(c.UserContext(), outbox.WriteTimeout)
	defer cancel()
	done, err := h.products.Update(ctx, id, in, models.RowVersions{f.Version}, outbox.Request{})
	if current, is := pages.ChangedRow[products.Current](err); is {
		return h.conflict(c, f, current)
	}
	if pages.IsClass(err, models.NotFound) {
		f.Problems = &pages.Problems{Heading: models.NewText("console.not_saved", nil), List: []pages.Problem{{Text: models.NewText("console_products.deleted", nil)}}}
		return h.show(c, http.StatusNotFound, f)
	}
	if err != nil {
		return h.again(c, f, err, nil)
	}
	return pages.SeeOther(c, address(id), pages.NoticeOf(pages.ProductChanged, done))
}

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

// conflict shows the entries next to the current product, and lets the person choose. If both are the same, as when a
// form is sent twice, nothing is left to do.
func (h *Pages) conflict(c *fiber.Ctx, form productForm, current products.Current) error {
	page := productConflict{ID: form.ID, Title: title(current.ListedProduct), Version: current.Version}
	viewer, err := pages.Read(h.site, c, func(ctx context.Context, v cache.View) (viewer, error) {
		lists, err := products.Dropdowns(ctx, v)
		return h.viewer(lists), err
	})
	if err != nil {
		return err
	}
	entries, now := parsed(form.Values), textsOf(current.ListedProduct)
	for _, f := range models.ProductFields() {
		mine, entered := entries[f.Column]
		if !entered {
			continue
		}
		theirs, fits := now[f.Column]
		if fits && normalized(f.Column, theirs) == mine {
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
	case was == normalized(f.Column, theirs):
		return byMe
	default:
		return byBoth
	}
}

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
