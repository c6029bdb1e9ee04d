package pages

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
	"lifecycle-sync/services"
)

// metricRows is how many metrics the form has room for.
const metricRows = 4

// localTime is how a browser sends a time that a person has chosen, without and with seconds.
const (
	localTime        = "2006-01-02T15:04"
	localTimeSeconds = "2006-01-02T15:04:05"
)

// transitionForm is the form that moves a product to another stage.
type transitionForm struct {
	ID       int64 // of the product
	Title    string
	Key      string
	StageID  string // in which the person saw the product, "" for none
	Stage    string // its name
	Values   map[string]string
	Problems *problems

	stages []option
}

// transitionLabels are the names of the form's fields for people.
func transitionLabels() map[string]string {
	labels := map[string]string{"id_produk": "Product", "stage_now": "New stage", "catatan": "Notes", "tanggal_perubahan": "When"}
	for _, m := range (transitionForm{}).Metrics() {
		labels[m.NameField], labels[m.ValueField] = "Metric "+m.Row, "Value "+m.Row
	}
	return labels
}

func newTransition(p models.ListedProduct, lists services.DropdownLists) transitionForm {
	return transitionForm{
		ID: p.ID, Title: productTitle(p), Key: newKey(), Values: map[string]string{},
		StageID: wholeText(p.StageID), Stage: named(p.Stage, "Stage", p.StageID), stages: choicesOf(lists).Stages,
	}
}

// Fields are the form's fields but for the metrics.
func (f transitionForm) Fields() []field {
	var others []option
	for _, s := range f.stages {
		if s.Value != f.StageID {
			others = append(others, s)
		}
	}
	fields := []field{
		{Name: "stage_now", Kind: "select", Required: true, Options: others, Blank: "Choose a stage"},
		{Name: "tanggal_perubahan", Kind: "datetime-local", Hint: "Empty means now. One before the latest transition is recorded, and the product stays in its stage."},
		{Name: "catatan", Kind: "textarea"},
	}
	labels := transitionLabels()
	for i, one := range fields {
		fields[i].Label, fields[i].Value, fields[i].Error = labels[one.Name], f.Values[one.Name], f.Problems.at(one.Name)
	}
	return fields
}

// metricRow is a row of the form for a metric.
type metricRow struct{ Row, NameField, ValueField, Name, Value, Error string }

// Metrics are the rows for metrics.
func (f transitionForm) Metrics() (rows []metricRow) {
	for i := range metricRows {
		n := strconv.Itoa(i + 1)
		row := metricRow{Row: n, NameField: "metric_name_" + n, ValueField: "metric_value_" + n}
		row.Name, row.Value, row.Error = f.Values[row.NameField], f.Values[row.ValueField], f.Problems.at(row.NameField)
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

// document is the metrics as JSON, nil when there are none. Errors: validation_failed.
func (f transitionForm) document() (models.JSON, error) {
	var document bytes.Buffer
	seen := map[string]bool{}
	for _, m := range f.Metrics() {
		switch {
		case m.Name == "" && m.Value == "":
			continue
		case m.Name == "":
			return nil, request.Invalid(m.NameField, "required", "%s has a value, and needs a name", m.NameField)
		case m.Value == "":
			return nil, request.Invalid(m.NameField, "required", "%s has a name, and needs a value", m.NameField)
		case seen[m.Name]:
			return nil, request.Invalid(m.NameField, "duplicate", "%s has the name of another one", m.NameField)
		}
		if seen[m.Name] = true; document.Len() > 0 {
			document.WriteByte(',')
		}
		name, err := json.Marshal(m.Name)
		if err != nil {
			return nil, err
		}
		value, err := metricValue(m.Value)
		if err != nil {
			return nil, err
		}
		document.Write(name)
		document.WriteByte(':')
		document.Write(value)
	}
	if document.Len() == 0 {
		return nil, nil
	}
	return models.JSON("{" + document.String() + "}"), nil
}

// metricValue is a value in JSON: what is written as a number there is one, with every digit.
func metricValue(text string) ([]byte, error) {
	var number json.Number
	if json.Unmarshal([]byte(text), &number) == nil && number.String() == text {
		return []byte(text), nil
	}
	return json.Marshal(text)
}

// input is what the form says. Errors: validation_failed.
func (f transitionForm) input(checker request.Checker, zone *time.Location) (services.TransitionInput, error) {
	metrics, err := f.document()
	if err != nil {
		return services.TransitionInput{}, err
	}
	sent := maps.Clone(f.Values)
	sent["id_produk"], sent["stage_previous"] = strconv.FormatInt(f.ID, 10), f.StageID
	sent["catatan"] = asTyped("deskripsi", sent["catatan"])
	if text := sent["tanggal_perubahan"]; text != "" {
		at, err := time.ParseInLocation(localTime, text, zone)
		if err != nil {
			at, err = time.ParseInLocation(localTimeSeconds, text, zone)
		}
		if err != nil {
			return services.TransitionInput{}, request.Invalid("tanggal_perubahan", "timestamp", "tanggal_perubahan must be a date and a time")
		}
		sent["tanggal_perubahan"] = at.UTC().Format(time.RFC3339)
	}
	return checker.Transition(sent, metrics)
}

// Move records a transition of a product that is in the stage in which the person saw it.
func (h *ProductForms) Move(c *fiber.Ctx) error {
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
	return seeOther(c, productAddress(id)+"#timeline", written("transition-recorded", done))
}

func (h *ProductForms) move(c *fiber.Ctx, f transitionForm) (services.Written, error) {
	in, err := f.input(h.checker, h.now().Location())
	if err != nil {
		return services.Written{}, err
	}
	key, err := request.FormKey(c, f.Key)
	if err != nil {
		return services.Written{}, err
	}
	return h.histories.Record(c.UserContext(), in, services.WriteRequest{Key: key, Fingerprint: services.Fingerprint(in, nil)})
}

// moveAgain shows the form again, for the stage in which the product is now.
func (h *ProductForms) moveAgain(c *fiber.Ctx, f transitionForm, err error) error {
	key, err := sentBefore(cmp.Or(f.Key, newKey()), err, "another transition was recorded")
	status, found := problemsOf(err, transitionLabels())
	if found == nil {
		return err
	}
	var now transitionForm
	err = h.site.look(c, func(ctx context.Context, v *services.View) error {
		lists, err := services.Dropdowns(ctx, v)
		if err != nil {
			return err
		}
		product, err := v.Product(ctx, f.ID)
		now = newTransition(product, lists)
		return err
	})
	if err != nil {
		return err
	}
	if now.StageID != f.StageID {
		found.List = append(found.List, problem{Text: "When you opened the form the product was in the stage " + stageText(now.stages, f.StageID) + "; it is now in " + stageText(now.stages, now.StageID)})
	}
	now.Key, now.Values, now.Problems = key, f.Values, found
	return h.site.Show(c, status, Page{Template: "products/transition", Title: "Move " + now.Title, Section: "products", Data: now})
}

func stageText(stages []option, id string) string {
	if id == "" {
		return "“none”"
	}
	return "“" + chosen(stages, id) + "”"
}
