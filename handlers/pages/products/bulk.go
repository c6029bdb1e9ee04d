package products

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers"
	"lifecycle-sync/handlers/pages"
	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
	"lifecycle-sync/services/attachments"
	"lifecycle-sync/services/cache"
	"lifecycle-sync/services/outbox"
	"lifecycle-sync/services/products"
	"lifecycle-sync/web/messages"
)

// Fields of the forms for several products.
const (
	productsField = "products" // the products, each ID:VERSION, separated by spaces
	failedField   = "failed"   // the ids of those that could not be changed
	skipField     = "skip"     // leave those out
	clearPrefix   = "clear_"   // prefix: set the field to NULL
)

// bulkForm is the form that moves or edits several products.
type bulkForm struct {
	pages.Form

	IsMove   bool
	Key      string
	Targets  []products.Target
	Failed   []int64   // those that could not be changed
	Products []product // as they are now
	Back     string    // address of the list
	Query    string    // of the list, with "?", or ""
	Zone     string    // of entered times
	Reloaded bool      // some have changed since they were selected

	Files     *fileRules // of a move
	FilesLost bool       // files must be selected again

	all choices
}

// Count returns the number of products.
func (f bulkForm) Count() int { return len(f.Targets) }

// TargetList returns the value of productsField.
func (f bulkForm) TargetList() string {
	texts := make([]string, len(f.Targets))
	for i, t := range f.Targets {
		texts[i] = strconv.FormatInt(t.ID, 10) + ":" + t.Versions[0]
	}
	return strings.Join(texts, " ")
}

// FailedList returns the value of failedField.
func (f bulkForm) FailedList() string {
	texts := make([]string, len(f.Failed))
	for i, id := range f.Failed {
		texts[i] = strconv.FormatInt(id, 10)
	}
	return strings.Join(texts, " ")
}

// HasFailed reports whether a product could not be changed.
func (f bulkForm) HasFailed(id int64) bool { return slices.Contains(f.Failed, id) }

// PlannedEnd returns the choice of the planned end.
func (f bulkForm) PlannedEnd() plannedEnd { return plannedEnd{f.Form} }

// MoveFields returns the fields of a move without the planned end.
func (f bulkForm) MoveFields() []pages.Field {
	fields, _ := f.Fill(moveFieldsTo(f.all["tbl_stage"], f.Zone))
	return fields
}

// MaxCopies is the maximum number of files for all products together.
func (bulkForm) MaxCopies() int { return attachments.MaxCopies }

// FilesError returns the error of the file input.
func (f bulkForm) FilesError() models.Text { return f.Problems.At(moveFilesID) }

// setField is a field to set in every product. ClearName is the name of the box that clears it, "" if it is required.
type setField struct {
	pages.Field

	ClearName string
	Cleared   bool
}

// SetFields returns the fields that can be set in several products.
func (f bulkForm) SetFields() (fields []setField) {
	for _, p := range setColumns() {
		shown, _ := f.Fill([]pages.Field{{Name: p.Column, Kind: p.Kind, Max: p.Max, Options: f.all[p.Choices], Blank: models.NewText("console_products.unchanged", nil)}})
		field := setField{Field: shown[0]}
		if p.Hint != "" {
			field.Hint = models.NewText(p.Hint, nil)
		}
		if !p.Required {
			field.ClearName = clearPrefix + p.Column
			field.Cleared = f.Values[field.ClearName] != ""
		}
		fields = append(fields, field)
	}
	return fields
}

// setColumns returns the fields of the form: those that several products can share, without the stage, which the form for moves
// sets.
func setColumns() []models.ProductField {
	return slices.DeleteFunc(slices.Clone(models.ProductFields()), func(f models.ProductField) bool {
		return f.Column == "produk" || f.Column == "id_stage" || f.Kind == models.FieldTextarea
	})
}

// listQuery parses the query of the list, which the addresses of the forms have.
func listQuery(c *fiber.Ctx) (query products.Query, all bool, filters pages.FilterQuery, err error) {
	q := request.ParseQuery(c, slices.Concat([]string{"page", "limit", "sort", "view", "columns", selectParameter}, request.ProductFilters())...)
	query = products.Query{Filter: request.ProductFilter(q), Sort: q.Text("sort")}
	all = q.Choice(selectParameter, selectPage, selectAll) == selectAll
	return query, all, pages.NewFilterQuery(q, append(request.ProductFilters(), "sort", "view", "limit", "columns", "page")...), q.Err(query.Check)
}

// readSelection reads the selected products: those that are ticked, or all that match the filters. Errors: validation_failed,
// also for too many; connection, timeout.
func (h *Pages) readSelection(c *fiber.Ctx) (targets []products.Target, filters pages.FilterQuery, err error) {
	query, all, filters, err := listQuery(c)
	if err != nil {
		return nil, nil, err
	}
	if targets, err = request.ReadSelection(c); err != nil || !all {
		return targets, filters, err
	}
	order, err := query.Order()
	if err != nil {
		return nil, nil, err
	}
	targets, err = pages.Read(h.Site, c, func(ctx context.Context, v cache.View) (targets []products.Target, err error) {
		list, total, err := v.Products(ctx, query.Filter.On(h.Now()), order, 0, products.MaxBulk)
		if err == nil && total > products.MaxBulk {
			err = models.NewError(models.Invalid, "console_products.too_many_selected", models.Params{"count": total, "max": products.MaxBulk})
		}
		for _, p := range list {
			targets = append(targets, products.Target{ID: p.ID, Versions: models.RowVersions{p.Version}})
		}
		return targets, err
	})
	return targets, filters, err
}

// SelectMove shows the form that moves the selected products.
func (h *Pages) SelectMove(c *fiber.Ctx) error { return h.showSelection(c, true) }

// SelectEdit shows the form that edits the selected products.
func (h *Pages) SelectEdit(c *fiber.Ctx) error { return h.showSelection(c, false) }

func (h *Pages) showSelection(c *fiber.Ctx, isMove bool) error {
	targets, filters, err := h.readSelection(c)
	if err != nil {
		return err
	}
	if len(targets) == 0 {
		return pages.SeeOther(c, filters.At(pages.ProductsPath), pages.NothingSelected)
	}
	return h.showBulk(c, http.StatusOK, bulkForm{IsMove: isMove, Key: pages.NewKey(), Targets: targets, Back: filters.At(pages.ProductsPath)})
}

// SelectCSV serves the selected products as comma-separated values.
func (h *Pages) SelectCSV(c *fiber.Ctx) error { return h.exportSelection(c, handlers.CSVFile) }

// SelectWorkbook serves the selected products as an Excel workbook.
func (h *Pages) SelectWorkbook(c *fiber.Ctx) error {
	return h.exportSelection(c, handlers.WorkbookFile)
}

func (h *Pages) exportSelection(c *fiber.Ctx, kind handlers.ExportFile) error {
	targets, filters, err := h.readSelection(c)
	if err != nil {
		return err
	}
	if len(targets) == 0 {
		return pages.SeeOther(c, filters.At(pages.ProductsPath), pages.NothingSelected)
	}
	return kind.Send(c, h.Exports, products.Query{Filter: products.Filter{IDs: idsOf(targets)}, Sort: filters.Get("sort")}, h.Now())
}

func idsOf(targets []products.Target) []int64 {
	ids := make([]int64, len(targets))
	for i, t := range targets {
		ids[i] = t.ID
	}
	return ids
}

// showBulk shows a form with the products as they are now.
func (h *Pages) showBulk(c *fiber.Ctx, status int, f bulkForm) error {
	f.Zone, f.Files = h.Now().Format("MST"), h.fileRules()
	_, query, _ := strings.Cut(f.Back, "?")
	if query != "" {
		f.Query = "?" + query
	}
	f, err := pages.Read(h.Site, c, func(ctx context.Context, v cache.View) (bulkForm, error) {
		lists, err := products.Dropdowns(ctx, v)
		if err != nil {
			return f, err
		}
		f.all = pages.Choices(lists)
		list, err := products.WithIDs(ctx, v, idsOf(f.Targets), h.Now())
		viewer := h.viewer(handlers.PrinterOf(c).Format, lists)
		for _, p := range list {
			f.Products = append(f.Products, viewer.product(p))
		}
		return f, err
	})
	if err != nil {
		return err
	}
	title := models.NewText("console_products.bulk_edit", models.Params{"count": f.Count()})
	if f.IsMove {
		title = models.NewText("console_products.bulk_move", models.Params{"count": f.Count()})
	}
	return h.Site.Show(c, status, pages.Page{Template: "products/bulk", Title: f.Problems.PageTitle(title), Section: "products", Data: f})
}

// bulkFields returns the names of the fields of both forms.
func bulkFields(inputs ...string) []string {
	return append(inputs, productsField, failedField, skipField, request.KeyField)
}

// submittedBulk returns a submitted form. Errors: validation_failed for its products.
func submittedBulk(c *fiber.Ctx, isMove bool, fields map[string]string) (f bulkForm, err error) {
	_, _, filters, err := listQuery(c)
	if err != nil {
		return f, err
	}
	f = bulkForm{IsMove: isMove, Form: pages.Form{Values: fields}, Key: cmp.Or(fields[request.KeyField], pages.NewKey()), Back: filters.At(pages.ProductsPath)}
	if f.Targets, err = request.ParseTargets(strings.Fields(fields[productsField])); err != nil {
		return f, err
	}
	if failed := strings.Fields(fields[failedField]); fields[skipField] != "" {
		f.Targets = slices.DeleteFunc(f.Targets, func(t products.Target) bool { return slices.Contains(failed, strconv.FormatInt(t.ID, 10)) })
	}
	if len(f.Targets) == 0 {
		return f, models.NewError(models.Invalid, "console_notices.nothing_selected", nil)
	}
	return f, nil
}

// BulkMove moves the products of the form to a stage and adds the files to each.
func (h *Pages) BulkMove(c *fiber.Ctx) error {
	form, formErr := request.ReadForm(c, h.Limits, h.Files, bulkFields(moveInputs()...)...)
	f, err := submittedBulk(c, true, form.Fields)
	if err != nil {
		h.Files.Discard(c.UserContext(), form.Files)
		return cmp.Or(formErr, err)
	}
	f.FilesLost = formErr != nil || len(form.Files) > 0
	texts, invalid := moveTexts(f.Form, h.Now())
	in, err := h.Checker.BulkMove(texts)
	key, keyErr := request.FormKey(c, f.Key)
	if err := cmp.Or(formErr, err, invalid, keyErr); err != nil {
		h.Files.Discard(c.UserContext(), form.Files)
		return h.showInvalidBulk(c, f, err, moveInputs()...)
	}
	r := outbox.Request{Key: key, Fingerprint: outbox.Fingerprint([]any{f.Targets, in}, form.Files)}
	if r.Files, err = h.Files.CopyFor(c.UserContext(), f.Count(), form.Files); err != nil {
		return h.showInvalidBulk(c, f, err, moveInputs()...)
	}
	result, err := h.Histories.RecordAll(c.UserContext(), f.Targets, in, r)
	if err != nil {
		return h.showInvalidBulk(c, f, err, moveInputs()...)
	}
	notice := pages.ProductsMoved.With(pages.NoticeStage, in.StageID).With(pages.NoticeCount, int64(f.Count()))
	return pages.SeeOther(c, f.Back, pages.NoticeOf(notice, result))
}

// BulkEdit sets the fields of the form in its products.
func (h *Pages) BulkEdit(c *fiber.Ctx) error {
	var inputs []string
	for _, p := range setColumns() {
		inputs = append(inputs, p.Column, clearPrefix+p.Column)
	}
	form, err := request.ReadForm(c, request.FormLimits{Bytes: h.Limits.Bytes}, h.Files, bulkFields(inputs...)...)
	if err != nil {
		return err
	}
	f, err := submittedBulk(c, false, form.Fields)
	if err != nil {
		return err
	}
	in, err := h.bulkSet(f)
	key, keyErr := request.FormKey(c, f.Key)
	if err := cmp.Or(err, keyErr); err != nil {
		return h.showInvalidBulk(c, f, err, inputs...)
	}
	result, err := h.Products.UpdateAll(c.UserContext(), f.Targets, in, outbox.Request{Key: key, Fingerprint: outbox.Fingerprint([]any{f.Targets, in}, nil)})
	if err != nil {
		return h.showInvalidBulk(c, f, err, inputs...)
	}
	return pages.SeeOther(c, f.Back, pages.NoticeOf(pages.ProductsChanged.With(pages.NoticeCount, int64(f.Count())), result))
}

// bulkSet parses the fields that are filled in or cleared. Errors: validation_failed.
func (h *Pages) bulkSet(f bulkForm) (products.Input, error) {
	texts := map[string]string{}
	for _, p := range setColumns() {
		text, cleared := f.Values[p.Column], f.Values[clearPrefix+p.Column] != ""
		if text != "" && cleared {
			return products.Input{}, models.NewInvalid(models.FieldError{Field: p.Column, Code: "combination", Text: models.NewText("console_products.clear_and_value", nil)})
		}
		if text != "" || cleared {
			texts[p.Column] = text
		}
	}
	return h.Checker.BulkSet(normalizePrices(texts))
}

// maxFailures is the maximum number of failing products that a page names.
const maxFailures = 20

// showInvalidBulk redisplays the form with its errors, for the products as they are now.
func (h *Pages) showInvalidBulk(c *fiber.Ctx, f bulkForm, err error, fields ...string) error {
	f.Key, err = pages.RenewKey(f.Key, err)
	failures, ok := models.AsError(err).Data.(products.Failures)
	if !ok {
		var status int
		if status, f.Problems = h.moveProblems(c, err, fields...); f.Problems == nil {
			return err
		}
		return h.showBulk(c, status, f)
	}
	status := http.StatusUnprocessableEntity
	if pages.IsClass(err, models.PreconditionFailed) {
		status, f.Reloaded = http.StatusPreconditionFailed, true
	}
	f.Problems = &pages.Problems{Heading: models.AsError(err).Text}
	versions := map[int64]string{}
	for _, failure := range failures {
		versions[failure.ID] = failure.Version
		if class := failure.Err.Class; class != models.PreconditionFailed && class != models.NotFound {
			f.Failed = append(f.Failed, failure.ID)
		}
		if len(f.Problems.List) < maxFailures {
			text := models.NewText("console_products.bulk_failure", models.Params{"name": messages.ShortName(failure.Name, failure.ID), "reason": failure.Err.Text})
			f.Problems.List = append(f.Problems.List, pages.Problem{Text: text})
		}
	}
	if more := len(failures) - maxFailures; more > 0 {
		f.Problems.List = append(f.Problems.List, pages.Problem{Text: models.NewText("console_products.bulk_more", models.Params{"count": more})})
	}
	f.Targets = currentTargets(f.Targets, versions)
	if len(f.Targets) == 0 {
		return err // none of them exists
	}
	return h.showBulk(c, status, f)
}

// currentTargets returns the products in their current versions, without those that do not exist, which have the version "".
func currentTargets(targets []products.Target, versions map[int64]string) (current []products.Target) {
	for _, t := range targets {
		if version, failed := versions[t.ID]; failed {
			t.Versions = models.RowVersions{version}
		}
		if t.Versions[0] != "" {
			current = append(current, t)
		}
	}
	return current
}
