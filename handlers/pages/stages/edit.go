package stages

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers"
	"lifecycle-sync/handlers/pages"
	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
	"lifecycle-sync/services/cache"
	"lifecycle-sync/services/outbox"
	"lifecycle-sync/services/stages"
	"lifecycle-sync/web/messages"
)

// maxTextSize is the maximum size in bytes of a text that the form can edit.
const maxTextSize = 64 << 10

// editForm is the data of the form that corrects a stage history record.
type editForm struct {
	pages.Move

	Fields   []pages.Field
	TooLong  models.Texts // labels of the fields that are too long for the form
	Problems *pages.Problems
}

// fieldNames returns the names of the form's fields in order.
func fieldNames() []string { return []string{"tanggal_perubahan", "catatan", request.MetricsField} }

// Edit shows the form with the record's values in the mirror.
func (h *Pages) Edit(c *fiber.Ctx) error {
	r, err := h.readRecord(c)
	if err != nil {
		return err
	}
	return h.show(c, fiber.StatusOK, r.ListedRecord, pages.Form{})
}

// readRecord reads the record of the path. Errors: validation_failed, not_found, connection, timeout.
func (h *Pages) readRecord(c *fiber.Ctx) (stages.Current, error) {
	id, err := request.ID(c)
	if err != nil {
		return stages.Current{}, err
	}
	return pages.Read(h.Site, c, func(ctx context.Context, v cache.View) (stages.Current, error) {
		record, version, err := stages.Get(ctx, v, id)
		return stages.Current{ListedRecord: record, Version: version}, err
	})
}

// show shows the form. Fields that were not submitted have the record's values.
func (h *Pages) show(c *fiber.Ctx, status int, record models.ListedRecord, submitted pages.Form) error {
	values := h.formValues(record)
	maps.DeleteFunc(values, func(_, text string) bool { return len(text) > maxTextSize })
	originals := maps.Clone(values)
	maps.Copy(values, submitted.Values)
	maps.Copy(originals, submitted.Originals)
	form := editForm{Move: pages.NewMove(record), Problems: submitted.Problems}
	form.Fields, form.TooLong = pages.Form{Values: values, Originals: originals, Problems: submitted.Problems}.Fill([]pages.Field{
		{Name: "tanggal_perubahan", Kind: "datetime-local", Hint: models.NewText("console_stages.when_hint", nil), Required: record.ChangedAt != nil},
		{Name: "catatan", Kind: models.FieldTextarea},
		{Name: request.MetricsField, Kind: models.FieldTextarea, Hint: models.NewText("console_stages.metrics_hint", nil)},
	})
	title := submitted.Problems.PageTitle(models.NewText("console_stages.edit", nil))
	return h.Site.Show(c, status, pages.Page{Template: "stages/edit", Title: title, Section: section, Data: form})
}

// formValues returns a record's form values.
func (h *Pages) formValues(record models.ListedRecord) map[string]string {
	at := ""
	if record.ChangedAt != nil {
		at = record.ChangedAt.Time().In(h.Zone).Format("2006-01-02T15:04")
	}
	return map[string]string{"tanggal_perubahan": at, "catatan": pages.Deref(record.Notes), request.MetricsField: indentJSON(record.Metrics)}
}

// indentJSON returns a document indented for editing, "" for none.
func indentJSON(document models.JSON) string {
	var out bytes.Buffer
	if document == nil || json.Indent(&out, document, "", "  ") != nil {
		return string(document)
	}
	return out.String()
}

// Correct writes the fields that the user changed, and keeps other users' changes of other fields. If another user changed
// the same field, it writes nothing and shows both values.
func (h *Pages) Correct(c *fiber.Ctx) error {
	r, err := h.readRecord(c)
	if err != nil {
		return err
	}
	var allowed []string
	for _, name := range fieldNames() {
		allowed = append(allowed, name, pages.OriginalPrefix+name)
	}
	fields, err := request.ReadPlainForm(c, allowed...)
	if err != nil {
		return err
	}
	submitted := pages.SubmittedForm(fields, fieldNames(), func(_, text string) string { return pages.UnixLines(text) })
	values := submitted.ChangedValues()
	if len(values) == 0 {
		return pages.SeeOther(c, historyAddress(*r.ProductID), pages.StageRecordUnchanged)
	}
	result, err := h.correct(c.UserContext(), r.ID, values, submitted.Originals)
	if current, ok := pages.CurrentRow[stages.Current](err); ok {
		return h.showConflict(c, current.ListedRecord, submitted)
	}
	if err != nil {
		status, problems := h.Site.Problems(c, err, fieldNames()...)
		if submitted.Problems = problems; problems == nil {
			return err
		}
		return h.show(c, status, r.ListedRecord, submitted)
	}
	return pages.SeeOther(c, historyAddress(*r.ProductID), pages.NoticeOf(pages.StageRecordChanged, result))
}

// conflicts reports whether another user changed a field to a different value.
func conflicts(original, mine, current string) bool { return current != original && current != mine }

// showConflict redisplays the form for a record that has changed: the user's entries, and the current values where they
// differ. Submitting it again overwrites those.
func (h *Pages) showConflict(c *fiber.Ctx, current models.ListedRecord, submitted pages.Form) error {
	form := pages.Form{Values: submitted.ChangedValues(), Originals: map[string]string{}, Problems: &pages.Problems{Heading: models.NewText("console_stages.conflict", nil)}}
	currentValues := h.formValues(current)
	for _, name := range fieldNames() {
		value := currentValues[name]
		mine, ok := form.Values[name]
		if !ok {
			continue // show and keep the current value
		}
		if form.Originals[name] = value; len(value) > maxTextSize {
			delete(form.Values, name)
			delete(form.Originals, name)
		}
		if conflicts(submitted.Originals[name], mine, pages.UnixLines(value)) {
			text := models.NewText("console_stages.conflict_field", models.Params{"field": messages.FieldLabel(name), "value": quote(value)})
			form.Problems.List = append(form.Problems.List, pages.Problem{Field: name, Text: text})
		}
	}
	return h.show(c, fiber.StatusPreconditionFailed, current, form)
}

// quote returns a text in quotes, truncated for use in a sentence.
func quote(text string) any {
	const maxLength = 500
	start, truncated := pages.Truncate(text, maxLength)
	switch {
	case text == "":
		return models.NewText("console_stages.empty", nil)
	case truncated:
		return "“" + start + "…”"
	default:
		return "“" + start + "”"
	}
}

// correct writes the changed values, unless another user has changed one of these fields from its original value.
func (h *Pages) correct(ctx context.Context, id int64, values, originals map[string]string) (outbox.Result, error) {
	texts := maps.Clone(values)
	if text := values["tanggal_perubahan"]; text != "" {
		at, err := pages.ParseLocalTime("tanggal_perubahan", text, h.Zone)
		if err != nil {
			return outbox.Result{}, err
		}
		texts["tanggal_perubahan"] = at
	}
	in, err := h.Checker.Correction(texts)
	if err != nil {
		return outbox.Result{}, err
	}
	return h.Writer.Correct(ctx, id, in, nil, func(current models.ListedRecord) error {
		currentValues := h.formValues(current)
		for name, mine := range values {
			if conflicts(originals[name], mine, pages.UnixLines(currentValues[name])) {
				return stages.NewChangedError(stages.Current{ListedRecord: current})
			}
		}
		return nil
	})
}

// Delete asks for confirmation, then deletes a record, if it still has the confirmed row version.
func (h *Pages) Delete(c *fiber.Ctx) error {
	return pages.Action[stages.Current]{
		Site: h.Site, Section: section, UsesRowVersion: true, Target: h.readRecord,
		Describe: func(c *fiber.Ctx, r stages.Current, current any) (pages.Confirmation, error) {
			if row, ok := current.(stages.Current); ok {
				r = row
			}
			return confirmDelete(handlers.PrinterOf(c).Format, r), nil
		},
		Do: func(ctx context.Context, r stages.Current, version string) (string, pages.Notice, error) {
			result, err := h.Writer.Delete(ctx, r.ID, models.RowVersions{version})
			return historyAddress(*r.ProductID), pages.NoticeOf(pages.StageRecordDeleted, result), err
		},
	}.Handle(c)
}

func confirmDelete(format *messages.Format, current stages.Current) pages.Confirmation {
	r := pages.NewMove(current.ListedRecord)
	confirmation := pages.Confirmation{
		Heading: models.NewText("console_stages.delete_title", nil), Crumb: r.ProductName, Back: historyAddress(*r.ProductID), Version: current.Version,
		Text: models.NewText("console_stages.delete_text", nil), Action: address(r.ID, "/delete"),
		Button: models.NewText("console_stages.delete_record", nil), Cancel: models.NewText("console.cancel", nil),
		Facts: []pages.Fact{
			{Label: messages.FieldLabel("tanggal_perubahan"), Text: format.Time(r.ChangedAt)},
			{Label: messages.FieldLabel("stage_previous"), Text: r.From},
			{Label: messages.FieldLabel("stage_now"), Text: r.To},
		},
	}
	if r.Note != nil {
		confirmation.Facts = append(confirmation.Facts, pages.Fact{Label: messages.FieldLabel("catatan"), Value: r.Note})
	}
	if r.Metrics != nil {
		confirmation.Facts = append(confirmation.Facts, pages.Fact{Label: messages.FieldLabel(request.MetricsField), Values: r.Metrics})
	}
	return confirmation
}
