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

	"lifecycle-sync/handlers/pages"
	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
	"lifecycle-sync/services/cache"
	"lifecycle-sync/services/outbox"
	"lifecycle-sync/services/products"
	"lifecycle-sync/services/stages"
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

	stages []pages.Option
}

func newMoveForm(p models.ListedProduct, lists products.DropdownLists, now time.Time) moveForm {
	form := moveForm{
		ID: p.ID, Title: title(p), Key: pages.NewKey(), Stage: pages.NameOf(p.Stage, p.StageID), stages: pages.Choices(lists)["tbl_stage"], Zone: now.Format("MST"),
	}
	if p.StageID != nil {
		form.StageID = strconv.FormatInt(*p.StageID, 10)
	}
	return form
}

// moveFields returns the names of the form's fields.
func moveFields() []string {
	names := []string{request.KeyField, "stage_previous", "stage_now", "tanggal_perubahan", "catatan"}
	for _, m := range (moveForm{}).Metrics() {
		names = append(names, m.NameField, m.ValueField)
	}
	return names
}

// Fields returns the form's fields without the metrics.
func (f moveForm) Fields() []pages.Field {
	others := slices.DeleteFunc(slices.Clone(f.stages), func(s pages.Option) bool { return s.Value == f.StageID })
	fields, _ := f.Fill([]pages.Field{
		{Name: "stage_now", Kind: models.FieldSelect, Required: true, Options: others, Blank: models.NewText("console_products.choose", nil)},
		{Name: "tanggal_perubahan", Kind: "datetime-local", Hint: models.NewText("console_products.when_hint", models.Params{"zone": f.Zone})},
		{Name: "catatan", Kind: models.FieldTextarea, Wide: true},
	})
	return fields
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

// document returns the metrics as JSON, nil for none, and their errors.
func (f moveForm) document() (models.JSON, []models.FieldError) {
	var invalid []models.FieldError
	var members []string
	names := map[string]bool{}
	for _, m := range f.Metrics() {
		valueJSON, ok := metricValue(m.Value)
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

// input parses the form; times are in the given zone. Errors: validation_failed with all errors of the form.
func (f moveForm) input(checker request.Checker, zone *time.Location) (stages.Input, error) {
	texts := maps.Clone(f.Values)
	texts["id_produk"], texts["stage_previous"] = strconv.FormatInt(f.ID, 10), f.StageID
	texts["catatan"] = pages.UnixLines(texts["catatan"])
	at, invalidTime := pages.ParseLocalTime("tanggal_perubahan", texts["tanggal_perubahan"], zone)
	metrics, invalidMetrics := f.document()
	texts["tanggal_perubahan"], texts[request.MetricsField] = at, string(metrics)
	in, err := checker.Move(texts)
	in.FromNone = f.StageID == ""
	var invalid []models.FieldError
	for _, fieldsErr := range []error{err, invalidTime} {
		if fieldsErr != nil {
			invalid = append(invalid, models.AsError(fieldsErr).Fields...)
		}
	}
	if invalid = append(invalid, invalidMetrics...); invalid != nil {
		return in, models.NewInvalid(invalid...)
	}
	return in, err
}

// Move moves a product to another stage. It fails if the product's stage has changed since the form was opened.
func (h *Pages) Move(c *fiber.Ctx) error {
	id, err := request.ID(c)
	if err != nil {
		return err
	}
	fields, err := request.ReadPlainForm(c, moveFields()...)
	if err != nil {
		return err
	}
	f := moveForm{ID: id, Key: fields[request.KeyField], StageID: fields["stage_previous"], Form: pages.Form{Values: fields}}
	result, err := h.move(c, f)
	if err != nil {
		return h.showInvalidMove(c, f, err)
	}
	return pages.SeeOther(c, address(id), pages.NoticeOf(pages.ProductMoved, result))
}

func (h *Pages) move(c *fiber.Ctx, f moveForm) (outbox.Result, error) {
	in, err := f.input(h.Checker, h.Now().Location())
	if err != nil {
		return outbox.Result{}, err
	}
	key, err := request.FormKey(c, f.Key)
	if err != nil {
		return outbox.Result{}, err
	}
	return h.Histories.Record(c.UserContext(), in, outbox.Request{Key: key, Fingerprint: outbox.Fingerprint(in, nil)})
}

// showInvalidMove redisplays the form for the product's current stage, with the errors.
func (h *Pages) showInvalidMove(c *fiber.Ctx, f moveForm, err error) error {
	key, err := pages.RenewKey(cmp.Or(f.Key, pages.NewKey()), err)
	status, problems := h.Site.Problems(c, err, moveFields()...)
	if problems == nil {
		return err
	}
	current, err := pages.Read(h.Site, c, func(ctx context.Context, v cache.View) (moveForm, error) {
		lists, err := products.Dropdowns(ctx, v)
		if err != nil {
			return moveForm{}, err
		}
		p, err := v.Product(ctx, f.ID)
		return newMoveForm(p, lists, h.Now()), err
	})
	if pages.IsClass(err, models.NotFound) {
		return err
	}
	if err != nil { // show the form without the lists, to keep the entries
		p := models.Product{ID: f.ID}
		if id, err := models.ParseID(f.StageID); err == nil {
			p.StageID = &id
		}
		current = newMoveForm(models.ListedProduct{Product: p}, products.DropdownLists{}, h.Now())
	}
	if current.StageID != f.StageID {
		problems.List = append(problems.List, pages.Problem{Text: models.NewText("console_products.moved_meanwhile", models.Params{
			"then": stageText(current.stages, f.StageID), "now": stageText(current.stages, current.StageID),
		})})
	}
	current.Key, current.Values, current.Problems = key, f.Values, problems
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
	// indonesianNumber matches numbers in Indonesian format: full stops as thousands separators, a decimal comma.
	indonesianNumber = regexp.MustCompile(`^([-−]?)((?:0|[1-9][0-9]*)|[1-9][0-9]{0,2}(?:\.[0-9]{3})+)(?:,([0-9]+))?$`)
	// englishNumber matches numbers with English separators, which are ambiguous.
	englishNumber = regexp.MustCompile(`^[-−]?(?:[0-9]+\.[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?)$`)
)

// metricValue returns an entry as JSON: a number without loss of precision, otherwise a string. ok is false for an ambiguous number.
func metricValue(text string) (valueJSON string, ok bool) {
	text = strings.TrimSpace(text)
	parts := indonesianNumber.FindStringSubmatch(text)
	if parts == nil {
		return jsonText(text), !englishNumber.MatchString(text)
	}
	if valueJSON = strings.ReplaceAll(parts[2], ".", ""); parts[1] != "" {
		valueJSON = "-" + valueJSON
	}
	if parts[3] != "" {
		valueJSON += "." + parts[3]
	}
	return valueJSON, true
}
