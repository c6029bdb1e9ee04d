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

// transitionForm is the form that moves a product to another stage.
type transitionForm struct {
	ID       int64 // of the product
	Title    string
	Key      string
	StageID  string // in which the person saw the product, "" for none
	Stage    string // its name
	Zone     string // in which the person writes a time
	Values   map[string]string
	Problems *pages.Problems

	stages []pages.Option
}

// transitionLabels are the names of the form's fields for people.
func transitionLabels() map[string]string {
	labels := map[string]string{"id_produk": "Product", "stage_now": "New stage", "catatan": "Notes", "tanggal_perubahan": "When"}
	for _, m := range (transitionForm{}).Metrics() {
		labels[m.NameField], labels[m.ValueField] = "Metric "+m.Row, "Value "+m.Row
	}
	return labels
}

func newTransition(p models.ListedProduct, lists products.DropdownLists, now time.Time) transitionForm {
	return transitionForm{
		ID: p.ID, Title: productTitle(p), Key: pages.NewKey(), Values: map[string]string{},
		StageID: wholeText(p.StageID), Stage: pages.Named(p.Stage, p.StageID), stages: choicesOf(lists).Stages,
		Zone: now.Format("MST"),
	}
}

// Fields are the form's fields but for the metrics.
func (f transitionForm) Fields() []pages.Field {
	var others []pages.Option
	for _, s := range f.stages {
		if s.Value != f.StageID {
			others = append(others, s)
		}
	}
	fields := []pages.Field{
		{Name: "stage_now", Kind: "select", Required: true, Options: others, Blank: "Choose a stage"},
		{Name: "tanggal_perubahan", Kind: "datetime-local", Hint: "In " + f.Zone + "; empty means now. " +
			"One before the latest transition is recorded, and the product stays in its stage."},
		{Name: "catatan", Kind: "textarea", Wide: true},
	}
	labels := transitionLabels()
	for i, one := range fields {
		fields[i].Label, fields[i].Value, fields[i].Error = labels[one.Name], f.Values[one.Name], f.Problems.At(one.Name)
	}
	return fields
}

// metricRow is a row of the form for a metric. Wrong is the field that its error is about.
type metricRow struct{ Row, NameField, ValueField, Name, Value, Wrong, Error string }

// Metrics are the rows for metrics.
func (f transitionForm) Metrics() (rows []metricRow) {
	for i := range metricRows {
		n := strconv.Itoa(i + 1)
		row := metricRow{Row: n, NameField: "metric_name_" + n, ValueField: "metric_value_" + n}
		row.Name, row.Value = f.Values[row.NameField], f.Values[row.ValueField]
		for _, name := range []string{row.NameField, row.ValueField} {
			if text := f.Problems.At(name); text != "" && row.Error == "" {
				row.Wrong, row.Error = name, text
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// HasMetrics reports whether a metric was filled in.
func (f transitionForm) HasMetrics() bool {
	for _, m := range f.Metrics() {
		if m.Name+m.Value != "" {
			return true
		}
	}
	return false
}

// document is the metrics as JSON, nil when there are none, and what is wrong with them.
func (f transitionForm) document() (models.JSON, []models.FieldError) {
	var wrong []models.FieldError
	var members []string
	seen := map[string]bool{}
	for _, m := range f.Metrics() {
		written, plain := metricValue(m.Value)
		at, problem := m.NameField, ""
		switch {
		case m.Name == "" && m.Value == "":
			continue
		case m.Name == "":
			problem = "has a value, and needs a name"
		case m.Value == "":
			problem = "has a name, and needs a value"
		case seen[m.Name]:
			problem = "has the name of another one"
		case !plain:
			at, problem = m.ValueField, "is written so that it can be misread: write a number as 1.250 or 1250, and 4,5 with a comma"
		}
		if problem != "" {
			wrong = append(wrong, models.FieldError{Field: at, Code: "required", LegacyMessage: at + " " + problem})
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

// input is what the form says. Errors: validation_failed, which names all that is wrong.
// Now is in the zone in which the person writes times.
func (f transitionForm) input(checker request.Checker, now time.Time) (stages.Input, error) {
	sent := maps.Clone(f.Values)
	sent["id_produk"], sent["stage_previous"] = strconv.FormatInt(f.ID, 10), f.StageID
	sent["catatan"] = pages.UnixLines(sent["catatan"])
	var wrong []models.FieldError
	if text := sent["tanggal_perubahan"]; text != "" {
		at, err := pages.ParseLocalTime(text, now.Location())
		sent["tanggal_perubahan"] = at.UTC().Format(time.RFC3339)
		switch {
		case at.After(now): // the product would move today
			wrong = append(wrong, models.FieldError{Field: "tanggal_perubahan", Code: "future", LegacyMessage: "tanggal_perubahan must not be in the future"})
		case err != nil:
			sent["tanggal_perubahan"] = ""
			wrong = append(wrong, models.FieldError{Field: "tanggal_perubahan", Code: "timestamp", LegacyMessage: "tanggal_perubahan must be a date and a time"})
		}
	}
	metrics, amiss := f.document()
	sent[request.MetricsField] = string(metrics)
	in, err := checker.Move(sent)
	in.FromNone = f.StageID == ""
	if err != nil {
		wrong = append(models.AsError(err).Fields, wrong...)
	}
	if wrong = append(wrong, amiss...); wrong != nil {
		return in, models.NewInvalid(wrong...)
	}
	return in, err
}

// Move records a transition of a product that is in the stage in which the person saw it.
func (h *Pages) Move(c *fiber.Ctx) error {
	id, err := request.ID(c)
	if err != nil {
		return err
	}
	known := []string{request.KeyField, "stage_previous", "stage_now", "catatan", "tanggal_perubahan"}
	for _, m := range (transitionForm{}).Metrics() {
		known = append(known, m.NameField, m.ValueField)
	}
	fields, err := request.ReadPlainForm(c, known...)
	if err != nil {
		return err
	}
	f := transitionForm{ID: id, Key: fields[request.KeyField], StageID: fields["stage_previous"], Values: fields}
	done, err := h.move(c, f)
	if err != nil {
		return h.moveAgain(c, f, err)
	}
	return pages.SeeOther(c, productAddress(id), pages.NoticeOf("transition-recorded", done))
}

func (h *Pages) move(c *fiber.Ctx, f transitionForm) (outbox.Result, error) {
	in, err := f.input(h.checker, h.now())
	if err != nil {
		return outbox.Result{}, err
	}
	key, err := request.FormKey(c, f.Key)
	if err != nil {
		return outbox.Result{}, err
	}
	return h.histories.Record(c.UserContext(), in, outbox.Request{Key: key, Fingerprint: outbox.Fingerprint(in, nil)})
}

// moveAgain shows the form again, for the stage in which the product is now.
func (h *Pages) moveAgain(c *fiber.Ctx, f transitionForm, err error) error {
	key, err := pages.RenewKey(cmp.Or(f.Key, pages.NewKey()), err, "another transition was recorded")
	status, found := h.site.Problems(c, err, transitionLabels())
	if found == nil {
		return err
	}
	var now transitionForm
	err = h.site.View(c, func(ctx context.Context, v cache.View) error {
		lists, err := products.Dropdowns(ctx, v)
		if err != nil {
			return err
		}
		product, err := v.Product(ctx, f.ID)
		now = newTransition(product, lists, h.now())
		return err
	})
	switch {
	case err == nil:
	case pages.IsClass(err, models.NotFound):
		return err
	default: // what is wrong is told already, and what was entered is kept
		was := models.ListedProduct{Product: models.Product{ID: f.ID}}
		if stage, err := models.ParseID(f.StageID); err == nil {
			was.StageID = &stage
		}
		now = newTransition(was, products.DropdownLists{}, h.now())
	}
	if now.StageID != f.StageID {
		found.List = append(found.List, pages.Problem{Text: "When you opened the form the product was in the stage " + stageText(now.stages, f.StageID) +
			"; it is now in " + stageText(now.stages, now.StageID)})
	}
	now.Key, now.Values, now.Problems = key, f.Values, found
	return h.site.Show(c, status, pages.Page{Template: "products/transition", Title: now.Problems.Titled("Move " + now.Title), Section: "products", Data: now})
}

func stageText(stages []pages.Option, id string) string {
	if id == "" {
		return "“none”"
	}
	return "“" + chosen(stages, id) + "”"
}
