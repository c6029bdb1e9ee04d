package handlers

import (
	"context"
	"time"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
	"lifecycle-sync/services/attachments"
	"lifecycle-sync/services/cache"
	"lifecycle-sync/services/export"
	"lifecycle-sync/services/imports"
	"lifecycle-sync/services/outbox"
	"lifecycle-sync/services/products"
	"lifecycle-sync/services/reports"
	"lifecycle-sync/services/stages"
	"lifecycle-sync/web/messages"
)

// Products serves /products with its attachments and exports, /dropdowns and /dashboard.
type Products struct {
	Responses *cache.Responses
	Now       func() time.Time // in the configured time zone
	Writer    *products.Writer
	Moves     *stages.Writer
	Files     *attachments.Files
	Links     *attachments.Links
	Exports   *export.Exports
	Imports   *imports.Service
	Checker   request.Checker
	Limits    request.FormLimits
}

// List serves a page of the products that match the query.
func (h *Products) List(c *fiber.Ctx) error {
	q := request.ParseQuery(c, append(append([]string{"page", "limit"}, request.ProductFilters()...), "sort")...)
	query := products.Query{Paging: request.Paging(q), Filter: request.ProductFilter(q), Sort: q.Text("sort")}
	return serveCached(c, q.Err(query.Check), h.Responses, func(ctx context.Context, v cache.View) (success, error) {
		page, err := products.List(ctx, v, query, h.Now())
		return success{Data: page.Products, Pagination: &page.Pagination}, err
	})
}

// Dashboard serves the dashboard of the products that match the query.
func (h *Products) Dashboard(c *fiber.Ctx) error {
	q := request.ParseQuery(c, request.ProductFilters()...)
	query := products.Query{Filter: request.ProductFilter(q)}
	return serveCached(c, q.Err(query.Check), h.Responses, func(ctx context.Context, v cache.View) (success, error) {
		dashboard, err := reports.Read(ctx, v, query.Filter, h.Now())
		return success{Data: dashboard}, err
	})
}

// Dropdowns serves the choices of the product form.
func (h *Products) Dropdowns(c *fiber.Ctx) error {
	return serveCached(c, nil, h.Responses, func(ctx context.Context, v cache.View) (success, error) {
		lists, err := products.Dropdowns(ctx, v)
		return success{Data: lists}, err
	})
}

// productDetail is a product with its attachments.
type productDetail struct {
	products.Detail

	Attachments []models.Attachment `json:"attachments"`
}

// Get serves a product with its attachments and latest moves. Its ETag begins with the row version, for If-Match.
func (h *Products) Get(c *fiber.Ctx) error {
	id, err := request.ID(c)
	return h.serveSigned(c, err, func(ctx context.Context, v cache.View, link linker) (success, error) {
		product, err := products.Get(ctx, v, id)
		if err != nil {
			return success{}, err
		}
		files, err := attachments.List(ctx, v, id)
		if err != nil {
			return success{}, err
		}
		files, err = link(files)
		return success{Data: productDetail{Detail: product, Attachments: files}, version: product.Version}, err
	})
}

// Create creates a product with its attachments.
func (h *Products) Create(c *fiber.Ctx) error {
	in, r, err := h.readInput(c, true)
	if err != nil {
		return err
	}
	r.Fingerprint = outbox.Fingerprint(in, r.Files)
	result, err := h.Writer.Create(c.UserContext(), in, r)
	return respondCreated(c, "done.product_created", result, err)
}

// Update changes the fields of a product that were sent, and adds attachments.
func (h *Products) Update(c *fiber.Ctx) error {
	id, versions, err := request.Target(c)
	if err != nil {
		return err
	}
	in, r, err := h.readInput(c, false)
	if err != nil {
		return err
	}
	r.Fingerprint = outbox.Fingerprint([]any{id, in}, r.Files)
	result, err := h.Writer.Update(c.UserContext(), id, in, versions, r)
	return respondChanged(c, "done.product_changed", result, err)
}

// Bulk changes fields of several products, or moves them to a stage: all or none.
func (h *Products) Bulk(c *fiber.Ctx) error {
	key, err := request.IdempotencyKey(c)
	if err != nil {
		return err
	}
	in, err := h.Checker.ReadBulk(c)
	if err != nil {
		return err
	}
	r := outbox.Request{Key: key, Fingerprint: outbox.Fingerprint(in, nil)}
	if in.Move != nil {
		result, err := h.Moves.RecordAll(c.UserContext(), in.Targets, *in.Move, r)
		return respondChanged(c, "done.products_moved", result, err)
	}
	result, err := h.Writer.UpdateAll(c.UserContext(), in.Targets, *in.Set, r)
	return respondChanged(c, "done.products_changed", result, err)
}

// Import previews the changes of a spreadsheet, or applies those of a preview. A preview writes nothing, so it ignores the
// idempotency key.
func (h *Products) Import(c *fiber.Ctx) error {
	key, err := request.IdempotencyKey(c)
	if err != nil {
		return err
	}
	in, _, err := h.Checker.ReadImport(c)
	if err != nil {
		return err
	}
	owner := request.Caller(c).Subject
	if in.Digest == "" {
		preview, err := h.Imports.Preview(c.UserContext(), owner, in.File)
		if err != nil {
			return err
		}
		return respondDone(c, "done.import_previewed", newImportPreview(PrinterOf(c), preview))
	}
	result, err := h.Imports.Apply(c.UserContext(), owner, in.Digest, in.File, outbox.Request{Key: key, Fingerprint: outbox.Fingerprint(in, nil)})
	return respondChanged(c, "done.imported", result, err)
}

// importPreview is a rendered imports.Preview.
type importPreview struct {
	imports.Preview

	Rows []importRow `json:"rows"`
}

// importRow is a row of a preview with its rendered errors.
type importRow struct {
	imports.Row

	Errors []InvalidField `json:"errors,omitempty"`
}

func newImportPreview(printer *messages.Printer, p imports.Preview) importPreview {
	out := importPreview{Preview: p, Rows: make([]importRow, len(p.Rows))}
	for i, row := range p.Rows {
		out.Rows[i] = importRow{row, invalidFields(printer, row.Errors)}
	}
	return out
}

// readInput reads a product with its files and the idempotency key; requireAll also requires fields that were not sent.
func (h *Products) readInput(c *fiber.Ctx, requireAll bool) (in products.Input, r outbox.Request, err error) {
	if r.Key, err = request.IdempotencyKey(c); err == nil {
		in, r.Files, err = h.Checker.ReadProduct(c, h.Limits, h.Files, requireAll)
	}
	return in, r, err
}

// Delete deletes a product with its stage history and attachments.
func (h *Products) Delete(c *fiber.Ctx) error {
	id, versions, err := request.Target(c)
	if err != nil {
		return err
	}
	result, err := h.Writer.Delete(c.UserContext(), id, versions)
	return respondChanged(c, "done.product_deleted", result, err)
}

// CSV serves the filtered list as comma-separated values.
func (h *Products) CSV(c *fiber.Ctx) error {
	return h.export(c, CSVFile)
}

// Workbook serves the filtered list as an Excel workbook.
func (h *Products) Workbook(c *fiber.Ctx) error {
	return h.export(c, WorkbookFile)
}

func (h *Products) export(c *fiber.Ctx, kind ExportFile) error {
	q := request.ParseQuery(c, append(request.ProductFilters(), "sort")...)
	query := products.Query{Filter: request.ProductFilter(q), Sort: q.Text("sort")}
	if err := q.Err(query.Check); err != nil {
		return err
	}
	return kind.Send(c, h.Exports, query, h.Now())
}

// ExportFile is a kind of export, named by the file's extension.
type ExportFile string

// The kinds of export.
const (
	CSVFile      ExportFile = "csv"
	WorkbookFile ExportFile = "xlsx"
)

// Send sends the products that match a checked query as a file of this kind; a HEAD request gets only the headers.
func (kind ExportFile) Send(c *fiber.Ctx, exports *export.Exports, q products.Query, now time.Time) error {
	write, contentType := exports.CSV, "text/csv; charset=utf-8"
	if kind == WorkbookFile {
		write, contentType = exports.Workbook, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	}
	setHeaders := func() {
		c.Set(fiber.HeaderContentType, contentType)
		c.Set(fiber.HeaderContentDisposition, `attachment; filename="products-`+now.Format(time.DateOnly)+"."+string(kind)+`"`)
	}
	if c.Method() == fiber.MethodHead {
		setHeaders()
		return nil
	}
	printer := PrinterOf(c)
	heading := func(column string) string { return printer.Text(export.Label(column)) }
	file, size, err := write(c.UserContext(), q, now, heading)
	if err != nil {
		return err
	}
	setHeaders()
	return c.SendStream(file, int(size)) // closes it
}
