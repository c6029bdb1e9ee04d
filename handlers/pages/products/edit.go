package products

import (
	"cmp"
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers/pages"
	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
	"lifecycle-sync/services/attachments"
	"lifecycle-sync/services/cache"
	"lifecycle-sync/services/outbox"
	"lifecycle-sync/services/products"
	"lifecycle-sync/services/stages"
)

// Pages is a product's page, and the forms that create, change and delete products, their files, and their
// transitions.
type Pages struct {
	site      *pages.Site
	products  *products.Writer
	histories *stages.Writer
	files     *attachments.Files
	uploads   request.Uploads
	limits    request.FormLimits
	rules     *fileRules
	checker   request.Checker
	now       func() time.Time
}

// Options are what the forms need.
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
		site: site, products: o.Products, histories: o.Histories, files: o.Files, uploads: o.Uploads,
		limits: o.Limits, rules: rulesOf(o), checker: request.NewChecker(), now: o.Now,
	}
}

// New shows the form for a new product.
func (h *Pages) New(c *fiber.Ctx) error {
	if err := request.ParseQuery(c).Err(); err != nil {
		return err
	}
	return h.show(c, fiber.StatusOK, productForm{Key: pages.NewKey()})
}

// Create makes a product, with its files. Sent twice, it makes one.
func (h *Pages) Create(c *fiber.Ctx) error {
	read, err := request.ReadForm(c, h.limits, h.uploads, formColumns()...)
	f := sentForm(0, read.Fields)
	f.Lost = err != nil || len(read.Files) > 0
	if err != nil {
		f.Key = cmp.Or(f.Key, pages.NewKey()) // the form was perhaps not read so far
		_, amiss := h.checker.Product(asSent(f.Values), false)
		return h.again(c, f, err, amiss)
	}
	key, in, err := h.created(c, f)
	if err != nil {
		h.uploads.Discard(c.UserContext(), read.Files)
		return h.again(c, f, err)
	}
	ctx, cancel := context.WithTimeout(c.UserContext(), outbox.WriteTimeout)
	defer cancel()
	done, err := h.products.Create(ctx, in, outbox.Request{Key: key, Fingerprint: outbox.Fingerprint(in, read.Files), Files: read.Files})
	if err != nil {
		f.Key, err = pages.RenewKey(f.Key, err, "a product was made of it")
		return h.again(c, f, err)
	}
	if !done.Followed {
		return pages.SeeOther(c, "/products", pages.NoticeOf("product-created", done)) // its page is not there yet
	}
	return pages.SeeOther(c, productAddress(done.RowID), "product-created")
}

// created reads what a form for a new product says. Errors: validation_failed.
func (h *Pages) created(c *fiber.Ctx, f productForm) (*outbox.Key, products.Input, error) {
	in, err := h.checker.Product(asSent(f.Values), true)
	if err != nil {
		return nil, in, err
	}
	key, err := request.FormKey(c, f.Key)
	return key, in, err
}

func productAddress(id int64) string { return "/products/" + strconv.FormatInt(id, 10) }

// Edit shows the form for a product that is there.
func (h *Pages) Edit(c *fiber.Ctx) error {
	id, err := request.OnlyID(c)
	if err != nil {
		return err
	}
	f := productForm{ID: id}
	err = h.site.View(c, func(ctx context.Context, v cache.View) error {
		product, tag, err := products.Get(ctx, v, id)
		f.Title, f.Values, f.Was, f.Version = productTitle(product.ListedProduct), textsOf(product.ListedProduct), textsOf(product.ListedProduct), tag
		return err
	})
	if err != nil {
		return err
	}
	return h.show(c, fiber.StatusOK, f)
}

// Update changes the columns of a product that the person has changed in the form. When somebody else has
// changed the product meanwhile, both are shown, and nothing is written.
func (h *Pages) Update(c *fiber.Ctx) error {
	id, err := request.ID(c)
	if err != nil {
		return err
	}
	read, err := request.ReadForm(c, request.FormLimits{Bytes: h.limits.Bytes}, h.uploads, formColumns()...)
	f := sentForm(id, read.Fields)
	switch {
	case err != nil:
		return h.again(c, f, err)
	case read.Fields[goField] == "edit":
		return h.show(c, fiber.StatusOK, f)
	case f.Version == "":
		return request.Invalid(pages.VersionField, "required", "request.no_version", nil)
	}
	in, err := h.checker.Product(f.changed(), false)
	if err != nil {
		return h.again(c, f, err)
	}
	if len(in.Given) == 0 {
		return pages.SeeOther(c, productAddress(id), "product-unchanged")
	}
	ctx, cancel := context.WithTimeout(c.UserContext(), outbox.WriteTimeout)
	defer cancel()
	done, err := h.products.Update(ctx, id, in, models.RowVersions{f.Version}, outbox.Request{})
	if current, changed := meanwhile(err); changed {
		return h.conflict(c, f, current)
	}
	if pages.IsClass(err, models.NotFound) {
		f.Problems = &pages.Problems{Heading: "Nothing was saved", List: []pages.Problem{{Text: "Somebody has deleted this product meanwhile. What you have entered is still here, to be copied"}}}
		return h.show(c, http.StatusNotFound, f)
	}
	if err != nil {
		return h.again(c, f, err)
	}
	return pages.SeeOther(c, productAddress(id), pages.NoticeOf("product-changed", done))
}

// meanwhile is the product as it is, when that is why a write was refused.
func meanwhile(err error) (products.Current, bool) {
	if !pages.IsClass(err, models.PreconditionFailed) {
		return products.Current{}, false
	}
	current, is := models.AsError(err).Data.(products.Current)
	return current, is
}
