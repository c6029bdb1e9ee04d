package pages

import (
	"crypto/rand"
	"errors"
	"maps"
	"net/http"
	"strings"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers"
	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
	"lifecycle-sync/services/outbox"
	"lifecycle-sync/web/messages"
)

// field is a field of a form.
type field struct {
	Name, Label, Hint string
	Kind              string // text, number, date, datetime-local, textarea or select
	Value, Was        string // Was is the value when the form was opened, kept where KeepWas is set
	KeepWas           bool
	Required          bool
	Wide              bool // a row of its own
	Longest           int  // characters, 0 where there is no limit
	Options           []option
	Blank             string // what a select says when nothing is chosen
	Error             string
}

// Described are the ids of what explains the field.
func (f field) Described() string {
	var ids []string
	if f.Error != "" {
		ids = append(ids, f.Name+"-error")
	}
	if f.Hint != "" {
		ids = append(ids, f.Name+"-hint")
	}
	return strings.Join(ids, " ")
}

// Choices are the options, and the value itself when it is not among them.
func (f field) Choices() []option {
	for _, o := range f.Options {
		if o.Value == f.Value {
			return f.Options
		}
	}
	if f.Value == "" {
		return f.Options
	}
	if len(f.Options) == 0 {
		return []option{{f.Value, f.Value}} // the list cannot be read at the moment
	}
	return append([]option{{f.Value, f.Value + " (not in the list)"}}, f.Options...)
}

// problems are what is wrong with a form.
type problems struct {
	Heading string
	List    []problem
}

// problem is one mistake. Field is "" where it belongs to none.
type problem struct{ Field, Text string }

// titled is the title of the form's page, which tells first of all that something is wrong.
func (p *problems) titled(title string) string {
	if p == nil {
		return title
	}
	return "Error: " + title
}

// at is what is wrong with a field.
func (p *problems) at(name string) string {
	if p == nil {
		return ""
	}
	for _, one := range p.List {
		if one.Field == name {
			return one.Text
		}
	}
	return ""
}

// problemsOf is problemsOf for the error that a form is shown again with, which nobody else sees: where it is the
// server's fault it is logged.
func (s *Site) problemsOf(c *fiber.Ctx, err error, labels map[string]string) (int, *problems) {
	status, found := problemsOf(s.texts, err, labels)
	if found != nil {
		handlers.LogFault(s.log, c, status, err)
	}
	return status, found
}

// problemsOf says an error in the words of a form, whose fields have labels by their names, and with which
// status the form is shown again. It is nil for errors that are shown without the form.
func problemsOf(texts *messages.Printer, err error, labels map[string]string) (int, *problems) {
	status, f := handlers.Failed(texts, err)
	of := "" // what the mistake is of where the error does not say
	switch status {
	case http.StatusBadRequest:
		status = http.StatusUnprocessableEntity
	case http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType:
		status, of = http.StatusUnprocessableEntity, request.FilesField
	case http.StatusConflict, http.StatusServiceUnavailable, http.StatusInternalServerError:
	default:
		return status, nil
	}
	found := &problems{Heading: "Nothing was saved"}
	if status == http.StatusInternalServerError {
		found.Heading = "It may not have been saved"
		f.Message += " What you have entered is still here: send it again, and when that does not help, copy it and ask whoever looks after this program."
	}
	fields := models.AsError(err).Fields
	if len(fields) == 0 {
		fields = []models.FieldError{{Field: of, LegacyMessage: f.Message}}
	}
	for _, e := range fields {
		one := problem{Text: inWords(e.LegacyMessage, labels)}
		if !e.Text.IsZero() {
			one.Text = texts.Text(labelled(e.Text, labels))
		}
		if labels[e.Field] != "" {
			one.Field = e.Field
		}
		found.List = append(found.List, one)
	}
	return status, found
}

// labelled replaces the name of a text's field by its label.
func labelled(t models.Text, labels map[string]string) models.Text {
	name, _ := t.Params["field"].(string)
	label := labels[name]
	if label == "" {
		return t
	}
	params := maps.Clone(t.Params)
	params["field"] = label
	return models.NewText(t.Code, params)
}

// inWords names the field that a message begins with by its label.
func inWords(message string, labels map[string]string) string {
	name, rest, _ := strings.Cut(message, " ")
	if label := labels[name]; label != "" {
		return label + " " + rest
	}
	return message
}

// newKey is a key for a form, so that sending it twice does once what it asks for.
func newKey() string { return rand.Text() }

// sentBefore is what becomes of a form that failed: the key for it to be sent again, and the error. When it was
// sent before with other entries, as after going back to it, it gets another key, and the error says so.
func sentBefore(key string, err error, outcome string) (string, error) {
	if _, used := errors.AsType[outbox.KeyReusedError](err); !used {
		return key, err
	}
	return newKey(), &models.Error{Class: models.Conflict, LegacyMessage: "You have sent this form before, with other entries, and " + outcome,
		LegacyRemedy: "Send it again if you mean this, too."}
}

// isOf reports whether an error is of a class.
func isOf(err error, class models.Class) bool {
	return err != nil && models.AsError(err).Class == class
}
