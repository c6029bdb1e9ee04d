package products

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"html/template"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers"
	"lifecycle-sync/handlers/pages"
	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
	"lifecycle-sync/services/cache"
	"lifecycle-sync/services/export"
	"lifecycle-sync/services/imports"
	"lifecycle-sync/services/outbox"
	"lifecycle-sync/services/products"
	"lifecycle-sync/web/messages"
)

// maxImportRows is the maximum number of rows that a page shows of each kind.
const maxImportRows = 200

// importPage is the data of the import's pages: the form, and with HasPreview the changes of a file.
type importPage struct {
	Key        string
	Problems   *pages.Problems
	HasPreview bool
	Digest     string // "" if nothing can be applied
	Counts     imports.Counts
	Unknown    []string    // headings
	Rows       []importRow // that are changed or new
	Refused    []importRow // that are invalid or conflict
	Report     template.URL
}

// importRow is a row of the preview, formatted for display.
type importRow struct {
	Line    int
	ID      *int64
	Title   string
	Changes []importChange
	Errors  models.Texts
}

// importChange is a field with its values for display, "" for none.
type importChange struct{ Field, Before, After string }

// Applicable returns the number of rows that can be applied.
func (p importPage) Applicable() int { return p.Counts.Changed + p.Counts.New }

// Problematic returns the number of rows that are left out.
func (p importPage) Problematic() int { return p.Counts.Invalid + p.Counts.Conflict }

// More returns the number of applicable rows that the page does not show.
func (p importPage) More() int { return p.Applicable() - len(p.Rows) }

// MoreRefused returns the number of problematic rows that the page does not show.
func (p importPage) MoreRefused() int { return p.Problematic() - len(p.Refused) }

// MaxBytes is the maximum size of a file.
func (importPage) MaxBytes() int64 { return imports.MaxBytes }

// MaxRows is the maximum number of rows of a file.
func (importPage) MaxRows() int { return imports.MaxRows }

// ImportForm shows the form for importing a spreadsheet.
func (h *Pages) ImportForm(c *fiber.Ctx) error {
	return h.showImport(c, fiber.StatusOK, importPage{})
}

// Import shows what a file would change, or applies the changes that the user has seen. Rows with problems are left out.
func (h *Pages) Import(c *fiber.Ctx) error {
	in, fields, err := h.Checker.ReadImport(c, request.KeyField)
	if err != nil {
		return h.showInvalidImport(c, err)
	}
	in.SkipProblems = true
	owner := request.Caller(c).Subject
	if in.Digest == "" {
		preview, err := h.Imports.Preview(c.UserContext(), owner, in.File)
		if err != nil {
			return h.showInvalidImport(c, err)
		}
		return h.showPreview(c, fiber.StatusOK, preview, nil)
	}
	key, err := request.FormKey(c, fields[request.KeyField])
	if err != nil {
		return h.showInvalidImport(c, err)
	}
	result, err := h.Imports.Apply(c.UserContext(), owner, in.Digest, in.File, outbox.Request{Key: key, Fingerprint: outbox.Fingerprint(in, nil)})
	if preview, changed := models.Data[imports.Preview](err); changed {
		status, problems := h.Site.Problems(c, err)
		return h.showPreview(c, status, preview, problems)
	}
	if err != nil {
		return h.showInvalidImport(c, err)
	}
	notice := pages.ProductsImported.With(pages.NoticeCount, int64(importedProducts(result)))
	return pages.SeeOther(c, pages.ProductsPath, pages.NoticeOf(notice, result))
}

// importedProducts returns the number of products that an import has written.
func importedProducts(result outbox.Result) int {
	var done products.Imported
	_ = json.Unmarshal(result.Data, &done) // our own document
	return done.Created + done.Changed
}

func (h *Pages) showInvalidImport(c *fiber.Ctx, err error) error {
	status, problems := h.Site.Problems(c, err, request.ImportField)
	if problems == nil {
		return err
	}
	problems.Heading = models.NewText("console_products.not_imported", nil)
	return h.showImport(c, status, importPage{Problems: problems})
}

func (h *Pages) showImport(c *fiber.Ctx, status int, p importPage) error {
	title := p.Problems.PageTitle(models.NewText("console_products.import", nil))
	return h.Site.Show(c, status, pages.Page{Template: "products/import", Title: title, Section: "products", Data: p})
}

// showPreview shows what an import changes.
func (h *Pages) showPreview(c *fiber.Ctx, status int, preview imports.Preview, problems *pages.Problems) error {
	viewer, err := pages.Read(h.Site, c, func(ctx context.Context, v cache.View) (viewer, error) {
		lists, err := products.Dropdowns(ctx, v)
		return h.viewer(handlers.PrinterOf(c).Format, lists), err
	})
	if err != nil {
		return err
	}
	page := importPage{Key: pages.NewKey(), Problems: problems, HasPreview: true, Counts: preview.Counts, Unknown: preview.UnknownColumns}
	if preview.Digest != nil {
		page.Digest = *preview.Digest
	}
	if page.Report, err = importReport(handlers.PrinterOf(c), preview); err != nil {
		return err
	}
	for _, row := range preview.Rows {
		switch {
		case row.Status == imports.Unchanged:
		case row.HasProblems():
			if len(page.Refused) < maxImportRows {
				page.Refused = append(page.Refused, viewer.importRow(row))
			}
		case len(page.Rows) < maxImportRows:
			page.Rows = append(page.Rows, viewer.importRow(row))
		}
	}
	return h.showImport(c, status, page)
}

func (v viewer) importRow(row imports.Row) importRow {
	out := importRow{Line: row.Line, ID: row.ID}
	if row.Name != nil {
		out.Title = messages.Shortened(*row.Name)
	}
	for _, e := range row.Errors {
		out.Errors = append(out.Errors, e.Text)
	}
	for _, c := range row.Changes {
		f, _ := models.ProductFieldOf(c.Field)
		show := func(text *string) string {
			if text == nil || f.Kind == models.FieldSelect {
				return value(text)
			}
			return v.value(f, *text)
		}
		out.Changes = append(out.Changes, importChange{c.Field, show(c.Before), show(c.After)})
	}
	return out
}

func value(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

// importReport returns the rows with problems as the address of a CSV file, "" without any.
func importReport(printer *messages.Printer, preview imports.Preview) (template.URL, error) {
	if preview.Counts.Invalid+preview.Counts.Conflict == 0 {
		return "", nil
	}
	var out bytes.Buffer
	out.WriteString("\ufeff")
	file := csv.NewWriter(&out)
	_ = file.Write([]string{ // a buffer never fails
		printer.Text(models.NewText("console_products.import_line", nil)), printer.Text(export.Label("id")), printer.Text(export.Label("produk")),
		printer.Text(models.NewText("console_products.import_problem", nil)),
	})
	for _, row := range preview.Rows {
		if !row.HasProblems() {
			continue
		}
		id, name := "", value(row.Name)
		if row.ID != nil {
			id = strconv.FormatInt(*row.ID, 10)
		}
		for _, e := range row.Errors {
			record := []string{strconv.Itoa(row.Line), id, name, printer.Text(e.Text)}
			for i, text := range record {
				cell, err := export.CSVCell(models.Column{Kind: models.KindText}, []byte(text))
				if err != nil {
					return "", err
				}
				if text != "" {
					record[i] = cell
				}
			}
			_ = file.Write(record)
		}
	}
	file.Flush()
	return template.URL("data:text/csv;base64," + base64.StdEncoding.EncodeToString(out.Bytes())), nil //nolint:gosec // base64
}
