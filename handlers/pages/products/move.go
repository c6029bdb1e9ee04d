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

// metricRows is how many metrics the form has room for.
const metricRows = 4

// moveForm is the form that moves a product to another stage.
type moveForm struct {
	pages.Form

	ID      int64 // of the product
	Title   string
	Key     string
	StageID string // in which the person saw the product, "" for none
	Stage   string // its name
	Zone    string // of the times that the person enters

	stages []pages.Option
}

func newMove(p models.ListedProduct, lists products.DropdownLists, now time.Time) moveForm {
	form := moveForm{
		ID: p.ID, Title: title(p), Key: pages.NewKey(), Stage: pages.Named(p.Stage, p.StageID), stages: pages.Choices(lists)["tbl_stage"], Zone: now.Format("MST"),
	}
	if p.StageID != nil {
		form.StageID = strconv.FormatInt(*p.StageID, 10)
	}
	return form
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
	others := slices.DeleteFunc(slices.Clone(f.stages), func(s pages.Option) bool { return s.Value == f.StageID })
	fields, _ := f.Fill([]pages.Field{
		{Name: "stage_now", Kind: models.FieldSelect, Required: true, Options: others, Blank: models.NewText("console_products.choose", nil)},
		{Name: "tanggal_perubahan", Kind: "datetime-local", Hint: models.NewText("console_products.when_hint", models.Params{"zone": f.Zone})},
		{Name: "catatan", Kind: models.FieldTextarea, Wide: true},
	})
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
	return slices.ContainsFunc(f.Metrics(), func(m metricRow) bool { return m.Name+m.Value != "" })
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
	at, invalidTime := pages.ParseLocalTime("tanggal_perubahan", sent["tanggal_perubahan"], zone)
	metrics, invalidMetrics := f.document()
	sent["tanggal_perubahan"], sent[request.MetricsField] = at, string(metrics)
	in, err := checker.Move(sent)
	in.FromNone = f.StageID == ""
	var wrong []models.FieldError
	for _, refused := range []error{err, invalidTime} {
		if refused != nil {
			wrong = append(wrong, models.AsError(refused).Fields...)
		}
	}
	if wrong = append(wrong, invalidMetrics...); wrong != nil {
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
	f := moveForm{ID: id, Key: fields[request.KeyField], StageID: fields["stage_previous"], Form: pages.Form{Values: fields}}
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
	now, err := pages.Read(h.site, c, func(ctx context.Context, v cache.View) (moveForm, error) {
		lists, err := products.Dropdowns(ctx, v)
		if err != nil {
			return moveForm{}, err
		}
		p, err := reader(v).Product(ctx, f.ID)
		return newMove(p, lists, h.now()), err
	})
	if pages.IsClass(err, models.NotFound) {
		return err
	}
	if err != nil { // the problem is shown, and the entries are kept
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

var (
	// indonesian is a number as the console writes it: full stops between the thousands, a comma before the fraction.
	indonesian = regexp.MustCompile(`^([-−]?)((?:0|[1-9][0-9]*)|[1-9][0-9]{0,2}(?:\.[0-9]{3})+)(?:,([0-9]+))?$`)
	// english is a number with the marks the other way round.
	english = regexp.MustCompile(`^[-−]?(?:[0-9]+\.[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?)$`)
)

// metricValue returns an entry as JSON: a number with every digit, else a text. It is not ok for a number that could be
// misread.
func metricValue(text string) (written string, ok bool) {
	text = strings.TrimSpace(text)
	parts := indonesian.FindStringSubmatch(text)
	if parts == nil {
		return jsonText(text), !english.MatchString(text)
	}
	if written = strings.ReplaceAll(parts[2], ".", ""); parts[1] != "" {
		written = "-" + written
	}
	if parts[3] != "" {
		written += "." + parts[3]
	}
	return written, true
}
