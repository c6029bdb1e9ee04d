package stages

import (
	"bytes"
	"context"
	"encoding/json"
	"time"

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
	record

	Fields   []pages.Field
	TooLong  models.Texts // labels of the fields that are too long for the form
	Problems *pages.Problems
}

// editFields are the form's fields in order.
func editFields() []pages.Field {
	return []pages.Field{
		{Name: "tanggal_perubahan", Kind: "datetime-local", Hint: models.NewText("console_stages.when_hint", nil)},
		{Name: "catatan", Kind: models.FieldTextarea},
		{Name: request.MetricsField, Kind: models.FieldTextarea, Hint: models.NewText("console_stages.metrics_hint", nil)},
	}
}

// fieldNames are the names of the form's fields.
func fieldNames() (names []string) {
	for _, f := range editFields() {
		names = append(names, f.Name)
	}
	return names
}

// Edit shows the form of a record as it is in the mirror.
func (h *Pages) Edit(c *fiber.Ctx) error {
	t, _, err := h.find(c)
	if err != nil {
		return err
	}
	if err := request.ParseQuery(c).Err(); err != nil {
		return err
	}
	return h.show(c, fiber.StatusOK, t, nil, nil)
}

// find reads the record that the address names, and its row version. Errors: validation_failed, not_found, connection, timeout.
func (h *Pages) find(c *fiber.Ctx) (t models.ListedTransition, version string, err error) {
	id, err := request.ID(c)
	if err != nil {
		return t, "", err
	}
	err = h.site.View(c, func(ctx context.Context, v cache.View) error {
		if t, err = v.Transition(ctx, id); err != nil {
			return err
		}
		row, err := v.TransitionRow(ctx, id)
		if err == nil {
			version = row.Version()
		}
		return err
	})
	return t, version, err
}

// show shows the form; sent is what was entered, if anything.
func (h *Pages) show(c *fiber.Ctx, status int, t models.ListedTransition, sent map[string]string, problems *pages.Problems) error {
	form := editForm{record: recordOf(t), Problems: problems}
	now := h.entries(t)
	for _, f := range editFields() {
		f.Value, f.Was, f.KeepWas, f.Error = now[f.Name], now[f.Name], true, problems.At(f.Name)
		f.Required = f.Name == "tanggal_perubahan" && t.ChangedAt != nil
		if value, entered := sent[f.Name]; entered {
			f.Value, f.Was = value, sent[pages.WasPrefix+f.Name]
		}
		if len(f.Was) > longestText {
			form.TooLong = append(form.TooLong, f.Label())
			continue
		}
		form.Fields = append(form.Fields, f)
	}
	title := problems.Titled(models.NewText("console_stages.edit", nil))
	return h.site.Show(c, status, pages.Page{Template: "stages/edit", Title: title, Section: section, Data: form})
}

// entries are a record's values as the form has them.
func (h *Pages) entries(t models.ListedTransition) map[string]string {
	entries := map[string]string{"catatan": pages.Deref(t.Notes), request.MetricsField: indented(t.Metrics)}
	if entries["tanggal_perubahan"] = ""; t.ChangedAt != nil {
		entries["tanggal_perubahan"] = t.ChangedAt.Time().In(h.zone).Format("2006-01-02T15:04")
	}
	return entries
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
	t, _, err := h.find(c)
	if err != nil {
		return err
	}
	var known []string
	for _, name := range fieldNames() {
		known = append(known, name, pages.WasPrefix+name)
	}
	sent, err := request.ReadPlainForm(c, known...)
	if err != nil {
		return err
	}
	changed := map[string]string{}
	for _, name := range fieldNames() {
		value, entered := sent[name]
		if !entered {
			continue
		}
		sent[name], sent[pages.WasPrefix+name] = pages.UnixLines(value), pages.UnixLines(sent[pages.WasPrefix+name])
		if sent[name] != sent[pages.WasPrefix+name] {
			changed[name] = sent[name]
		}
	}
	if len(changed) == 0 {
		return pages.SeeOther(c, historyOf(t.ProductID), pages.StageRecordUnchanged)
	}
	done, err := h.correct(c.UserContext(), t.ID, changed, sent)
	if current, is := currentOf(err); is {
		return h.showConflict(c, current.ListedTransition, changed, sent)
	}
	if err != nil {
		status, problems := h.site.Problems(c, err, fieldNames()...)
		if problems == nil {
			return err
		}
		return h.show(c, status, t, sent, problems)
	}
	return pages.SeeOther(c, historyOf(t.ProductID), pages.NoticeOf(pages.StageRecordChanged, done))
}

// currentOf returns the current record if a write was refused because it has changed.
func currentOf(err error) (stages.Current, bool) {
	if !pages.IsClass(err, models.PreconditionFailed) {
		return stages.Current{}, false
	}
	current, is := models.AsError(err).Data.(stages.Current)
	return current, is
}

// conflicts reports whether someone else changed a field to another value than the person did.
func conflicts(was, mine, now string) bool { return now != was && now != mine }

// showConflict shows the form again for a record that has changed: the person's entries, each with the current value if
// that is another one. Sent again, they are meant.
func (h *Pages) showConflict(c *fiber.Ctx, current models.ListedTransition, changed, sent map[string]string) error {
	problems := &pages.Problems{Heading: models.NewText("console_stages.conflict", nil)}
	again := map[string]string{}
	entries := h.entries(current)
	for _, name := range fieldNames() {
		now, mine := entries[name], sent[name]
		if _, entered := changed[name]; !entered {
			continue // the current value is shown, and stays
		}
		again[name], again[pages.WasPrefix+name] = mine, now
		if conflicts(sent[pages.WasPrefix+name], mine, pages.UnixLines(now)) {
			text := models.NewText("console_stages.conflict_field", models.Params{"field": messages.FieldLabel(name), "value": quoted(now)})
			problems.List = append(problems.List, pages.Problem{Field: name, Text: text})
		}
	}
	return h.show(c, fiber.StatusPreconditionFailed, current, again, problems)
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

// correct writes what was changed, unless a field is no longer what sent says it was.
func (h *Pages) correct(ctx context.Context, id int64, changed, sent map[string]string) (outbox.Result, error) {
	if text := changed["tanggal_perubahan"]; text != "" {
		at, err := pages.ParseLocalTime(text, h.zone)
		if err != nil {
			return outbox.Result{}, request.Invalid("tanggal_perubahan", "timestamp", "request.date_and_time", nil)
		}
		changed["tanggal_perubahan"] = at.UTC().Format(time.RFC3339)
	}
	in, err := h.checker.Correction(changed)
	if err != nil {
		return outbox.Result{}, err
	}
	return h.writer.Correct(ctx, id, in, nil, func(now models.ListedTransition) error {
		for name, is := range h.entries(now) {
			if _, mine := changed[name]; mine && conflicts(sent[pages.WasPrefix+name], sent[name], pages.UnixLines(is)) {
				return stages.NewChangedError(stages.Current{ListedTransition: now})
			}
		}
		return nil
	})
}

// AskDelete asks whether a record is to be deleted.
func (h *Pages) AskDelete(c *fiber.Ctx) error {
	if _, err := request.OnlyID(c); err != nil {
		return err
	}
	return h.site.Ask(c, h.deletion())
}

// Delete deletes a record in the row version that the person has seen.
func (h *Pages) Delete(c *fiber.Ctx) error { return h.site.Confirmed(c, h.deletion()) }

func (h *Pages) deletion() pages.Action {
	return pages.Action{
		Section: section, Versioned: true,
		Ask: func(c *fiber.Ctx, changed any) (pages.Confirmation, error) {
			if current, is := changed.(stages.Current); is {
				return h.confirmDelete(current.ListedTransition, current.Version), nil
			}
			t, version, err := h.find(c)
			return h.confirmDelete(t, version), err
		},
		Do: func(c *fiber.Ctx, version string) (string, pages.Notice, error) {
			t, _, err := h.find(c)
			if err != nil {
				return "", pages.NoNotice, err
			}
			done, err := h.writer.Delete(c.UserContext(), t.ID, models.RowVersions{version})
			return historyOf(t.ProductID), pages.NoticeOf(pages.StageRecordDeleted, done), err
		},
	}
}

func (h *Pages) confirmDelete(t models.ListedTransition, version string) pages.Confirmation {
	r := recordOf(t)
	confirmation := pages.Confirmation{
		Heading: models.NewText("console_stages.delete_title", nil), Crumb: r.Product, Back: historyOf(r.ProductID), Version: version,
		Text: models.NewText("console_stages.delete_text", nil), Action: address(r.ID, "/delete"),
		Button: models.NewText("console_stages.delete_record", nil), Cancel: models.NewText("console.cancel", nil),
		Facts: []pages.Fact{
			{Label: messages.FieldLabel("tanggal_perubahan"), Text: h.site.Texts().Time(r.ChangedAt)},
			{Label: messages.FieldLabel("stage_previous"), Text: r.From},
			{Label: messages.FieldLabel("stage_now"), Text: r.To},
		},
	}
	if r.Notes != nil {
		confirmation.Facts = append(confirmation.Facts, pages.Fact{Label: messages.FieldLabel("catatan"), Value: r.Notes})
	}
	if r.Metrics != nil {
		confirmation.Facts = append(confirmation.Facts, pages.Fact{Label: messages.FieldLabel(request.MetricsField), Values: r.Metrics})
	}
	return confirmation
}
