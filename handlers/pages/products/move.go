package products

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

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

// metricRowCount is the number of metrics in the form.
const metricRowCount = 4

// moveForm is the form that moves a product to another stage.
type moveForm struct {
	pages.Form

	ID      int64 // of the product
	Title   string
	Key     string
	StageID string // the product's stage when the form was opened, "" for none
	Stage   string // its name
	Zone    string // of entered times

	Files     *fileRules
	FilesLost bool // files must be selected again

	stages []pages.Option
}

func (h *Pages) newMoveForm(p models.ListedProduct, lists products.DropdownLists) moveForm {
	form := moveForm{
		ID: p.ID, Title: title(p), Key: pages.NewKey(), Stage: pages.NameOf(p.Stage, p.StageID), stages: pages.Choices(lists)["tbl_stage"], Zone: h.Now().Format("MST"),
		Files: h.fileRules(),
	}
	if p.StageID != nil {
		form.StageID = strconv.FormatInt(*p.StageID, 10)
	}
	return form
}

// moveFields returns the names of the form's fields.
func moveFields() []string {
	names := append(moveInputs(), request.KeyField, "stage_previous")
	for _, m := range (moveForm{}).Metrics() {
		names = append(names, m.NameField, m.ValueField)
	}
	return names
}

// moveInputs returns the names of the inputs for a move to a stage, of one product or several.
func moveInputs() []string {
	return []string{"stage_now", "tanggal_perubahan", "catatan", monthsField, endField}
}

// Fields returns the form's fields without the planned end and the metrics.
func (f moveForm) Fields() []pages.Field {
	others := slices.DeleteFunc(slices.Clone(f.stages), func(s pages.Option) bool { return s.Value == f.StageID })
	fields, _ := f.Fill(moveFieldsTo(others, f.Zone))
	return fields
}

// moveFieldsTo returns the fields of a move to one of several stages.
func moveFieldsTo(stages []pages.Option, zone string) []pages.Field {
	return []pages.Field{
		{Name: "stage_now", Kind: models.FieldSelect, Required: true, Options: stages, Blank: models.NewText("console_products.choose", nil)},
		{Name: "tanggal_perubahan", Kind: "datetime-local", Hint: models.NewText("console_products.when_hint", models.Params{"zone": zone})},
		{Name: "catatan", Kind: models.FieldTextarea, Wide: true},
	}
}

// PlannedEnd returns the choice of the planned end.
func (f moveForm) PlannedEnd() plannedEnd { return plannedEnd{f.Form} }

// FilesError returns the error of the file input.
func (f moveForm) FilesError() models.Text { return f.Problems.At(moveFilesID) }

// moveFilesID is the id of the file input in a form for a move: the page may also have a form that only adds files.
const moveFilesID = "move-files"

// The fields of the planned end: a number of months or a date.
const (
	monthsField = "end_months"
	endField    = "tanggal_stage_end"
)

// plannedEnd is the choice of the planned end in a form for a move.
type plannedEnd struct{ form pages.Form }

// Months are the numbers of months to choose from; 0 is no planned end.
func (plannedEnd) Months() []int { return []int{0, 3, 6, 12} }

// Selected reports whether a number of months is chosen.
func (e plannedEnd) Selected(months int) bool {
	return cmp.Or(e.form.Values[monthsField], "0") == strconv.Itoa(months)
}

// Date returns the date that was entered.
func (e plannedEnd) Date() string { return e.form.Values[endField] }

// Error returns the error of the choice.
func (e plannedEnd) Error() models.Text { return e.form.Problems.At(endField) }

// text returns the planned end of a stage that begins at a time, "" for none. Errors: validation_failed.
func (e plannedEnd) text(begins time.Time) (string, error) {
	months, err := strconv.Atoi(cmp.Or(e.form.Values[monthsField], "0"))
	switch date := e.Date(); {
	case err != nil || !slices.Contains(e.Months(), months):
		return "", request.Invalid(endField, "unknown", "request.invalid", nil)
	case months > 0 && date != "":
		return "", request.Invalid(endField, "combination", "console_products.end_twice", nil)
	case months == 0:
		return date, nil
	}
	end := begins.AddDate(0, months, 0)
	if end.Day() != begins.Day() { // the month is too short
		end = end.AddDate(0, 0, -end.Day())
	}
	return end.Format(time.DateOnly), nil
}

// metricRow is a row of the form for a metric. InvalidField is the field with the error.
type metricRow struct {
	NameField, ValueField string
	Name, Value           string
	InvalidField          string
	Error                 models.Text
}

// Metrics returns the rows for metrics.
func (f moveForm) Metrics() (rows []metricRow) {
	for i := range metricRowCount {
		n := strconv.Itoa(i + 1)
		row := metricRow{NameField: "metric_name_" + n, ValueField: "metric_value_" + n}
		row.Name, row.Value = f.Values[row.NameField], f.Values[row.ValueField]
		for _, name := range []string{row.NameField, row.ValueField} {
			if text := f.Problems.At(name); !text.IsZero() && row.Error.IsZero() {
				row.InvalidField, row.Error = name, text
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// HasMetrics reports whether a metric was entered.
func (f moveForm) HasMetrics() bool {
	return slices.ContainsFunc(f.Metrics(), func(m metricRow) bool { return m.Name+m.Value != "" })
}

// document returns the metrics as JSON, nil for none, and their errors. The user wrote the numbers as in a language.
func (f moveForm) document(language string) (models.JSON, []models.FieldError) {
	var invalid []models.FieldError
	var members []string
	names := map[string]bool{}
	for _, m := range f.Metrics() {
		valueJSON, ok := metricValue(m.Value, language)
		field, problem := m.NameField, models.Text{}
		switch {
		case m.Name == "" && m.Value == "":
			continue
		case m.Name == "":
			problem = models.NewText("console_products.metric_without_name", nil)
		case m.Value == "":
			field, problem = m.ValueField, models.NewText("console_products.metric_without_value", nil)
		case names[m.Name]:
			problem = models.NewText("console_products.metric_twice", nil)
		case !ok:
			field, problem = m.ValueField, models.NewText("console_products.metric_ambiguous", nil)
		}
		if !problem.IsZero() {
			invalid = append(invalid, models.FieldError{Field: field, Code: "required", Text: problem})
		}
		names[m.Name] = true
		members = append(members, jsonText(m.Name)+":"+valueJSON)
	}
	if len(members) == 0 {
		return nil, invalid
	}
	return models.JSON("{" + strings.Join(members, ",") + "}"), invalid
}

func jsonText(text string) string {
	literal, err := json.Marshal(text)
	if err != nil { // a string always marshals
		panic(err)
	}
	return string(literal)
}

// moveTexts returns the texts of a move from a form, in the API's format; now has the zone of the times. Errors:
// validation_failed with the time or the planned end; the other texts are valid.
func moveTexts(form pages.Form, now time.Time) (texts map[string]string, err error) {
	texts = maps.Clone(form.Values)
	texts["catatan"] = pages.UnixLines(texts["catatan"])
	at, err := pages.ParseLocalTime("tanggal_perubahan", texts["tanggal_perubahan"], now.Location())
	texts["tanggal_perubahan"] = at
	if begins, parseErr := time.Parse(time.RFC3339, at); parseErr == nil {
		now = begins.In(now.Location())
	}
	end, endErr := plannedEnd{form}.text(now)
	texts[endField] = end
	return texts, cmp.Or(err, endErr)
}

// input parses the form of a page in a language; now has the zone of the times. Errors: validation_failed with all errors of the form.
func (f moveForm) input(checker request.Checker, language string, now time.Time) (stages.Input, error) {
	texts, invalidText := moveTexts(f.Form, now)
	texts["id_produk"], texts["stage_previous"] = strconv.FormatInt(f.ID, 10), f.StageID
	metrics, invalidMetrics := f.document(language)
	texts[request.MetricsField] = string(metrics)
	in, err := checker.Move(texts)
	in.FromNone = f.StageID == ""
	var invalid []models.FieldError
	for _, fieldsErr := range []error{err, invalidText} {
		if fieldsErr != nil {
			invalid = append(invalid, models.AsError(fieldsErr).Fields...)
		}
	}
	if invalid = append(invalid, invalidMetrics...); invalid != nil {
		return in, models.NewInvalid(invalid...)
	}
	return in, err
}

// Move moves a product to another stage and adds files to it. It fails if the product's stage has changed since the form was opened.
func (h *Pages) Move(c *fiber.Ctx) error {
	id, err := request.ID(c)
	if err != nil {
		return err
	}
	form, err := request.ReadForm(c, h.Limits, h.Files, moveFields()...)
	f := moveForm{ID: id, Key: form.Fields[request.KeyField], StageID: form.Fields["stage_previous"], Form: pages.Form{Values: form.Fields}}
	f.FilesLost = err != nil || len(form.Files) > 0
	if err != nil {
		return h.showInvalidMove(c, f, err)
	}
	key, in, err := h.readMove(c, f)
	if err != nil {
		h.Files.Discard(c.UserContext(), form.Files)
		return h.showInvalidMove(c, f, err)
	}
	result, err := h.Histories.Record(c.UserContext(), in, outbox.Request{Key: key, Fingerprint: outbox.Fingerprint(in, form.Files), Files: form.Files})
	if err != nil {
		return h.showInvalidMove(c, f, err)
	}
	return pages.SeeOther(c, address(id), pages.NoticeOf(pages.ProductMoved.With(pages.NoticeStage, in.StageID), result))
}

// readMove parses the form. Errors: validation_failed.
func (h *Pages) readMove(c *fiber.Ctx, f moveForm) (*outbox.Key, stages.Input, error) {
	in, err := f.input(h.Checker, handlers.PrinterOf(c).Language, h.Now())
	if err != nil {
		return nil, in, err
	}
	key, err := request.FormKey(c, f.Key)
	return key, in, err
}

// moveProblems returns the errors of a form for a move, as Site.Problems does.
func (h *Pages) moveProblems(c *fiber.Ctx, err error, fields ...string) (int, *pages.Problems) {
	status, problems := h.Site.Problems(c, err, append(fields, request.FilesField)...)
	if problems != nil {
		for i := range problems.List {
			if problems.List[i].Field == request.FilesField {
				problems.List[i].Field = moveFilesID
			}
		}
	}
	return status, problems
}

// showInvalidMove redisplays the form for the product's current stage, with the errors.
func (h *Pages) showInvalidMove(c *fiber.Ctx, f moveForm, err error) error {
	key, err := pages.RenewKey(cmp.Or(f.Key, pages.NewKey()), err)
	status, problems := h.moveProblems(c, err, moveFields()...)
	if problems == nil {
		return err
	}
	current, err := pages.Read(h.Site, c, func(ctx context.Context, v cache.View) (moveForm, error) {
		lists, err := products.Dropdowns(ctx, v)
		if err != nil {
			return moveForm{}, err
		}
		p, err := v.Product(ctx, f.ID)
		return h.newMoveForm(p, lists), err
	})
	if pages.IsClass(err, models.NotFound) {
		return err
	}
	if err != nil { // show the form without the lists, to keep the entries
		p := models.Product{ID: f.ID}
		if id, err := models.ParseID(f.StageID); err == nil {
			p.StageID = &id
		}
		current = h.newMoveForm(models.ListedProduct{Product: p}, products.DropdownLists{})
	}
	if current.StageID != f.StageID {
		problems.List = append(problems.List, pages.Problem{Text: models.NewText("console_products.moved_meanwhile", models.Params{
			"then": stageText(current.stages, f.StageID), "now": stageText(current.stages, current.StageID),
		})})
	}
	current.Key, current.Values, current.Problems, current.FilesLost = key, f.Values, problems, f.FilesLost
	title := problems.PageTitle(models.NewText("console_products.move_title", models.Params{"name": current.Title}))
	return h.Site.Show(c, status, pages.Page{Template: "products/move", Title: title, Section: "products", Data: current})
}

// stageText returns a stage's name for use in a sentence.
func stageText(stages []pages.Option, id string) any {
	if id == "" {
		return models.NewText("console_missing.stage", nil)
	}
	return nameOf(stages, id)
}

var (
	// writtenNumber matches numbers with full stops between the thousands and a decimal comma.
	writtenNumber = regexp.MustCompile(`^([-−]?)((?:0|[1-9][0-9]*)|[1-9][0-9]{0,2}(?:\.[0-9]{3})+)(?:,([0-9]+))?$`)
	// foreignNumber matches numbers with the marks of the other language, which are ambiguous.
	foreignNumber = regexp.MustCompile(`^[-−]?(?:[0-9]+\.[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?)$`)
)

// metricValue returns an entry as JSON: a number written as in a language, without loss of precision, otherwise a string. ok is
// false for an ambiguous number.
func metricValue(text, language string) (valueJSON string, ok bool) {
	text = strings.TrimSpace(text)
	number := text
	if language == messages.English {
		number = strings.NewReplacer(".", ",", ",", ".").Replace(text)
	}
	parts := writtenNumber.FindStringSubmatch(number)
	if parts == nil {
		return jsonText(text), !foreignNumber.MatchString(number)
	}
	if valueJSON = strings.ReplaceAll(parts[2], ".", ""); parts[1] != "" {
		valueJSON = "-" + valueJSON
	}
	if parts[3] != "" {
		valueJSON += "." + parts[3]
	}
	return valueJSON, true
}
