package stages

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers/pages"
	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
	"lifecycle-sync/services/cache"
	"lifecycle-sync/services/outbox"
	"lifecycle-sync/services/stages"
	"lifecycle-sync/web/messages"
)

// longestText is the size in bytes of a text that a form can edit.
const longestText = 64 << 10

// editForm is the form that corrects a record.
type editForm struct {
	pages.StageRecord

	Fields   []pages.Field
	TooLong  models.Texts // labels of the fields that are too long for the form
	Problems *pages.Problems
}

// fieldNames are the names of the form's fields in order.
func fieldNames() []string { return []string{"tanggal_perubahan", "catatan", request.MetricsField} }

// Edit shows the form of a record as it is in the mirror.
func (h *Pages) Edit(c *fiber.Ctx) error {
	r, err := h.find(c)
	if err != nil {
		return err
	}
	if err := request.ParseQuery(c).Err(); err != nil {
		return err
	}
	return h.show(c, fiber.StatusOK, r.ListedRecord, pages.Form{})
}

// find reads the record that the address names. Errors: validation_failed, not_found, connection, timeout.
func (h *Pages) find(c *fiber.Ctx) (stages.Current, error) {
	id, err := request.ID(c)
	if err != nil {
		return stages.Current{}, err
	}
	return pages.Read(h.site, c, func(ctx context.Context, v cache.View) (stages.Current, error) {
		t, version, err := stages.Get(ctx, v, id)
		return stages.Current{ListedRecord: t, Version: version}, err
	})
}

// show shows the form. sent is what was entered; a field that was not has the record's value.
func (h *Pages) show(c *fiber.Ctx, status int, t models.ListedRecord, sent pages.Form) error {
	values := h.entries(t)
	maps.DeleteFunc(values, func(_, text string) bool { return len(text) > longestText })
	was := maps.Clone(values)
	maps.Copy(values, sent.Values)
	maps.Copy(was, sent.Was)
	form := editForm{StageRecord: pages.NewStageRecord(t), Problems: sent.Problems}
	form.Fields, form.TooLong = pages.Form{Values: values, Was: was, Problems: sent.Problems}.Fill([]pages.Field{
		{Name: "tanggal_perubahan", Kind: "datetime-local", Hint: models.NewText("console_stages.when_hint", nil), Required: t.ChangedAt != nil},
		{Name: "catatan", Kind: models.FieldTextarea},
		{Name: request.MetricsField, Kind: models.FieldTextarea, Hint: models.NewText("console_stages.metrics_hint", nil)},
	})
	title := sent.Problems.Titled(models.NewText("console_stages.edit", nil))
	return h.site.Show(c, status, pages.Page{Template: "stages/edit", Title: title, Section: section, Data: form})
}

// entries are a record's values as the form has them.
func (h *Pages) entries(t models.ListedRecord) map[string]string {
	at := ""
	if t.ChangedAt != nil {
		at = t.ChangedAt.Time().In(h.zone).Format("2006-01-02T15:04")
	}
	return map[string]string{"tanggal_perubahan": at, "catatan": pages.Deref(t.Notes), request.MetricsField: indented(t.Metrics)}
}

// indented is a document as people can edit it, "" for none.
func indented(document models.JSON) string {
	var out bytes.Buffer
	if document == nil || json.Indent(&out, document, "", "  ") != nil {
		return string(document)
	}
	return out.String()
}

// Correct writes the fields that the person changed, so what others have changed since stays. If both changed the same
// field, it writes nothing and shows both.
func (h *Pages) Correct(c *fiber.Ctx) error {
	r, err := h.find(c)
	if err != nil {
		return err
	}
	var known []string
	for _, name := range fieldNames() {
		known = append(known, name, pages.WasPrefix+name)
	}
	fields, err := request.ReadPlainForm(c, known...)
	if err != nil {
		return err
	}
	sent := pages.SentForm(fields, fieldNames(), func(_, text string) string { return pages.UnixLines(text) })
	changed := sent.Changed()
	if len(changed) == 0 {
		return pages.SeeOther(c, historyOf(*r.ProductID), pages.StageRecordUnchanged)
	}
	done, err := h.correct(c.UserContext(), r.ID, changed, sent.Was)
	if current, is := pages.ChangedRow[stages.Current](err); is {
		return h.showConflict(c, current.ListedRecord, sent)
	}
	if err != nil {
		status, problems := h.site.Problems(c, err, fieldNames()...)
		if sent.Problems = problems; problems == nil {
			return err
		}
		return h.show(c, status, r.ListedRecord, sent)
	}
	return pages.SeeOther(c, historyOf(*r.ProductID), pages.NoticeOf(pages.StageRecordChanged, done))
}

// conflicts reports whether someone else changed a field to another value than the person did.
func conflicts(was, mine, now string) bool { return now != was && now != mine }

// showConflict shows the form again for a record that has changed: the person's entries, each with the current value if
// that is another one. Sent again, they are meant.
func (h *Pages) showConflict(c *fiber.Ctx, current models.ListedRecord, sent pages.Form) error {
	again := pages.Form{Values: sent.Changed(), Was: map[string]string{}, Problems: &pages.Problems{Heading: models.NewText("console_stages.conflict", nil)}}
	entries := h.entries(current)
	for _, name := range fieldNames() {
		now := entries[name]
		mine, entered := again.Values[name]
		if !entered {
			continue // the current value is shown, and stays
		}
		if again.Was[name] = now; len(now) > longestText {
			delete(again.Values, name)
			delete(again.Was, name)
		}
		if conflicts(sent.Was[name], mine, pages.UnixLines(now)) {
			text := models.NewText("console_stages.conflict_field", models.Params{"field": messages.FieldLabel(name), "value": quoted(now)})
			again.Problems.List = append(again.Problems.List, pages.Problem{Field: name, Text: text})
		}
	}
	return h.show(c, fiber.StatusPreconditionFailed, current, again)
}

// quoted is as much of a text as a sentence can hold.
func quoted(text string) any {
	const longest = 500
	start, cut := pages.Beginning(text, longest)
	switch {
	case text == "":
		return models.NewText("console_stages.empty", nil)
	case cut:
		return "“" + start + "…”"
	default:
		return "“" + start + "”"
	}
}

// correct writes what was changed, unless someone else changed one of these fields since it was as in was.
func (h *Pages) correct(ctx context.Context, id int64, changed, was map[string]string) (outbox.Result, error) {
	written := maps.Clone(changed)
	if text := changed["tanggal_perubahan"]; text != "" {
		at, err := pages.ParseLocalTime("tanggal_perubahan", text, h.zone)
		if err != nil {
			return outbox.Result{}, err
		}
		written["tanggal_perubahan"] = at
	}
	in, err := h.checker.Correction(written)
	if err != nil {
		return outbox.Result{}, err
	}
	return h.writer.Correct(ctx, id, in, nil, func(now models.ListedRecord) error {
		entries := h.entries(now)
		for name, mine := range changed {
			if conflicts(was[name], mine, pages.UnixLines(entries[name])) {
				return stages.NewChangedError(stages.Current{ListedRecord: now})
			}
		}
		return nil
	})
}

// AskDelete asks whether a record is to be deleted.
func (h *Pages) AskDelete(c *fiber.Ctx) error { return h.deletion().Ask(c) }

// Delete deletes a record in the row version that the person has seen.
func (h *Pages) Delete(c *fiber.Ctx) error { return h.deletion().Confirm(c) }

func (h *Pages) deletion() pages.Action[stages.Current] {
	return pages.Action[stages.Current]{
		Site: h.site, Section: section, Versioned: true, Target: h.find,
		Describe: func(_ *fiber.Ctx, r stages.Current, changed any) (pages.Confirmation, error) {
			if current, is := changed.(stages.Current); is {
				r = current
			}
			return h.confirmDelete(r), nil
		},
		Do: func(ctx context.Context, r stages.Current, version string) (string, pages.Notice, error) {
			done, err := h.writer.Delete(ctx, r.ID, models.RowVersions{version})
			return historyOf(*r.ProductID), pages.NoticeOf(pages.StageRecordDeleted, done), err
		},
	}
}

func (h *Pages) confirmDelete(current stages.Current) pages.Confirmation {
	r := pages.NewStageRecord(current.ListedRecord)
	confirmation := pages.Confirmation{
		Heading: models.NewText("console_stages.delete_title", nil), Crumb: r.ProductName, Back: historyOf(*r.ProductID), Version: current.Version,
		Text: models.NewText("console_stages.delete_text", nil), Action: address(r.ID, "/delete"),
		Button: models.NewText("console_stages.delete_record", nil), Cancel: models.NewText("console.cancel", nil),
		Facts: []pages.Fact{
			{Label: messages.FieldLabel("tanggal_perubahan"), Text: h.site.Texts().Time(r.ChangedAt)},
			{Label: messages.FieldLabel("stage_previous"), Text: r.From},
			{Label: messages.FieldLabel("stage_now"), Text: r.To},
		},
	}
	if r.Note != nil {
		confirmation.Facts = append(confirmation.Facts, pages.Fact{Label: messages.FieldLabel("catatan"), Value: r.Note})
	}
	if r.Measured != nil {
		confirmation.Facts = append(confirmation.Facts, pages.Fact{Label: messages.FieldLabel(request.MetricsField), Values: r.Measured})
	}
	return confirmation
}
