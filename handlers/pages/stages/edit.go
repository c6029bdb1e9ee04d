package stages

import (
	"bytes"
	"context"
	"encoding/json"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers/pages"
	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
	"lifecycle-sync/services/cache"
	"lifecycle-sync/services/outbox"
	"lifecycle-sync/services/stages"
)

// editable is how long a text may be, in bytes, to be changed in a form.
const editable = 64 << 10

// historyWriter changes the stage history. Errors: as stages.Writer.
type historyWriter interface {
	Correct(ctx context.Context, id int64, in stages.Input, versions models.RowVersions, check func(now models.ListedTransition) error) (outbox.Result, error)
	Delete(ctx context.Context, id int64, ifMatch models.RowVersions) (outbox.Result, error)
}

// correction is the form that corrects a transition.
type correction struct {
	historyRow

	Fields   []pages.Field
	TooLong  []string // what cannot be changed here
	Problems *pages.Problems
}

// correctionLabels are the names of the form's fields for people.
func correctionLabels() map[string]string {
	return map[string]string{"tanggal_perubahan": "When", "catatan": "Notes", request.MetricsField: "Metrics"}
}

// Edit shows the form with the transition as it is in the mirror.
func (h *Pages) Edit(c *fiber.Ctx) error {
	t, err := h.transition(c)
	if err != nil {
		return err
	}
	if err := request.ParseQuery(c).Err(); err != nil {
		return err
	}
	return h.edit(c, fiber.StatusOK, t, nil, nil)
}

// transition is the one that the address names. Errors: validation_failed, not_found, connection, timeout.
func (h *Pages) transition(c *fiber.Ctx) (t models.ListedTransition, err error) {
	id, err := request.ID(c)
	if err != nil {
		return t, err
	}
	err = h.site.View(c, func(ctx context.Context, v cache.View) error {
		t, err = v.Transition(ctx, id)
		return err
	})
	return t, err
}

// edit shows the form; sent is what was filled in, if it was.
func (h *Pages) edit(c *fiber.Ctx, status int, t models.ListedTransition, sent map[string]string, wrong *pages.Problems) error {
	form := correction{historyRow: historyRowOf(t), Problems: wrong}
	labels := correctionLabels()
	now := h.entries(t)
	for _, f := range []pages.Field{
		{Name: "tanggal_perubahan", Kind: "datetime-local", Required: t.ChangedAt != nil,
			Hint: "Only what is written down changes: the product stays in its stage."},
		{Name: "catatan", Kind: "textarea"},
		{Name: request.MetricsField, Kind: "textarea",
			Hint: `A JSON object, as {"pendapatan": 1250000, "kepuasan": 4.5}: in JSON a full stop is the decimal mark, and nothing stands between thousands. Empty for none.`},
	} {
		f.Value = now[f.Name]
		f.Label, f.Was, f.KeepWas, f.Error = labels[f.Name], f.Value, true, wrong.At(f.Name)
		if value, filled := sent[f.Name]; filled {
			f.Value, f.Was = value, sent[pages.WasPrefix+f.Name]
		}
		if len(f.Was) > editable {
			form.TooLong = append(form.TooLong, f.Label)
			continue
		}
		form.Fields = append(form.Fields, f)
	}
	return h.site.Show(c, status, pages.Page{Template: "stages/edit", Title: wrong.Titled("Correct a transition"), Section: "stages", Data: form})
}

// entries are the form's fields as they are of a transition.
func (h *Pages) entries(t models.ListedTransition) map[string]string {
	return map[string]string{"tanggal_perubahan": h.typed(t.ChangedAt), "catatan": pages.Deref(t.Notes), request.MetricsField: indented(t.Metrics)}
}

// typed is a time as a browser's field has it, "" for none.
func (h *Pages) typed(at *models.Instant) string {
	if at == nil {
		return ""
	}
	return at.Time().In(h.zone).Format("2006-01-02T15:04")
}

// indented is a document that people can change; "" for none.
func indented(document models.JSON) string {
	var out bytes.Buffer
	if document == nil || json.Indent(&out, document, "", "  ") != nil {
		return string(document)
	}
	return out.String()
}

// Correct writes what differs from what the form knew when it was opened, and nothing else: what somebody else has
// changed meanwhile stays. Where both have changed the same, nothing is written, and the form shows both.
func (h *Pages) Correct(c *fiber.Ctx) error {
	t, err := h.transition(c)
	if err != nil {
		return err
	}
	var known []string
	for name := range correctionLabels() {
		known = append(known, name, pages.WasPrefix+name)
	}
	sent, err := request.ReadPlainForm(c, known...)
	if err != nil {
		return err
	}
	changed := map[string]string{}
	for name := range correctionLabels() {
		value, filled := sent[name]
		if !filled {
			continue
		}
		sent[name], sent[pages.WasPrefix+name] = pages.UnixLines(value), pages.UnixLines(sent[pages.WasPrefix+name])
		if sent[name] != sent[pages.WasPrefix+name] {
			changed[name] = sent[name]
		}
	}
	if len(changed) == 0 {
		return pages.SeeOther(c, historyOf(t.ProductID), "transition-unchanged")
	}
	done, err := h.correct(c.UserContext(), t.ID, changed, sent)
	if current, is := transitionMeanwhile(err); is {
		return h.editChanged(c, current.ListedTransition, changed, sent)
	}
	if err != nil {
		status, wrong := h.site.Problems(c, err, correctionLabels())
		if wrong == nil {
			return err
		}
		return h.edit(c, status, t, sent, wrong)
	}
	return pages.SeeOther(c, historyOf(t.ProductID), pages.NoticeOf("transition-corrected", done))
}

// transitionMeanwhile is the transition as it is, where an error says that somebody else has changed it.
func transitionMeanwhile(err error) (stages.Current, bool) {
	if !pages.IsClass(err, models.PreconditionFailed) {
		return stages.Current{}, false
	}
	current, is := models.AsError(err).Data.(stages.Current)
	return current, is
}

// clash reports whether somebody else has made another thing of a field than the person, who changed it from what
// it was.
func clash(was, mine, now string) bool { return now != was && now != mine }

// editChanged shows the form again for a transition that is not what the person has seen: their own entries, each
// with what the field is now, where that is something else. Sent again, they are meant.
func (h *Pages) editChanged(c *fiber.Ctx, current models.ListedTransition, changed, sent map[string]string) error {
	wrong := &pages.Problems{Heading: "Somebody else has changed this transition meanwhile; nothing was saved"}
	again := map[string]string{}
	entries := h.entries(current)
	for _, name := range []string{"tanggal_perubahan", "catatan", request.MetricsField} {
		now := entries[name]
		if _, mine := changed[name]; !mine {
			continue // theirs is shown, and stays
		}
		mine := sent[name]
		again[name], again[pages.WasPrefix+name] = mine, now
		if clash(sent[pages.WasPrefix+name], mine, pages.UnixLines(now)) {
			wrong.List = append(wrong.List, pages.Problem{Field: name, Text: correctionLabels()[name] + " is now " + quotedStart(now) + ". Save again to put yours in its place"})
		}
	}
	return h.edit(c, fiber.StatusPreconditionFailed, current, again, wrong)
}

// quotedStart is as much of a text as a sentence can hold.
func quotedStart(text string) string {
	const most = 500
	start, longer := pages.Beginning(text, most)
	switch {
	case text == "":
		return "empty"
	case longer:
		return "“" + start + "…”"
	default:
		return "“" + start + "”"
	}
}

// correct writes what was changed, unless what sent says that it was is no longer so.
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
			if _, mine := changed[name]; mine && clash(sent[pages.WasPrefix+name], sent[name], pages.UnixLines(is)) {
				return stages.NewChangedError(stages.Current{ListedTransition: now})
			}
		}
		return nil
	})
}

// doomedTransition is a transition that may be deleted.
type doomedTransition struct {
	historyRow

	Version string // the only one that is deleted
	Changed bool   // it was asked for another state
}

// AskDelete asks whether a transition is really to be deleted.
func (h *Pages) AskDelete(c *fiber.Ctx) error {
	id, err := request.OnlyID(c)
	if err != nil {
		return err
	}
	var shown doomedTransition
	err = h.site.View(c, func(ctx context.Context, v cache.View) error {
		t, err := v.Transition(ctx, id)
		if err != nil {
			return err
		}
		row, err := v.TransitionRow(ctx, id)
		if err == nil {
			shown = doomedTransition{historyRow: historyRowOf(t), Version: row.Version()}
		}
		return err
	})
	if err != nil {
		return err
	}
	return h.askDelete(c, fiber.StatusOK, shown)
}

func (h *Pages) askDelete(c *fiber.Ctx, status int, shown doomedTransition) error {
	return h.site.Show(c, status, pages.Page{Template: "stages/delete", Title: "Delete a transition", Section: "stages", Data: shown})
}

// Delete deletes a transition in the state that the person has seen.
func (h *Pages) Delete(c *fiber.Ctx) error {
	t, err := h.transition(c)
	if err != nil {
		return err
	}
	fields, err := request.ReadPlainForm(c, pages.VersionField)
	if err != nil {
		return err
	}
	if fields[pages.VersionField] == "" {
		return request.Invalid(pages.VersionField, "required", "request.no_version", nil)
	}
	done, err := h.writer.Delete(c.UserContext(), t.ID, models.RowVersions{fields[pages.VersionField]})
	if current, is := transitionMeanwhile(err); is {
		return h.askDelete(c, fiber.StatusPreconditionFailed, doomedTransition{historyRow: historyRowOf(current.ListedTransition), Version: current.Version, Changed: true})
	}
	if err != nil {
		return err
	}
	return pages.SeeOther(c, historyOf(t.ProductID), pages.NoticeOf("transition-deleted", done))
}

// historyOf is the address of a product's stage history.
func historyOf(product int64) string {
	return "/stage-history?productId=" + strconv.FormatInt(product, 10)
}
