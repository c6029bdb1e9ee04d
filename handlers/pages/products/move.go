package products

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
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

// metricRows is how many metrics the form has room for.
const metricRows = 4

// moveForm is the form that moves a product to another stage.
type moveForm struct {
	ID       int64 // of the product
	Title    string
	Key      string
	StageID  string // in which the person saw the product, "" for none
	Stage    string // its name
	Zone     string // of the times that the person enters
	Values   map[string]string
	Problems *pages.Problems

	stages []pages.Option
}

func newMove(p models.ListedProduct, lists products.DropdownLists, now time.Time) moveForm {
	stageID := ""
	if p.StageID != nil {
		stageID = strconv.FormatInt(*p.StageID, 10)
	}
	return moveForm{
		ID: p.ID, Title: title(p), Key: pages.NewKey(), Values: map[string]string{}, StageID: stageID, Stage: pages.Named(p.Stage, p.StageID),
		stages: choicesOf(lists)["tbl_stage"], Zone: now.Format("MST"),
	}
}

// moveFields are the names of the form's fields.
func moveFields() []string {
	names := []string{request.KeyField, "stage_previous", "stage_now", "tanggal_perubahan", "catatan"}
	for _, m := range (moveForm{}).Metrics() {
		names = append(names, m.NameField, m.ValueField)
	}
	return names
}

// Fields are the form's fields except the metrics.
func (f moveForm) Fields() []pages.Field {
	var others []pages.Option
	for _, s := range f.stages {
		if s.Value != f.StageID {
			others = append(others, s)
		}
	}
	fields := []pages.Field{
		{Name: "stage_now", Kind: models.FieldSelect, Required: true, Options: others, Blank: models.NewText("console_products.choose", nil)},
		{Name: "tanggal_perubahan", Kind: "datetime-local", Hint: models.NewText("console_products.when_hint", models.Params{"zone": f.Zone})},
		{Name: "catatan", Kind: models.FieldTextarea, Wide: true},
	}
	for i, one := range fields {
		fields[i].Value, fields[i].Error = f.Values[one.Name], f.Problems.At(one.Name)
	}
	return fields
}

// metricRow is a row of the form for a metric. Wrong is the field that the error belongs to.
type metricRow struct {
	NameField, ValueField string
	Name, Value           string
	Wrong                 string
	Error                 models.Text
}

// Metrics are the rows for metrics.
func (f moveForm) Metrics() (rows []metricRow) {
	for i := range metricRows {
		n := strconv.Itoa(i + 1)
		row := metricRow{NameField: "metric_name_" + n, ValueField: "metric_value_" + n}
		row.Name, row.Value = f.Values[row.NameField], f.Values[row.ValueField]
		for _, name := range []string{row.NameField, row.ValueField} {
			if text := f.Problems.At(name); !text.IsZero() && row.Error.IsZero() {
				row.Wrong, row.Error = name, text
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// HasMetrics reports whether a metric was entered.
func (f moveForm) HasMetrics() bool {
	for _, m := range f.Metrics() {
		if m.Name+m.Value != "" {
			return true
		}
	}
	return false
}

// document returns the metrics as JSON, nil for none, and what is wrong with them.
func (f moveForm) document() (models.JSON, []models.FieldError) {
	var wrong []models.FieldError
	var members []string
	seen := map[string]bool{}
	for _, m := range f.Metrics() {
		written, unambiguous := metricValue(m.Value)
		field, problem := m.NameField, models.Text{}
		switch {
		case m.Name == "" && m.Value == "":
			continue
		case m.Name == "":
			problem = models.NewText("console_products.metric_without_name", nil)
		case m.Value == "":
			field, problem = m.ValueField, models.NewText("console_products.metric_without_value", nil)
		case seen[m.Name]:
			problem = models.NewText("console_products.metric_twice", nil)
		case !unambiguous:
			field, problem = m.ValueField, models.NewText("console_products.metric_ambiguous", nil)
		}
		if !problem.IsZero() {
			wrong = append(wrong, models.FieldError{Field: field, Code: "required", Text: problem})
		}
		seen[m.Name] = true
		members = append(members, jsonText(m.Name)+":"+written)
	}
	if len(members) == 0 {
		return nil, wrong
	}
	return models.JSON("{" + strings.Join(members, ",") + "}"), wrong
}

func jsonText(text string) string {
	quoted, err := json.Marshal(text)
	if err != nil { // a string always marshals
		panic(err)
	}
	return string(quoted)
}

// input reads the form. Errors: validation_failed with everything that is wrong. Times are in a zone.
func (f moveForm) input(checker request.Checker, zone *time.Location) (stages.Input, error) {
	sent := maps.Clone(f.Values)
	sent["id_produk"], sent["stage_previous"] = strconv.FormatInt(f.ID, 10), f.StageID
	sent["catatan"] = pages.UnixLines(sent["catatan"])
	var wrong []models.FieldError
	if text := sent["tanggal_perubahan"]; text != "" {
		at, err := pages.ParseLocalTime(text, zone)
		sent["tanggal_perubahan"] = at.UTC().Format(time.RFC3339)
		if err != nil {
			sent["tanggal_perubahan"] = ""
			wrong = models.AsError(request.Invalid("tanggal_perubahan", "timestamp", "request.date_and_time", nil)).Fields
		}
	}
	metrics, invalid := f.document()
	sent[request.MetricsField] = string(metrics)
	in, err := checker.Move(sent)
	in.FromNone = f.StageID == ""
	if err != nil {
		wrong = append(models.AsError(err).Fields, wrong...)
	}
	if wrong = append(wrong, invalid...); wrong != nil {
		return in, models.NewInvalid(wrong...)
	}
	return in, err
}

// Move moves a product that is in the stage in which the person saw it.
func (h *Pages) Move(c *fiber.Ctx) error {
	id, err := request.ID(c)
	if err != nil {
		return err
	}
	fields, err := request.ReadPlainForm(c, moveFields()...)
	if err != nil {
		return err
	}
	f := moveForm{ID: id, Key: fields[request.KeyField], StageID: fields["stage_previous"], Values: fields}
	done, err := h.move(c, f)
	if err != nil {
		return h.moveAgain(c, f, err)
	}
	return pages.SeeOther(c, address(id), pages.NoticeOf(pages.ProductMoved, done))
}

func (h *Pages) move(c *fiber.Ctx, f moveForm) (outbox.Result, error) {
	in, err := f.input(h.checker, h.now().Location())
	if err != nil {
		return outbox.Result{}, err
	}
	key, err := request.FormKey(c, f.Key)
	if err != nil {
		return outbox.Result{}, err
	}
	return h.stages.Record(c.UserContext(), in, outbox.Request{Key: key, Fingerprint: outbox.Fingerprint(in, nil)})
}

// moveAgain shows the form again, for the product's current stage.
func (h *Pages) moveAgain(c *fiber.Ctx, f moveForm, err error) error {
	key, err := pages.RenewKey(cmp.Or(f.Key, pages.NewKey()), err)
	status, found := h.site.Problems(c, err, moveFields()...)
	if found == nil {
		return err
	}
	var now moveForm
	err = h.site.View(c, func(ctx context.Context, v cache.View) error {
		lists, err := products.Dropdowns(ctx, v)
		if err != nil {
			return err
		}
		p, err := v.Product(ctx, f.ID)
		now = newMove(p, lists, h.now())
		return err
	})
	switch {
	case err == nil:
	case pages.IsClass(err, models.NotFound):
		return err
	default: // the problem is shown, and the entries are kept
		p := models.Product{ID: f.ID}
		if id, err := models.ParseID(f.StageID); err == nil {
			p.StageID = &id
		}
		now = newMove(models.ListedProduct{Product: p}, products.DropdownLists{}, h.now())
	}
	if now.StageID != f.StageID {
		found.List = append(found.List, pages.Problem{Text: models.NewText("console_products.moved_meanwhile", models.Params{
			"then": stageText(now.stages, f.StageID), "now": stageText(now.stages, now.StageID),
		})})
	}
	now.Key, now.Values, now.Problems = key, f.Values, found
	title := found.Titled(models.NewText("console_products.move_title", models.Params{"name": now.Title}))
	return h.site.Show(c, status, pages.Page{Template: "products/move", Title: title, Section: "products", Data: now})
}

// stageText names a stage in a sentence.
func stageText(stages []pages.Option, id string) any {
	if id == "" {
		return models.NewText("console_missing.stage", nil)
	}
	return nameOf(stages, id)
}
